"""Train and judge the one-shot networks of a table. Needs PyTorch."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from idfree.appearance.encoder import Encoder
from idfree.core.progress import progress
from idfree.core.settings import override
from idfree.datasets.footage import Footage
from idfree.datasets.open_footage import open_all
from idfree.detectors import open_detector
from idfree.evaluation.reid import evaluate_embeddings
from idfree.evaluation.tracking import Scores, compute_metrics
from idfree.experiments.crop_encoders import crop_encoders
from idfree.experiments.protocol import Place
from idfree.experiments.table import METRICS, TRACKERS, Data, Figures, OneShot, slug
from idfree.learn.checkpoint import load
from idfree.learn.devices import open_device
from idfree.learn.methods import one_shot
from idfree.learn.methods.method import Method, centre_network, image_batches
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.methods.registry import METHODS
from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.parallel import Distributed
from idfree.pipelines.detection.detect_sequence import detect_sequence
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.training.teacher_embeddings import Teacher
from idfree.pipelines.training.train_tracker import cache_frames, teacher_labels
from idfree.pipelines.training.training_data import LINK_SETTINGS, link_by_motion, trained_on_notice
from idfree.pipelines.training.validate import DetectedFootage, footage_as_sequence, score_run

EVERY = 5  # frames between those whose true boxes retrieval is measured on
RETRIEVAL = ("R1", "mAP", "TPR@0.1")
SHARED = ("backbone", "size", "stride", "sides", "pixels")  # settings that a network has in common with its base


# The base that the rows of a table start from: a centre network without an appearance loss.
DETECTION = Method(
    "detection", OneShotSettings, centre_network, lambda settings, dataset: DetectionLoss(), image_batches
)


@dataclass(frozen=True)
class OneShotRows(Place):
    """The networks of the rows below OUT/networks, each trained once."""

    def judge(self, recipe: OneShot, seed: int) -> Figures:
        """Train the network of a row, unless it exists, and measure it on the validation data."""
        run, footages = self.trained(recipe, seed), self.validation()
        detector: Any = open_detector(run / one_shot.MODEL, device=self.device, threads=1)
        if recipe.embeddings != "own":
            detector = detector.without_embeddings()
        encoder = self.encoder(recipe, seed)
        detected, found = self.detect(detector, encoder, footages)
        if recipe.embeddings == "own" and detector.has_embeddings:
            found |= retrieval(self.embedder(recipe, run), footages)
        for tracker in recipe.trackers:
            if recipe.tracker_settings or recipe.trackers != TRACKERS:
                texts = recipe.tracker_settings
                metrics = track_live(detector, footages, detected.thresholds, tracker, texts, encoder)
            else:
                metrics = detected.tracking_metrics(tracker)
            found |= {f"{tracker} {name}": metrics[name] for name in METRICS}
        return found

    def detect(
        self, detector: Any, encoder: Encoder | None, footages: list[Footage]
    ) -> tuple[DetectedFootage, Figures]:
        """Boxes and embeddings of all footages; average precision, and CPU time of a frame, which is read in it."""
        start = time.process_time()
        detected = DetectedFootage(
            footages, [detect_sequence(footage_as_sequence(footage), detector, encoder).boxes for footage in footages]
        )
        seconds = time.process_time() - start
        frames = sum(footage.length for footage in footages)
        return detected, {"AP": detected.average_precision, "CPU ms": 1000 * seconds / frames}

    def encoder(self, recipe: OneShot, seed: int) -> Encoder | None:
        """The crop encoder that a row tracks with, beside the network; None if it has none."""
        if recipe.embeddings in ("own", "none"):
            return None
        return open_appearance(crop_encoders(self).model(recipe.embeddings, seed), self.device)

    def embedder(self, recipe: OneShot, run: Path) -> BoxEmbedder:
        """The network of a run as an encoder of given boxes."""
        method = DETECTION if recipe.untrained else METHODS[recipe.method]
        network, settings, _ = one_shot.restore_network(method, load(run / one_shot.BEST))
        return BoxEmbedder(network.to(open_device(self.device)), settings.batch_shape().size_hw, "auto")

    def trained(self, recipe: OneShot, seed: int) -> Path:
        """The run of a row's network; of the shared detector for a row without training."""
        return Path(self.base(recipe)).parent if recipe.untrained else self.train(recipe, seed)

    def train(self, recipe: OneShot, seed: int) -> Path:
        """The run of a row's network; an interrupted one is resumed."""
        method, run = METHODS[recipe.method], self.out / "networks" / f"{recipe.network}-{seed}"
        texts = recipe.settings_at(self.protocol)
        settings = settings_of(method, (*texts, f"init={self.initial_weights(recipe, texts)}"), seed)
        footages = self.training(recipe.data)
        if recipe.identities == "tracklets":
            footages = [link_by_motion(footage, LINK_SETTINGS) for footage in footages]
        teacher = None if recipe.teacher is None else crop_encoders(self).model(recipe.teacher, seed)
        return self.fit(method, settings, footages, run, teacher)

    def initial_weights(self, recipe: OneShot, texts: Sequence[str]) -> str:
        """The file that a row's network starts from: of the shared detector, or the user's for its backbone."""
        if self.protocol.base_settings is not None:
            return self.base(recipe)
        return str(self.data / (self.protocol.init or "").format(backbone=backbone_of(recipe.method, texts)))

    def base(self, recipe: OneShot) -> str:
        """Weights of the detector that the networks of an architecture start from."""
        chosen = [text for text in recipe.settings if text.partition("=")[0] in SHARED]
        run = self.out / "networks" / slug("base", *chosen)
        texts = (*self.protocol.settings, *(self.protocol.base_settings or ()), *chosen)
        settings = settings_of(DETECTION, texts, seed=0)
        return str(self.fit(DETECTION, settings, self.training(), run) / one_shot.BEST)

    def fit(
        self,
        method: Method[Any],
        settings: OneShotSettings,
        footages: list[Footage],
        run: Path,
        teacher: str | None = None,
    ) -> Path:
        """Train a network, unless RUN/model.onnx exists; RUN."""
        if (run / one_shot.MODEL).exists():
            return run
        cached = cache_frames(footages, settings, self.out / "frames", Distributed(), self.quiet)
        labels = None
        if teacher is not None:
            spec = Teacher(teacher, (), self.device)
            labels = teacher_labels(footages, cached, spec, self.out, Distributed(), self.quiet)
        one_shot.train(
            method,
            cached,
            settings,
            run,
            device=open_device(self.device),
            resume=True,
            progress=partial(show_iterations, label=run.name, quiet=self.quiet),
            trained_on=trained_on_notice(footage.name for footage in footages),
            workers=1,
            teacher=labels,
        )
        return run

    def training(self, data: Data = "all") -> list[Footage]:
        """First halves of the training videos, and the still images; or one of these."""
        return [
            footage
            for source in self.protocol.train
            if data == "all" or source.still == (data == "images")
            for footage in open_all([self.data / source.path], "train" if source.half else "none", self.images)
        ]

    def validation(self) -> list[Footage]:
        """The validation data, and the second halves of training videos."""
        halves = [self.data / source.path for source in self.protocol.train if source.half]
        others = [self.data / source.path for source in self.protocol.val]
        return open_all(halves, "val", self.images) + open_all(others, "none", self.images)


def settings_of(method: Method[Any], texts: Sequence[str], seed: int) -> Any:
    """Settings of a method with `name=value` overrides, of which the last of a name counts."""
    last = {text.partition("=")[0]: text for text in texts}
    return override(method.settings(seed=seed), last.values())


def backbone_of(method: str, texts: Sequence[str]) -> str:
    """The backbone that settings choose."""
    return str(settings_of(METHODS[method], texts, seed=0).backbone)


def retrieval(embedder: BoxEmbedder, footages: Iterable[Footage]) -> Figures:
    """RETRIEVAL of the true boxes of every EVERY-th frame, mean over the footages."""
    parts = []
    for footage in footages:
        is_used = (footage.boxes.score != 0) & (footage.boxes.id >= 0) & (footage.boxes.frame % EVERY == 0)
        boxes = footage.boxes[is_used]
        slices = [boxes.rows_at(number) for number in np.unique(boxes.frame)]
        if len(slices) < 2:
            continue
        embeddings = [embedder(footage.image(int(boxes.frame[part.start])), boxes.xyxy[part]) for part in slices]
        counts = evaluate_embeddings(np.concatenate(embeddings), boxes.id, boxes.frame, None, boxes.visibility)
        parts.append(counts.metrics())
    columns = {name: [value for part in parts if (value := part.get(name)) is not None] for name in RETRIEVAL}
    return {name: float(np.mean(column)) for name, column in columns.items() if column}


def track_live(
    detector: Any,
    footages: Sequence[Footage],
    thresholds: Figures,
    tracker: str,
    texts: Sequence[str],
    encoder: Encoder | None,
) -> Figures:
    """Metrics of a tracker that needs more of a network than boxes and embeddings, such as occlusions.

    thresholds: the match threshold of the embeddings, as calibrated ("limit", "farthest").
    """
    detector.match_threshold, detector.upper_threshold = thresholds.get("limit"), thresholds.get("farthest")
    total = Scores()
    for footage in footages:
        total += score_run(
            footage, make_tracking_run(footage_as_sequence(footage), detector, tracker, texts, encoder=encoder)
        )
    return {name: float(value) for name, value in compute_metrics(total).items()}


def show_iterations(steps: Sequence[int], label: str, quiet: bool) -> Iterable[int]:
    """Progress of training."""
    return progress(steps, label, len(steps), quiet, unit="iterations")
