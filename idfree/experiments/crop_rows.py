"""Judge trackers on public detections with one kind of crop embedding each (SimpleReID's tables). Needs PyTorch."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.datasets.open_footage import open_all
from idfree.detectors import PrecomputedDetector
from idfree.detectors.scores import to_unit_range
from idfree.evaluation.frame_subset import select_half
from idfree.evaluation.reid import assign_identities
from idfree.evaluation.tracking import Scores, compute_metrics
from idfree.experiments.one_shot_rows import METRICS, Figures, encode
from idfree.experiments.protocol import Protocol
from idfree.experiments.table import CropReid
from idfree.learn.methods import simplereid
from idfree.pipelines.open_appearance import open_appearance
from idfree.pipelines.open_detector import open_any_detector
from idfree.pipelines.stored_detections import load_detections
from idfree.pipelines.track import prepare
from idfree.pipelines.train_crops import train_crops
from idfree.pipelines.training_data import LINK_SETTINGS, link_by_motion
from idfree.pipelines.validate import DetectedFootage, footage_as_sequence, ground_truth_of, score_run
from idfree.sequences.motchallenge import open_sequence

Half = Literal["train", "val"]

DIMENSION = 128  # of oracle embeddings
REGRESSING = ("tracktor",)  # trackers that ask a detector for boxes, besides the public ones


@dataclass(frozen=True)
class CropRows:
    """Public detections of the protocol's videos: first halves to train encoders on, second halves to track."""

    protocol: Protocol
    data: Path
    out: Path
    device: str = "auto"
    quiet: bool = True

    def judge(self, recipe: CropReid, seed: int) -> Figures:
        """Train the encoder of a row, unless it exists, and measure the tracker on the second halves."""
        embedded = self.embedded(recipe.embedding, seed)
        if recipe.tracker in REGRESSING:
            metrics = self.regress(recipe, embedded, seed)
        else:
            metrics = embedded.tracking_metrics(recipe.tracker)
        return {f"{recipe.tracker} {name}": metrics[name] for name in METRICS}

    def embedded(self, embedding: str, seed: int) -> DetectedFootage:
        """The detections of the second halves with one kind of embedding."""
        footages, boxes = self.detections("val")
        detected = DetectedFootage(footages, boxes)
        if embedding == "none":
            return detected
        if embedding == "oracle":
            return replace(detected, boxes=[oracle(*pair) for pair in zip(footages, boxes, strict=True)])
        return replace(detected, boxes=encode(detected, open_appearance(self.encoder(embedding, seed), self.device)))

    def regress(self, recipe: CropReid, embedded: DetectedFootage, seed: int) -> Figures:
        """Metrics of a tracker that regresses boxes by the people model, started by the public detections."""
        encoder = None
        if recipe.embedding not in ("none", "oracle"):
            encoder = open_appearance(self.encoder(recipe.embedding, seed), self.device)
        total = Scores()
        for footage, boxes in zip(embedded.footages, embedded.boxes, strict=True):
            sequence = footage_as_sequence(footage)
            detector, _ = open_any_detector("people", "", "auto", sequence)
            public = PrecomputedDetector(boxes, score_range=None)
            total += score_run(footage, prepare(sequence, detector, recipe.tracker, encoder=encoder, public=public))
        return {name: float(value) for name, value in compute_metrics(total).items()}

    def encoder(self, embedding: str, seed: int) -> str:
        """What `--appearance` names for one kind of embedding: `colour`, or an ONNX file, trained if need be."""
        if embedding == "colour":
            return "colour"
        if embedding == "other":
            return str(self.data / self.protocol.teachers["better"])
        run = self.out / "encoders" / f"{embedding}-{seed}"
        model = run / "appearance.onnx"
        if model.exists():
            return str(model)
        if embedding == "random":
            run.mkdir(parents=True, exist_ok=True)
            simplereid.export_untrained(model, seed)
        else:
            texts = ("threads=1", f"identities={str(embedding == 'identities').lower()}")
            options: dict[str, Any] = {"resume": True, "device": self.device, "seed": seed, "quiet": self.quiet}
            train_crops(self.training(embedding), run, assignments=texts, **options)
        return str(model)

    def training(self, embedding: str) -> list[Footage]:
        """First halves with the true boxes and identities, or with the public detections that motion links."""
        footages, boxes = self.detections("train")
        if embedding == "identities":
            return footages
        detected = [replace(footage, boxes=each) for footage, each in zip(footages, boxes, strict=True)]
        return [link_by_motion(footage, LINK_SETTINGS) for footage in detected]

    def detections(self, half: Half) -> tuple[list[Footage], list[Annotation]]:
        """One half of each video, and its public detections with scores in 0…1."""
        images = None if self.protocol.images is None else self.data / self.protocol.images
        folders = [self.data / source.path for source in self.protocol.train if source.half]
        footages = open_all(folders, half, images)
        return footages, [public_detections(folder, half) for folder in folders]


def public_detections(folder: Path, half: Half) -> Annotation:
    """Rows of one half of det/det.txt, numbered from 1, with scores in 0…1."""
    sequence = open_sequence(folder)
    detector = load_detections("det", sequence)
    assert sequence.length is not None, "a folder has an end"
    boxes, _ = select_half(detector.annotation, sequence.length, half)
    if detector.score_range is None:
        return boxes
    return replace(boxes, score=to_unit_range(boxes.score, detector.score_range))


def oracle(footage: Footage, boxes: Annotation) -> Annotation:
    """Boxes with a unit vector for each identity of the true boxes that they overlap; noise where there is none."""
    identities = assign_identities(boxes, ground_truth_of(footage)).id
    embedding = np.random.default_rng(0).normal(size=(len(boxes), DIMENSION))
    for identity in np.unique(identities):
        if identity >= 0:
            embedding[identities == identity] = np.random.default_rng(identity).normal(size=DIMENSION)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    return replace(boxes, embedding=embedding.astype(np.float32))
