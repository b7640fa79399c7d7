"""Open the detector of a run: a network, detections from files, or a function of the user."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.arrays import describe
from idfree.core.errors import MissingExtra, UserError
from idfree.core.onnx_session import Session
from idfree.core.types import Detector, Sequence
from idfree.detectors import open_detector
from idfree.detectors.people import FILE, PEOPLE, check_name
from idfree.detectors.scores import ScoreScale, check_scale
from idfree.pipelines.detection.callable_detector import CallableDetector, DetectorFunction
from idfree.pipelines.detection.report import NETWORKS
from idfree.pipelines.detection.stored_detections import load_detections
from idfree.pipelines.manifest import checksum_of_detector, identify_video
from idfree.pipelines.tracking.selection import Selection

OTHER_NETWORKS = (".pth", ".ckpt", ".safetensors", ".torchscript", ".engine", ".tflite", ".pb", ".h5", ".mlmodel")

DetectorOf = Callable[[Sequence], Detector]  # from a sequence to its detector
ClassesLike = str | int | Iterable[str | int] | None  # names or numbers; a text may hold several, comma separated


@dataclass(frozen=True)
class DetectorConfig:
    """A detector as named by the options of the command line; picklable.

    spec: `people`, MODEL.onnx, MODEL.xml, RUN/best.pt, `det` (the det/det.txt of each sequence), or a file or folder of
    detections. format: of the outputs of MODEL.onnx, None to recognise it. classes: names or numbers to keep,
    comma-separated, all if empty. assignments: `name=value` overrides of the detector's settings. device: that networks
    run on. scores: the scale of scores in files, see `scale_scores`. Raises UserError for `scores` of a network, and
    for `format` or `assignments` of detections in files.
    """

    spec: str = PEOPLE
    format: str | None = None
    classes: str = ""
    assignments: tuple[str, ...] = ()
    device: str = "auto"
    scores: ScoreScale = "auto"

    @classmethod
    def from_options(
        cls,
        detector: str | Path,
        format: str | None = None,
        classes: ClassesLike = "",
        assignments: Iterable[str] = (),
        device: str = "auto",
        scores: ScoreScale = "auto",
    ) -> "DetectorConfig":
        """The configuration for options as users give them. Raises UserError for values of other types."""
        if not isinstance(detector, str | Path):
            raise UserError(f"detector is {describe(detector)}, expected people, det, or the path of a file or folder")
        is_path = isinstance(detector, Path) and str(detector) in (PEOPLE, "det")  # Path("./det") is Path("det")
        spec = f"./{detector}" if is_path else str(detector)
        return cls(spec, format, join_classes(classes), tuple(assignments), device, scores)

    def __post_init__(self) -> None:
        check_name(self.spec)
        check_scale(self.scores)
        if self.is_network and self.scores not in ("auto", "raw"):
            raise UserError(f"--scores {self.scores}: is for detections in files; those of {self.spec} lie in 0…1")
        options = [f"--set detector.{each}" for each in self.assignments]
        options += [] if self.format is None else [f"--detector-format {self.format}"]
        if options and not self.is_network and not self.spec.lower().endswith(OTHER_NETWORKS):
            raise UserError(f"{options[0]}: is for networks, but --detector {self.spec} names detections in files")

    @property
    def is_network(self) -> bool:
        """Whether the detector runs on images, rather than detections from files."""
        return self.spec == PEOPLE or self.spec.endswith(NETWORKS)

    def open(self, threads: int | None = None) -> DetectorOf:
        """Return a function from a sequence to its detector; a network is loaded once. threads: CPU threads for it.

        Raises UserError if a model is missing or invalid; the returned function does so for detections from files.
        """
        session = None
        if self.spec.lower().endswith(OTHER_NETWORKS):
            raise UserError(f"--detector {self.spec}: of networks, only .onnx and .xml files work: export it as one")
        if self.spec.endswith(".pt"):
            session = open_pytorch_file(self.spec, self.device)
        if self.is_network:
            detector = open_detector(
                self.spec, self.format, self.classes, self.assignments, self.device, threads, session
            )
            add_colour(detector)
            return lambda sequence: without_memory(detector)
        return lambda sequence: load_detections(self.spec, sequence, self.scores)

    def inputs(self) -> list[Path]:
        """The file or folder that is read; none for keywords and what does not exist."""
        return [] if self.spec in (PEOPLE, "det") or not os.path.exists(self.spec) else [Path(self.spec)]

    def class_numbers(self) -> tuple[int, ...]:
        """Class numbers to select in detections from files; () for a network, which selects classes itself.

        Raises UserError for a class name.
        """
        return () if self.is_network else parse_class_numbers(self.classes)

    @property
    def file(self) -> Path:
        """The file of the detector, which need not exist."""
        return FILE if self.spec == PEOPLE else Path(self.spec)


class OpenedDetector:
    """A detector of the command line, opened once for many sequences; pickled by its options, and opened again.

    config: its options. threads: CPU threads for a network. Raises UserError as `DetectorConfig.open`.
    """

    def __init__(self, config: DetectorConfig, threads: int | None = None):
        self.config, self.threads = config, threads
        self.detector_of = config.open(threads)

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenedDetector, (self.config, self.threads)

    def for_sequence(self, sequence: Sequence) -> Detector:
        """The detector of a sequence. Raises UserError for detections in files that do not fit it."""
        return self.detector_of(sequence)


def without_memory(detector: Detector) -> Detector:
    """The detector itself, or, if it remembers frames, one of the same network that has seen none."""
    restarted: Callable[[], Detector] | None = getattr(detector, "restarted", None)
    return detector if restarted is None else restarted()


def add_colour(detector: Detector) -> None:
    """Give a taught detector the colour histogram that its embeddings are concatenated with, if its file says so."""
    if getattr(detector, "colour_weight", 0.0):
        from idfree.appearance.colour import ColourHistogram
        from idfree.detectors.taught import TaughtDetector

        assert isinstance(detector, TaughtDetector)
        detector.histogram = ColourHistogram()


def open_pytorch_file(spec: str, device: str) -> Session:
    """Session of a checkpoint of `idfree train`. Raises UserError if it is missing or none, and without PyTorch."""
    if not os.path.exists(spec):
        raise UserError(f"--detector {spec}: no such file")
    try:
        from idfree.learn.methods.registry import open_checkpoint
    except MissingExtra as error:
        raise UserError(
            f"--detector {spec}: a checkpoint of idfree train needs PyTorch (pip install 'idfree[train]'); another"
            f" detector's is exported to ONNX first, as by yolo export model={spec} format=onnx"
        ) from error
    return open_checkpoint(Path(spec), device)


def open_any_detector(
    detector: str | Path | Detector | DetectorFunction, classes: ClassesLike, scores: ScoreScale, sequence: Sequence
) -> tuple[Detector, tuple[int, ...]]:
    """The detector of a sequence, and the class numbers to select in its detections. Raises UserError."""
    if isinstance(detector, str | Path):
        config = DetectorConfig.from_options(detector, classes=classes, scores=scores)
        return config.open()(sequence), config.class_numbers()
    if isinstance(detector, type) or not callable(detector):
        raise UserError(
            f"detector is {describe(detector)}, expected people, det, the path of a file or folder, or a function from"
            " a Frame to Detections"
        )
    numbers = parse_class_numbers(join_classes(classes))
    if isinstance(detector, Detector):
        if scores not in ("auto", "raw"):
            raise UserError(f"scores={scores!r}: has no effect on a detector that is made: {detector.name}")
        return detector, numbers
    return CallableDetector(detector, scores=scores), numbers


def join_classes(classes: ClassesLike) -> str:
    """Class names and numbers, comma separated. Raises UserError for values of other types."""
    if classes is None or isinstance(classes, str):
        return classes or ""
    values = list(classes) if isinstance(classes, Iterable) else [classes]
    if not all(isinstance(value, str | int | np.integer) and not isinstance(value, bool) for value in values):
        raise UserError(f"classes {classes!r}: expected numbers or names")
    return ",".join(map(str, values))


def parse_class_numbers(classes: str) -> tuple[int, ...]:
    """Comma-separated class numbers. Raises UserError for a class name."""
    try:
        return tuple(int(number) for number in classes.split(",") if number.strip())
    except ValueError as error:
        raise UserError(
            f"--classes {classes}: expected numbers: only a model.onnx knows its classes by name"
        ) from error


def detection_inputs(
    sequence: Sequence, detector: Detector, config: DetectorConfig, selection: Selection
) -> dict[str, Any]:
    """Everything that the detections of a sequence depend on, for the manifest of the results."""
    return {
        "video": identify_video(sequence),
        "detector": Path(config.spec).name,
        "detector_format": config.format,
        "classes": config.classes,
        "start": selection.start,
        "frames": selection.frames,
        "every": selection.every,
        "detector_settings": [f"detector.{assignment}" for assignment in config.assignments],
        "detector_checksum": checksum_of_detector(detector, config.file),
        **({} if config.scores == "auto" else {"scores": config.scores}),  # absent in manifests of earlier versions
    }
