"""Rows of a made-up table: networks are trained once, judged, and shared; crop encoders likewise."""

from dataclasses import replace

import pytest

pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.experiments.crop_encoders import CropEncoders
from idfree.experiments.crop_rows import CropRows
from idfree.experiments.one_shot_rows import OneShotRows
from idfree.experiments.protocol import Protocol, Source
from idfree.experiments.table import METRICS, CropReid, OneShot
from idfree.learn.checkpoint import load
from idfree.pipelines.synthesise import SceneSettings, synthesise

SETTINGS = ("backbone=narrow", "size=96x64", "dimension=8", "epochs=1", "batch=4", "precision=fp32", "threads=1")


@pytest.fixture
def place(tmp_path, narrow):
    """A protocol of one street, the folder of its data, and the one for results."""
    (folder,) = synthesise(tmp_path / "data", SceneSettings(people=4, frames=24, size_hw=(120, 200)))
    street = Source(folder.name, 24, "here", half=True)
    protocol = Protocol((street,), settings=SETTINGS, base_settings=("lr=1e-3",))
    return protocol, folder.parent, tmp_path / "out"


def test_one_shot_rows_share_their_base_and_their_network(place):
    rows, out = OneShotRows(*place), place[2] / "networks"
    found = rows.judge(OneShot("fairmot"), 0)
    assert {"AP", "CPU ms", "R1", "mAP", *(f"fused {name}" for name in METRICS)} <= {*found}
    assert {path.name for path in out.iterdir()} == {"base", "fairmot-0"}
    written = (out / "fairmot-0" / "best.pt").stat().st_mtime_ns
    bare = rows.judge(OneShot("fairmot", embeddings="none"), 0)
    assert (out / "fairmot-0" / "best.pt").stat().st_mtime_ns == written
    assert bare["AP"] == found["AP"]
    assert "R1" not in bare
    assert "R1" in rows.judge(OneShot("fairmot", untrained=True), 0)
    assert {path.name for path in out.iterdir()} == {"base", "fairmot-0"}


def test_rows_that_compare_embeddings_alone_have_equal_boxes(place):
    heads = replace(place[0], embedding_settings=("freeze=backbone,heads.heat,heads.offset,heads.size",))
    rows = OneShotRows(heads, *place[1:])
    found = rows.judge(OneShot("fairmot", same_detector=True), 0)
    assert found["AP"] == rows.judge(OneShot("fairmot", untrained=True), 0)["AP"]
    weights = [load(place[2] / "networks" / run / "best.pt")["network"] for run in ("base", "fairmot-head-0")]
    changed = {name for name, before in weights[0].items() if not before.equal(weights[1][name])}
    assert changed == {name for name in weights[0] if name.startswith("heads.embedding.")}


def test_a_tracker_can_use_more_than_boxes(place):
    recipe = OneShot("outrack", ("occlusions=joint",), tracker_settings=("refind=true",))
    assert "fairmot IDF1" in OneShotRows(*place).judge(recipe, 0)


def test_an_oracle_tells_people_apart_better_than_nothing(place):
    rows = CropRows(*place)
    found = {kind: rows.judge(CropReid(kind), 0)["IDF1"] for kind in ("none", "oracle")}
    assert found["oracle"] >= found["none"] > 0


def test_an_encoder_is_trained_once(place):
    rows = CropRows(*place)
    rows.judge(CropReid("random"), 0)
    model = place[2] / "encoders" / "random-0" / "appearance.onnx"
    written = model.stat().st_mtime_ns
    rows.judge(CropReid("random"), 0)
    assert model.stat().st_mtime_ns == written


def test_the_regressor_of_tracktor_is_trained_once(place):
    networks = place[2] / "networks"
    for run in ("base", "fasterrcnn-0"):
        (networks / run).mkdir(parents=True)
        (networks / run / "model.onnx").touch()
    rows = CropRows(*place)
    trained = CropReid("none", "tracktor", regressor="fasterrcnn")
    assert rows.regressor(trained, 0) == str(networks / "fasterrcnn-0" / "model.onnx")
    assert rows.regressor(CropReid("none", "tracktor"), 0) == "people"
    assert trained.name == "tracktor-none-fasterrcnn"


def test_encoders_that_cannot_be_trained_are_refused(place):
    protocol, data, out = place
    with pytest.raises(UserError, match="oracle: neither a teacher of this protocol nor one of pseudo-labels"):
        CropEncoders(*place).model("oracle", 0)
    stills = replace(protocol, train=tuple(replace(each, half=False, still=True) for each in protocol.train))
    with pytest.raises(UserError, match="no videos with public detections"):
        CropEncoders(stills, data, out).model("pseudo-labels", 0)
