"""Where a run's boxes come from: a network, a file, or a function of the user's own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Detections, Detector, Frame, Integers, Sequence, View
from idfree.detectors import PrecomputedDetector
from idfree.detectors.precomputed import ALL
from idfree.pipelines.manifest import read_manifest

NETWORKS = (".onnx", ".pt")


def detectors_for(spec: str, **options: Any) -> Callable[[Sequence], Detector]:
    """What finds the boxes of each sequence, by the words of `--detector`; a network is loaded once for all.

    options: what `open_detector` takes for a network. Raises UserError where a model or file is missing, or is not what
    it seems.
    """
    from idfree.detectors import open_detector

    if spec.endswith(".pt"):  # a run's own checkpoint
        from idfree.learn.methods.registry import open_checkpoint

        options["session"] = open_checkpoint(Path(spec), options.get("device", "auto"))
    if spec == "hog" or spec.endswith(NETWORKS):
        detector = open_detector(spec, **options)
        return lambda sequence: detector
    return lambda sequence: given(spec, sequence)


def given(spec: str, sequence: Sequence) -> PrecomputedDetector:
    """The detections of a sequence as `stored` finds them, and what `idfree detect` knew of them, if it wrote them."""
    path = file_of(spec, sequence)
    boxes, record = checked(path, sequence), read_manifest(path.parent, f"{path.stem}.json")
    if not record:
        return PrecomputedDetector(boxes, sequence.size_hw)
    if not record["complete"]:
        raise UserError(f"{path}: `idfree detect` did not finish: let it go on, with the same words")
    report = record["report"]
    if len(boxes) != report["detections"]:
        raise UserError(
            f"{path}: {len(boxes)} rows, but {path.stem}.json tells of {report['detections']}: it is of other"
            " detections; delete it to use these without"
        )
    looks = report["appearance"] or {"limit": None, "dtype": "float64"}
    embedding = None if boxes.embedding is None else boxes.embedding.astype(looks["dtype"])
    return PrecomputedDetector(
        replace(boxes, class_id=classes_beside(path, boxes), embedding=embedding),
        sequence.size_hw,
        report["detector"],
        match_threshold=looks["limit"],
        upper_threshold=looks.get("farthest"),
        looked=range(report.get("start", 1), report.get("stop") or ALL.stop, report["every"]),
        scores=tuple(report["score_range"]) if report["score_range"] else None,
    )


def stored(spec: str, sequence: Sequence) -> Annotation:
    """The detections of a sequence in `det` (its own det/det.txt), a file, or a folder of NAME.txt / NAME.npy …"""
    return checked(file_of(spec, sequence), sequence)


def file_of(spec: str, sequence: Sequence) -> Path:
    """Where the detections of a sequence are. Raises UserError where they are not."""
    from idfree.sequences.motchallenge import names_of
    from idfree.sequences.tables import SUFFIXES

    path = Path(spec)
    if spec == "det":
        if sequence.folder is None:
            raise UserError(f"--detector det: {sequence.name} is no MOTChallenge folder, so it has no det/det.txt")
        return sequence.folder / "det" / "det.txt"
    if not path.is_dir():
        return path
    candidates = (path / (name + suffix) for name in names_of(sequence.name) for suffix in SUFFIXES)
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        raise UserError(f"--detector {path}: no file for {sequence.name} ({', '.join(SUFFIXES)})")
    return found


def checked(path: Path, sequence: Sequence) -> Annotation:
    """The boxes in a file. Raises UserError where they are of another video."""
    from idfree.sequences.tables import read_boxes

    boxes = read_boxes(path)
    if sequence.length is not None and len(boxes) and boxes.frame[-1] > sequence.length:
        raise UserError(
            f"{path}: has detections of frame {boxes.frame[-1]}, but {sequence.name} has {sequence.length} frames:"
            " are they of another video?"
        )
    return boxes


def classes_beside(path: Path, boxes: Annotation) -> Integers:
    """(K,) the classes of the boxes in a NAME.npy, which has no room for them: in NAME.classes.npy, if there is one."""
    beside = classes_file(path)
    if path.suffix != ".npy" or not beside.is_file():
        return boxes.class_id
    classes = np.load(beside, allow_pickle=False)
    if classes.shape != boxes.class_id.shape:
        raise UserError(f"{beside}: {classes.shape} classes for {len(boxes)} boxes: run `idfree detect --force` again")
    return classes.astype(np.int64)


def classes_file(path: Path) -> Path:
    """Where the classes of the boxes in a NAME.npy are kept."""
    return path.with_name(f"{path.stem}.classes.npy")


@dataclass(frozen=True)
class CallableDetector:
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
