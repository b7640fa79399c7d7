"""The public API, `idfree.NAME`: its names, its types for users with mypy, and a function for every command."""

import re
import subprocess
import sys
from inspect import isfunction
from pathlib import Path

import pytest

import idfree
from idfree.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]

FUNCTIONS = {  # of each command, except `version`
    "track": ["track", "track_videos"],
    "show": ["annotate", "plot_tracks", "plot_embeddings"],
    "view": ["view"],
    "count": ["count"],
    "detect": ["detect"],
    "label": ["label"],
    "adapt": ["adapt"],
    "teach": ["teach"],
    "train": ["train"],
    "export": ["export"],
    "refine": ["refine"],
    "eval": ["evaluate"],
    "eval_detections": ["evaluate_detection"],
    "eval_appearance": ["evaluate_appearance"],
    "tune": ["tune"],
    "data": ["check_data", "convert_data", "pack"],
    "demo": ["run_demo"],
}

SCRIPT = """
import numpy as np

import idfree
from idfree import track

tracker = idfree.trackers.FairMOT()
detections = idfree.Detections(xyxy=np.zeros((0, 4)))
reveal_type(tracker)  # FairMOT
reveal_type(tracker.update(detections))  # Tracks
reveal_type(detections.score)  # ndarray
reveal_type(idfree.track)  # def
for frame, tracks in track("street.mp4", detector="model.onnx"):
    reveal_type(frame.number)  # int
    reveal_type(tracks.id)  # ndarray
reveal_type(idfree.tune("MOT17/train", "det"))  # TuningResult
reveal_type(idfree.check_data("MOT17/train").sources)  # list
reveal_type(idfree.export("best.pt"))  # Path
"""


@pytest.fixture(scope="module")
def mypy(tmp_path_factory: pytest.TempPathFactory):
    """A function that checks a script as its user would, with `mypy --strict`; returns the output."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("mypy")

    def check(script: str) -> str:
        (folder / "script.py").write_text(script)
        config = f"[mypy]\nstrict = true\nfollow_imports = silent\nmypy_path = {ROOT}\n"
        skipped = "[mypy-torch.*,optuna.*,cv2.*]\nfollow_imports = skip\n"  # not in the types of the API, and large
        (folder / "mypy.ini").write_text(config + skipped)
        command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", "script.py"]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout

    return check


def test_every_name_is_typed(mypy):
    """No public name, and nothing that the functions return, has the type Any."""
    names = "".join(f"reveal_type(idfree.{name})  # \n" for name in idfree.__all__ if name != "trackers")
    output = mypy(SCRIPT + names)
    revealed = dict(re.findall(r'script\.py:(\d+): note: Revealed type is "(.+)"', output))
    expected = {
        str(number): line.partition("  # ")[2]
        for number, line in enumerate((SCRIPT + names).splitlines(), start=1)
        if line.lstrip().startswith("reveal_type")
    }
    assert ": error:" not in output
    assert revealed.keys() == expected.keys()
    for number, type_name in expected.items():
        assert type_name in revealed[number]
        assert revealed[number] != "Any"
        assert not revealed[number].endswith("-> Any")


def test_unknown_names_are_type_errors(mypy):
    output = mypy("import idfree\nidfree.trak('street.mp4')\nidfree.trackers.FairMot()\n")
    assert output.count("[attr-defined]") == 2


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "version"])
def test_every_command_has_a_function(command):
    for name in FUNCTIONS[command]:
        assert isfunction(getattr(idfree, name))
        assert name in idfree.__all__


def test_names_are_the_same_for_users_and_for_type_checkers():
    source = (ROOT / "idfree" / "__init__.py").read_text(encoding="utf-8")
    imported = re.findall(r"^    from idfree\S* import (.+)$", source, re.MULTILINE)
    names = {name for line in imported for name in line.split(", ")}
    assert names | {"__version__"} == set(idfree.__all__)
    assert set(idfree.MODULES) | {"trackers", "__version__"} == set(idfree.__all__)
    assert dir(idfree) == sorted(idfree.__all__)


def test_functions_are_not_their_modules():
    """The package has modules of the same names."""
    import idfree.pipelines.track
    from idfree import track

    assert track is idfree.track is idfree.pipelines.track.track
