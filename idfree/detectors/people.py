"""The people detector in the package: `people`, the default of `--detector`; docs/people_model.md says what it is."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.onnx_session import Session, open_session
from idfree.core.settings import override
from idfree.core.types import Detector
from idfree.detectors.onnx import OnnxDetector, OnnxDetectorSettings

PEOPLE = "people"  # value of --detector
FILE = Path(__file__).with_name("people.onnx")
CLASSES = ("person", "0")  # by name and by number
FORMAT = "yolov8"  # of its output
SETTINGS = OnnxDetectorSettings(max_iou=0.45, part_score=0.6)  # docs/people_model.md, "How it was chosen"


def check_name(spec: str | Path) -> None:
    """Raises UserError for the name of a detector that there is no longer."""
    if str(spec) == "hog":
        raise UserError(
            f"--detector hog: OpenCV's detector is no longer here; --detector {PEOPLE}, the default, finds more people"
            " in less time"
        )


def open_people(
    format: str | None,
    assignments: Iterable[str],
    classes: Sequence[str | int],
    device: str = "auto",
    threads: int | None = None,
    session: Session | None = None,
) -> Detector:
    """Open the people detector; arguments as of `open_detector`. Raises UserError for another class."""
    others = [name for name in classes if str(name).strip().lower() not in CLASSES]
    if others:
        raise UserError(
            f"--classes {','.join(map(str, others))}: {PEOPLE}, the default detector, knows people (class 0) only; for"
            " other classes add --detector MODEL.onnx, a detector that knows them (the README says where to get one)"
        )
    settings = override(SETTINGS, assignments)
    opened = session or open_session(FILE, device, threads)
    return OnnxDetector(PEOPLE, format or FORMAT, settings, classes or None, session=opened)
