"""Contract test of the methods: every entry of the catalogue has what the table says, and trains."""

import json
import subprocess
import sys
from importlib import import_module
from typing import get_type_hints

import numpy as np
import pytest

from idfree.learn.methods.catalogue import METHODS, NEEDS, methods_of

ONE_SHOT, CROPS = list(methods_of("one-shot")), list(methods_of("crops"))
PARTS_OF_CROPS = ("train", "open_checkpoint", "export")  # functions of the module of a "crops" method


def run_without_torch(code):
    """Output of Python code in an interpreter in which PyTorch cannot be imported."""
    code = f"import sys; sys.modules['torch'] = None\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_catalogue_needs_no_torch():
    listed = run_without_torch("from idfree.learn.methods.catalogue import METHODS; print(*METHODS)")
    assert listed.split() == list(METHODS)


@pytest.mark.parametrize("module", ["devices", "data.targets", "networks.centre", "methods.registry", "log"])
def test_other_modules_name_the_missing_extra(module):
    code = f"""
from idfree.core.errors import MissingExtra
try:
    import idfree.learn.{module}
except MissingExtra as error:
    print(error)
"""
    assert run_without_torch(code) == "training needs the package torch: pip install 'idfree[train]'\n"


@pytest.mark.parametrize(
    ("name", "said"), [("missing.pt", "no such file"), ("yolo.pt", "yolo export model=yolo.pt format=onnx")]
)
def test_checkpoints_as_detectors(name, said, tmp_path, monkeypatch):
    """The package torch alone was named."""
    (tmp_path / "yolo.pt").touch()
    monkeypatch.chdir(tmp_path)
    code = f"""
from idfree.core.errors import UserError
from idfree.pipelines.detection.open_detector import DetectorConfig
try:
    DetectorConfig({name!r}, assignments=()).open()
except UserError as error:
    print(error)
"""
    assert said in run_without_torch(code)


@pytest.mark.parametrize("name", METHODS)
def test_entries_are_complete(name):
    entry = METHODS[name]
    assert entry.kind in ("one-shot", "crops"), f"{name}: kind is {entry.kind!r}, expected one-shot or crops"
    assert entry.summary, f"{name}: has no summary"
    assert entry.needs, f"{name}: needs is empty, expected some of {', '.join(NEEDS)}"
    assert set(entry.needs) <= NEEDS.keys(), f"{name}: needs {entry.needs}, expected some of {', '.join(NEEDS)}"
    if entry.kind == "one-shot":
        assert None not in (entry.epochs, entry.batch), f"{name}: epochs and batch are missing"


@pytest.mark.parametrize("name", METHODS)
def test_modules_have_what_their_kind_says(name):
    pytest.importorskip("torch")
    entry = METHODS[name]
    try:
        module = import_module(entry.module)
    except ImportError as error:
        pytest.fail(f"{name}: module {entry.module} cannot be imported: {error}")
    parts = (name.upper(),) if entry.kind == "one-shot" else PARTS_OF_CROPS
    missing = [part for part in parts if not hasattr(module, part)]
    assert not missing, f"{name}: {entry.module} lacks {', '.join(missing)}"
    if entry.kind == "one-shot":
        method = getattr(module, name.upper())
        defaults = method.settings()
        assert method.name == name, f"{name}: the Method in {entry.module} is called {method.name}"
        assert (defaults.epochs, defaults.batch) == (entry.epochs, entry.batch), f"{name}: defaults differ"
        assert method.uses_identities or "identities" not in entry.needs, f"{name}: its needs are not used"


def finite_losses(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [bool(np.isfinite(line["loss"])) for line in lines if "loss" in line]


@pytest.mark.parametrize("name", ONE_SHOT)
def test_one_shot_methods_train_and_export(name, narrow, tmp_path, one_thread):
    """An epoch on a synthetic street; the exported model is read by the detector."""
    pytest.importorskip("onnxscript")
    from idfree.detectors import open_detector
    from idfree.learn.methods import one_shot, registry

    method = registry.METHODS[name]
    shared = ("backbone", "size", "dimension", "lr", "precision", "threads")
    settings = method.settings(**{each: getattr(narrow.TINY, each) for each in shared}, batch=2, epochs=1)
    street = narrow.make_footage()
    teacher = {"teacher": narrow.make_teacher([street])} if method.needs_teacher else {}
    notice = "a synthetic street"
    model = one_shot.train(method, [street], settings, tmp_path, device=narrow.CPU, trained_on=notice, **teacher)
    assert finite_losses(tmp_path) == [True] * 3
    assert model == tmp_path / "model.onnx"
    detector = open_detector(model)
    assert detector.metadata["method"] == name
    assert len(registry.open_tracker(tmp_path / "best.pt")) == 3


@pytest.mark.parametrize("name", CROPS)
def test_crop_methods_train(name, crowd, tmp_path, monkeypatch):
    """Two iterations, without the export, which test_simplereid covers.

    In float32: in bfloat16, PyTorch's convolution of maps of two pixels now and then gives NaN on processors with AMX.
    """
    pytest.importorskip("torch")
    from idfree.learn.networks.crop_reid import NETWORKS

    build, _, dimension = NETWORKS["striped"]
    monkeypatch.setitem(NETWORKS, "striped", (build, crowd.crops.shape[1:3], dimension))
    module = import_module(METHODS[name].module)
    monkeypatch.setattr(module, "export", lambda network, path, metadata: None)
    settings = get_type_hints(module.train)["settings"](iterations=2, tracklets=4, crops=2, threads=1, precision="fp32")
    module.train(crowd, settings, tmp_path)
    assert finite_losses(tmp_path) == [True] * 2
    assert module.open_checkpoint(tmp_path / "last.pt").dimension == dimension
