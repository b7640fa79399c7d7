"""Crop encoders of the tables (SimpleReID's rows, TDT's teachers), each trained once. Needs PyTorch."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.datasets.open_footage import open_all
from idfree.detectors.scores import to_unit_range
from idfree.evaluation.frame_subset import select_half
from idfree.experiments.protocol import Place
from idfree.experiments.table import TRAINED
from idfree.learn.methods import simplereid
from idfree.pipelines.detection.stored_detections import load_detections
from idfree.pipelines.training.train_crops import train_crops
from idfree.pipelines.training.training_data import LINK_SETTINGS, link_by_motion
from idfree.sequences.motchallenge import open_sequence

Half = Literal["train", "val"]


@dataclass(frozen=True)
class CropEncoders(Place):
    """Crop encoders below OUT/encoders, trained on the first halves of the protocol's videos."""

    def model(self, name: str, seed: int) -> str:
        """What `--appearance` and `--teacher` take: `colour`, or a file, of the protocol's teachers or trained here."""
        if name == "colour":
            return name
        if name in self.protocol.teachers:
            return str(self.data / self.protocol.teachers[name])
        run = self.out / "encoders" / f"{name}-{seed}"
        model = run / "appearance.onnx"
        if not model.exists():
            self.train(name, run, seed)
        return str(model)

    def train(self, name: str, run: Path, seed: int) -> None:
        """Write RUN/appearance.onnx: untrained ("random"), or trained (TRAINED). Raises UserError for other names."""
        if name == "random":
            run.mkdir(parents=True, exist_ok=True)
            simplereid.export_untrained(run / "appearance.onnx", seed)
            return
        if name not in TRAINED:
            raise UserError(f"{name}: neither a teacher of this protocol nor one of {', '.join(TRAINED)}")
        texts = ("threads=1", f"identities={str(name == 'identities').lower()}")
        options: dict[str, Any] = {"resume": True, "device": self.device, "seed": seed, "quiet": self.quiet}
        train_crops(self.training(name), run, assignments=texts, **options)

    def training(self, name: str) -> list[Footage]:
        """First halves with the true boxes and identities, or with the public detections that motion links."""
        footages, boxes = self.detections("train")
        if name == "identities":
            return footages
        detected = [replace(footage, boxes=each) for footage, each in zip(footages, boxes, strict=True)]
        return [link_by_motion(footage, LINK_SETTINGS) for footage in detected]

    def detections(self, half: Half) -> tuple[list[Footage], list[Annotation]]:
        """One half of each video, and its public detections with scores in 0…1. Raises UserError without videos."""
        folders = [self.data / source.path for source in self.protocol.train if source.half]
        if not folders:
            raise UserError("this protocol has no videos with public detections, from which crop encoders are trained")
        footages = open_all(folders, half, self.images)
        return footages, [public_detections(folder, half) for folder in folders]


def crop_encoders(place: Place) -> CropEncoders:
    """The crop encoders of the place of other rows."""
    return CropEncoders(place.protocol, place.data, place.out, place.device, place.quiet)


def public_detections(folder: Path, half: Half) -> Annotation:
    """Rows of one half of det/det.txt, numbered from 1, with scores in 0…1."""
    sequence = open_sequence(folder)
    detector = load_detections("det", sequence)
    assert sequence.length is not None, "a folder has an end"
    boxes, _ = select_half(detector.annotation, sequence.length, half)
    if detector.score_range is None:
        return boxes
    return replace(boxes, score=to_unit_range(boxes.score, detector.score_range))
