"""Every long command, ended at random moments by Ctrl-C, SIGTERM and SIGKILL, and then given again.

Afterwards its files are those of an undisturbed run, byte by byte but for measured times, without temporary files, and
no process of it is left. Slow: `pytest -m slow tests/test_kill_matrix.py`; IDFREE_KILLS=20 kills more often than twice.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("onnxscript")
pytest.importorskip("optuna")

from idfree.sequences.motchallenge import write_ground_truth, write_results
from idfree.show.video_writer import VideoWriter
from idfree.synthetic.scene import make_street

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")]

KILLS = int(os.environ.get("IDFREE_KILLS", "2"))  # of each command with each signal
SIGNALS = {"ctrl-c": signal.SIGINT, "sigterm": signal.SIGTERM, "sigkill": signal.SIGKILL}
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
UNHURRIED = 600  # seconds after which a command counts as stuck; only failures take that long
SIZE_HW, FRAMES = (192, 320), 60
UNLIKE = ("seconds", "frames_per_second", "skipped")  # JSON keys: times, and what an earlier run has finished
LABELS = "--set label.min_height=16 --set label.min_boxes=4"

# "{films}": videos, "{boxes}": their detections, "{streets}": MOTChallenge folders with both and ground truth.
COMMANDS = {
    "track": "track {films}/one.mp4 --detector {boxes}/one.txt --appearance colour --video",
    "track-many": "track {films}/one.mp4 {films}/two.mp4 {films}/three.mp4 --detector {boxes} --appearance colour",
    "track-workers": "track {films} --detector {boxes} --appearance colour --workers 2",
    "detect": "detect {films} --detector {boxes} --appearance colour --workers 2",
    "label": "label {films} --detector {boxes} --workers 2 --set min_height=16 --set min_boxes=4",
    "adapt": "adapt {films} --detector {boxes} --workers 2 --iterations 6 --set threads=1 --set tracklets=4"
    f" --set group=2 --set save_every=2 {LABELS}",
    "train": "train fairmot {streets}/one --val {streets}/two --backbone narrow --size 160x96 --batch 4 --epochs 2"
    " --set threads=1 --device cpu",
    "show": "show {streets}/one/gt/gt.txt {films}/one.mp4",
    "convert": "data convert {streets} --to coco",
    "tune": "tune {streets}/one --detector det --tracker sort --trials 30 --judge {streets}/two",
}
OUT = {"tune": "out/tuned.json", "show": "out/one.mp4"}  # `out` of the others
AGAIN = {"train": ("--resume",)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three made-up streets: videos, detections, and MOTChallenge folders."""
    root = tmp_path_factory.mktemp("data")
    folders = {name: root / name for name in ("films", "boxes", "streets")}
    for seed, name in enumerate(("one", "two", "three")):
        made = make_street(seed, people=8, frames=FRAMES, size_hw=SIZE_HW)
        street = folders["streets"] / name
        write_ground_truth(street / "gt" / "gt.txt", made.truth[made.truth.visibility > 0.2])
        write_results(street / "det" / "det.txt", made.detections)
        write_results(folders["boxes"] / f"{name}.txt", made.detections)
        info = f"name={name}\nframeRate=20\nseqLength={FRAMES}\nimWidth={SIZE_HW[1]}\nimHeight={SIZE_HW[0]}\n"
        (street / "seqinfo.ini").write_text(f"[Sequence]\n{info}")
        folders["films"].mkdir(exist_ok=True)
        for path in (street / "video.mp4", folders["films"] / f"{name}.mp4"):
            with VideoWriter(path, 20, SIZE_HW) as video:
                for frame in made.sequence:
                    video.write(frame.image)
    return folders


@dataclass
class Command:
    """A command that is run in folders of its own, where its results are below `out`."""

    name: str
    words: list[str]
    script: Path

    def start(self, folder: Path, mark: str, *more: str) -> "subprocess.Popen[str]":
        """Start it; all of its processes have `mark` in their environment."""
        folder.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, str(self.script), *self.words, "-o", OUT.get(self.name, "out"), "-q", *more],
            **{"cwd": folder, "env": os.environ | {"IDFREE_KILL_MATRIX": mark}, "stdout": subprocess.DEVNULL},
            **{"stderr": subprocess.PIPE, "text": True, "start_new_session": True},
        )

    def run(self, folder: Path, *more: str) -> None:
        """Run it to its end."""
        with self.start(folder, "run", *more) as process:
            err = process.communicate(timeout=UNHURRIED)[1]
        assert process.returncode == 0, err


@pytest.fixture(scope="module", params=COMMANDS)
def command(request: pytest.FixtureRequest, data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Each of the commands, as a script that knows the tiny backbone `narrow`."""
    script = tmp_path_factory.mktemp("script") / "script.py"
    tests = str(Path(__file__).parent)
    knows_narrow = f"    sys.path.insert(0, {tests!r})\n    import narrow\n" if request.param == "train" else ""
    start = "import sys\nfrom idfree.cli import main\n\nif __name__ == '__main__':\n"
    script.write_text(f"{start}{knows_narrow}    sys.exit(main())\n")
    return Command(request.param, COMMANDS[request.param].format(**data).split(), script)


@pytest.fixture(scope="module")
def undisturbed(command: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float]:
    """What a run without interruption writes, and the seconds that it takes. A second run must write the same."""
    folder = tmp_path_factory.mktemp(command.name)
    begin = time.monotonic()
    command.run(folder)
    seconds = time.monotonic() - begin
    command.run(other := tmp_path_factory.mktemp(command.name))
    assert contents(other) == contents(folder)
    return contents(folder), seconds


@pytest.mark.parametrize("nth", range(KILLS))
@pytest.mark.parametrize("sent", SIGNALS)
def test_a_command_that_was_killed_is_given_again(command, undisturbed, tmp_path, sent, nth):
    expected, seconds = undisturbed
    mark, number = uuid.uuid4().hex, SIGNALS[sent]
    moment = random.Random(f"{command.name} {sent} {nth}").uniform(0, seconds)
    with command.start(tmp_path, mark) as process:
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            had_begun = (tmp_path / "out").exists()
            process.send_signal(number)
            err = process.communicate(timeout=UNHURRIED)[1]
            allowed = {0, STATUS[number], -number} | (
                set() if had_begun else {1}
            )  # Python itself, as it starts and ends
            assert process.returncode in allowed, err
            assert "Traceback" not in err or not had_begun, err
    wait_for_the_end_of(mark)
    command.run(tmp_path, *AGAIN.get(command.name, ()))
    found = contents(tmp_path)
    told = f"{sent} after {moment:.2f} of {seconds:.2f} s"
    assert sorted(found) == sorted(expected), told
    for name, content in expected.items():
        assert found[name] == content, f"{name}: {told}"


def wait_for_the_end_of(mark: str) -> None:
    """Wait until no process has a mark in its environment: orphans end by themselves, and soon."""
    deadline = time.monotonic() + 60
    while left := [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if has_mark(pid, mark)]:
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            pytest.fail(f"processes left behind: {left}")
        time.sleep(0.05)


def has_mark(pid: int, mark: str) -> bool:
    """Whether a running process has a mark in its environment."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def contents(folder: Path) -> dict[str, Any]:
    """All files below a folder by name: bytes, or for JSON its values but for UNLIKE; links by their target.

    TensorBoard's events hold times, and each part of a run has a file of its own: they are left out.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()]
    paths = [path for path in paths if not path.name.startswith("events.out.tfevents")]
    return {str(path.relative_to(folder)): content_of(path) for path in paths}


def content_of(path: Path) -> Any:
    if path.is_symlink():
        return os.readlink(path)
    if path.suffix == ".json":
        return without_unlike(json.loads(path.read_text()))
    if path.suffix == ".jsonl":
        return [without_unlike(json.loads(line)) for line in path.read_text().splitlines()]
    return path.read_bytes()


def without_unlike(value: Any) -> Any:
    """A JSON value without the entries UNLIKE."""
    if isinstance(value, dict):
        return {key: without_unlike(entry) for key, entry in value.items() if key not in UNLIKE}
    return [without_unlike(entry) for entry in value] if isinstance(value, list) else value
