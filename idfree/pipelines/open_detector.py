"""Open the detector of a run: a network, detections from files, or a function of the user."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.types import Detections, Detector, Frame, Sequence, View
from idfree.detectors import open_detector
from idfree.detectors.scores import SCORE_SCALES, ScoreScale
from idfree.pipelines.manifest import checksum_of_detector, identify_video
from idfree.pipelines.selection import Selection
from idfree.pipelines.stored_detections import load_detections

NETWORKS = (".onnx", ".pt")  # suffixes
OTHER_NETWORKS = (".pth", ".ckpt", ".safetensors", ".torchscript", ".engine", ".tflite", ".pb", ".h5", ".mlmodel")

DetectorOf = Callable[[Sequence], Detector]


@dataclass(frozen=True)
class DetectorConfig:
    """A detector as named by the options of the command line; picklable.

    spec: `hog`, MODEL.onnx, RUN/best.pt, `det` (the det/det.txt of each sequence), or a file or folder of detections.
    format: of the outputs of MODEL.onnx, None to recognise it. classes: names or numbers to keep, comma-separated, all
    if empty. assignments: `name=value` overrides of the detector's settings. device: that networks run on. scores: the
    scale of scores in files, see `scale_scores`. Raises UserError for scores of a network.
    """

    spec: str = "hog"
    format: str | None = None
    classes: str = ""
    assignments: tuple[str, ...] = ()
    device: str = "auto"
    scores: ScoreScale = "auto"

    def __post_init__(self) -> None:
        if self.scores not in SCORE_SCALES:
            raise UserError(f"--scores {self.scores}: expected one of {', '.join(SCORE_SCALES)}")
        if self.is_network and self.scores not in ("auto", "raw"):
            raise UserError(f"--scores {self.scores}: is for detections in files; those of {self.spec} lie in 0…1")

    @property
    def is_network(self) -> bool:
        """Whether the detector runs on images, rather than detections from files."""
        return self.spec == "hog" or self.spec.endswith(NETWORKS)

    def open(self, threads: int | None = None) -> DetectorOf:
        """Return a function from a sequence to its detector; a network is loaded once. threads: CPU threads for it.

        Raises UserError if a model is missing or invalid; the returned function does so for detections from files.
        """
        session = None
        if self.spec.lower().endswith(OTHER_NETWORKS):
            raise UserError(f"--detector {self.spec}: of networks, only .onnx files work: export it as one")
        if self.spec.endswith(".pt"):
            from idfree.learn.methods.registry import open_checkpoint

            session = open_checkpoint(Path(self.spec), self.device)
        if self.is_network:
            options = (self.format, self.classes, self.assignments, self.device, threads, session)
            detector = open_detector(self.spec, *options)
            return lambda sequence: detector
        return lambda sequence: load_detections(self.spec, sequence, self.scores)

    def inputs(self) -> list[Path]:
        """The file or folder that is read; none for keywords and what does not exist."""
        return [] if self.spec in ("hog", "det") or not os.path.exists(self.spec) else [Path(self.spec)]

    def class_numbers(self) -> tuple[int, ...]:
        """Class numbers to select in detections from files; () for a network, which selects classes itself.

        Raises UserError for a class name.
        """
        if self.spec.endswith(NETWORKS):
            return ()
        try:
            return tuple(int(number) for number in self.classes.split(",") if number.strip())
        except ValueError as error:
            raise UserError(
                f"--classes {self.classes}: expected numbers: only a model.onnx knows its classes by name"
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
        "detector_checksum": checksum_of_detector(detector, Path(config.spec)),
        **({} if config.scores == "auto" else {"scores": config.scores}),  # absent in manifests of earlier versions
    }


@dataclass(frozen=True)
class CallableDetector:
    """Detector from a function of the user, which maps a Frame to Detections or to a View."""

    function: Callable[[Frame], Detections | View]
    name: str = "yours"
    needs_images: bool = True
    has_embeddings: bool = True  # possibly; trackers that use embeddings accept detections without

    def __call__(self, frame: Frame) -> View:
        output = self.function(frame)
        if isinstance(output, View):
            return output
        return View(output, frame, None if frame.image is None else frame.image.shape[:2])
