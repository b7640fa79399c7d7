"""Judge trackers on public detections with one kind of crop embedding each (SimpleReID's tables). Needs PyTorch."""

from dataclasses import dataclass, replace

import numpy as np

from idfree.appearance.encoder import Encoder
from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.reid import assign_identities
from idfree.evaluation.tracking import Scores, compute_metrics
from idfree.experiments.crop_encoders import crop_encoders
from idfree.experiments.one_shot_rows import OneShotRows
from idfree.experiments.protocol import Place
from idfree.experiments.table import METRICS, CropReid, Figures, OneShot
from idfree.learn.methods import one_shot
from idfree.pipelines.detection.detect_sequence import detect_sequence
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.pipelines.detection.open_detector import open_any_detector
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.training.validate import DetectedFootage, footage_as_sequence, ground_truth_of, score_run

DIMENSION = 128  # of oracle embeddings
REGRESSING = ("tracktor",)  # trackers that ask a detector for boxes, besides the public ones


@dataclass(frozen=True)
class CropRows(Place):
    """Trackers on the public detections of the second halves of the protocol's videos."""

    def judge(self, recipe: CropReid, seed: int) -> Figures:
        """Train the encoder of a row, unless it exists, and measure the tracker on the second halves."""
        track = self.regress if recipe.tracker in REGRESSING else self.match
        metrics = track(recipe, seed)
        return {name: metrics[name] for name in METRICS}

    def match(self, recipe: CropReid, seed: int) -> Figures:
        """Metrics of a tracker that matches the public detections."""
        embedded = self.embedded(recipe.embedding, seed)
        return embedded.tracking_metrics(recipe.tracker, recipe.tracker_settings)

    def embedded(self, embedding: str, seed: int) -> DetectedFootage:
        """The detections of the second halves with one kind of embedding."""
        footages, boxes = crop_encoders(self).detections("val")
        if embedding == "oracle":
            boxes = [oracle(*pair) for pair in zip(footages, boxes, strict=True)]
        detected = DetectedFootage(footages, boxes)
        encoder = self.encoder(embedding, seed)
        return detected if encoder is None else replace(detected, boxes=encode(detected, encoder))

    def encoder(self, embedding: str, seed: int) -> Encoder | None:
        """The encoder of crops; None for embeddings that need none."""
        if embedding in ("none", "oracle"):
            return None
        return open_appearance(crop_encoders(self).model(embedding, seed), self.device)

    def regressor(self, recipe: CropReid, seed: int) -> str:
        """What `--detector` takes: the people model, or the file of a network, which is trained unless it exists."""
        if recipe.regressor == "people":
            return "people"
        rows = OneShotRows(self.protocol, self.data, self.out, self.device, self.quiet)
        return str(rows.train(OneShot(recipe.regressor), seed) / one_shot.MODEL)

    def regress(self, recipe: CropReid, seed: int) -> Figures:
        """Metrics of a tracker that regresses boxes, started by the public detections."""
        encoder, regressor = self.encoder(recipe.embedding, seed), self.regressor(recipe, seed)
        total = Scores()
        for footage, boxes in zip(*crop_encoders(self).detections("val"), strict=True):
            sequence = footage_as_sequence(footage)
            detector, _ = open_any_detector(regressor, "", "auto", sequence)
            near = PrecomputedDetector(boxes, score_range=None)
            run = make_tracking_run(
                sequence, detector, recipe.tracker, recipe.tracker_settings, encoder=encoder, public=near
            )
            total += score_run(footage, run)
        return {name: float(value) for name, value in compute_metrics(total).items()}


def encode(detected: DetectedFootage, encoder: Encoder) -> list[Annotation]:
    """The boxes of each footage with the embeddings of their crops."""
    pairs = zip(detected.footages, detected.boxes, strict=True)
    return [
        detect_sequence(footage_as_sequence(footage), PrecomputedDetector(boxes, score_range=None), encoder).boxes
        for footage, boxes in pairs
    ]


def oracle(footage: Footage, boxes: Annotation) -> Annotation:
    """Boxes with a unit vector for each identity of the true boxes that they overlap; noise where there is none."""
    identities = assign_identities(boxes, ground_truth_of(footage)).id
    embedding = np.random.default_rng(0).normal(size=(len(boxes), DIMENSION))
    for identity in np.unique(identities):
        if identity >= 0:
            embedding[identities == identity] = np.random.default_rng(identity).normal(size=DIMENSION)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    return replace(boxes, embedding=embedding.astype(np.float32))
