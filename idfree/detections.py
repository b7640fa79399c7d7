"""Where a run's boxes come from: a network, a file, or a function of the user's own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idfree.detectors import Given
from idfree.errors import UserError
from idfree.types import Annotation, Detections, Detector, Frame, Sequence, View


def detectors_for(spec: str, **options: Any) -> Callable[[Sequence], Detector]:
    """What finds the boxes of each sequence, by the words of `--detector`; a network is loaded once for all.

    options: what `open_detector` takes for a network. Raises UserError where a model or file is missing, or is not what
    it seems.
    """
    from idfree.detectors import open_detector

    if spec == "hog" or spec.endswith(".onnx"):
        detector = open_detector(spec, **options)
        return lambda sequence: detector
    return lambda sequence: Given(stored(spec, sequence), sequence.size_hw)


def stored(spec: str, sequence: Sequence) -> Annotation:
    """The detections of a sequence in `det` (its own det/det.txt), a file, or a folder of NAME.txt / NAME.npy …"""
    from idfree.sequences.motchallenge import names_of
    from idfree.sequences.tables import SUFFIXES, read_boxes

    path = Path(spec)
    if spec == "det":
        if sequence.folder is None:
            raise UserError(f"--detector det: {sequence.name} is no MOTChallenge folder, so it has no det/det.txt")
        path = sequence.folder / "det" / "det.txt"
    elif path.is_dir():
        candidates = (path / (name + suffix) for name in names_of(sequence.name) for suffix in SUFFIXES)
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
        if found is None:
            raise UserError(f"--detector {path}: no file for {sequence.name} ({', '.join(SUFFIXES)})")
        path = found
    boxes = read_boxes(path)
    if sequence.length is not None and len(boxes) and boxes.frame[-1] > sequence.length:
        raise UserError(
            f"{path}: has detections of frame {boxes.frame[-1]}, but {sequence.name} has {sequence.length} frames:"
            " are they of another video?"
        )
    return boxes


@dataclass(frozen=True)
class Yours:
    """A detector made of the user's own function from a Frame to Detections (or to a View)."""

    function: Callable[[Frame], Detections | View]
    name: str = "yours"
    needs_images: bool = True
    has_embeddings: bool = True  # it may have; a tracker with appearance works without, too

    def __call__(self, frame: Frame) -> View:
        found = self.function(frame)
        if isinstance(found, View):
            return found
        return View(found, frame, None if frame.image is None else frame.image.shape[:2])
