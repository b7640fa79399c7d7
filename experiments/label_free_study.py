"""Data, trained networks, detections and results of label_free.py; each is computed once and stored."""

from dataclasses import replace
from functools import cache, partial

import numpy as np
from footage import TRAINING, TRUTH
from label_free_matches import matching_accuracy
from label_free_page import RETRIEVAL, TRACKERS, WITHOUT
from study import stored

from idfree.appearance.colour import ColourHistogram
from idfree.core.progress import progress
from idfree.core.settings import override
from idfree.datasets.open_footage import open_all
from idfree.detectors import PrecomputedDetector, open_detector
from idfree.evaluation.reid import evaluate_embeddings
from idfree.learn.checkpoint import load
from idfree.learn.devices import open_device
from idfree.learn.methods import one_shot
from idfree.learn.methods.method import Method, centre_network, image_batches
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.torch_session import TorchSession
from idfree.pipelines.detection.detect_sequence import detect_sequence, write_detections
from idfree.pipelines.training.training_data import LINK_SETTINGS, cache_videos, link_by_motion
from idfree.pipelines.training.validate import DetectedFootage, detect_footage, footage_as_sequence
from idfree.sequences.tables import read_npy

STILLS = "PennFudan"
EVERY = 5  # frames between those of retrieval
PAIRS = ("clmot", "outrack")  # methods that train on pairs of images
AUGMENTATION = "augmentation."  # prefix of settings
WARM_UP = 100  # iterations
EMA = 0.998  # of the weights of the shared detector


DETECTION = Method(
    "detection", OneShotSettings, centre_network, lambda settings, dataset: DetectionLoss(), image_batches
)


class Study:
    """The data, the training of the networks, and the folder of results. rows: as in label_free.ROWS."""

    def __init__(self, options, rows):
        self.options, self.out, self.rows = options, options.out, rows
        self.device = open_device(options.device)

    @cache  # noqa: B019  (a study lives as long as the program)
    def footages(self, half):
        """One half of each video, and still images to train on; only the first `--frames` of each."""
        data, most = self.options.data, self.options.frames
        found = open_all([data / TRUTH[name] for name in TRAINING], half, data / "videos")
        found += open_all([data / STILLS]) if half == "train" else []
        return [footage.frames(1, min(most, footage.length)) if most else footage for footage in found]

    def common(self):
        """Settings of all networks."""
        names = ("backbone", "size", "dimension", "pixels", "lr", "threads")
        return {name: getattr(self.options, name) for name in names} | {"warm_up": WARM_UP}

    def base(self):
        """Weights of the shared detector that all rows start from."""
        options, run = self.options, self.out / "networks" / "base"
        if not options.base_epochs:
            return options.init
        settings = DETECTION.settings(
            **self.common(),
            epochs=options.base_epochs,
            batch=options.base_batch,
            init=options.init,
            first_drop=1.0,  # never: only the rows have a schedule
            second_drop=1.0,
            ema=EMA,
        )
        return str(self.train(DETECTION, settings, run) / one_shot.BEST)

    def settings(self, row, seed):
        """Settings of the network of a row."""
        name, *changes = row.split(",")
        options, (_, method, more) = self.options, self.rows[name]
        has_pairs = method.name in PAIRS
        settings = method.settings(
            **self.common(),
            init=self.base(),
            epochs=options.epochs if has_pairs else 2 * options.epochs,
            batch=options.batch // 2 if has_pairs else options.batch,
            schedule="cosine",
            seed=seed,
            **more,
        )
        return self.changed(settings, changes)

    def changed(self, settings, changes):
        """Settings with changes: of the method, of its augmentation (augmentation.NAME=…), or init=ROW-SEED."""
        augmentation = [change.removeprefix(AUGMENTATION) for change in changes if change.startswith(AUGMENTATION)]
        settings = override(settings, [change for change in changes if not change.startswith(AUGMENTATION)])
        first = self.out / "networks" / str(settings.init) / one_shot.BEST
        settings = replace(settings, init=str(first)) if first.exists() else settings
        return replace(settings, augmentation=override(settings.augmentation, augmentation))

    def train(self, method, settings, run, linked=False):
        """Train a network unless RUN/model.onnx exists; RUN. linked: motion-only tracklets stand in for identities."""
        if not (run / one_shot.MODEL).exists():
            footages = self.cached(settings)
            footages = [link_by_motion(each, LINK_SETTINGS) for each in footages] if linked else footages
            options = {
                "device": self.device,
                "resume": True,
                "workers": 1,
                "progress": partial(show_progress, what=run.name),
            }
            one_shot.train(method, footages, settings, run, trained_on="MOTChallenge, PennFudan", **options)
        return run

    def cached(self, settings):
        """The training footages with their frames as image files, for random access."""
        height = round(settings.batch_shape().size_hw[0] * settings.augmentation.largest)
        return cache_videos(self.footages("train"), self.out / "frames", height, lambda name, n: show_progress(n, name))

    def trained(self, row, seed):
        """(network, settings, metadata) of a row, after training."""
        _, method, _ = self.rows[row.split(",")[0]]
        run = self.out / "networks" / f"{network_of(row)}-{seed}"
        self.train(method, self.settings(row, seed), run, linked=row.startswith("tracklets"))
        network, settings, known = one_shot.restore_network(method, load(run / one_shot.BEST))
        return network.to(self.device), settings, known

    def score(self, row, seed):
        """Compute all results of a row."""
        name = f"{row}-{seed}"
        results = {
            "retrieval": self.retrieval,
            "tracking": self.track,
            "without": self.track_without_embeddings,
            "matches": self.matches,
        }
        for folder, compute in results.items():
            print(folder, name, stored(self.out / folder / f"{name}.json", partial(compute, row, seed)), flush=True)

    def track(self, row, seed):
        """AP of the detections, their match threshold, and metrics of each tracker."""
        detections = with_embeddings(self.detections(row, seed), row)
        metrics, found = {tracker: detections.tracking_metrics(tracker) for tracker in TRACKERS}, detections.calibration
        return {"AP": detections.average_precision, "limit": found.match_threshold if found else None, **metrics}

    def track_without_embeddings(self, row, seed):
        """IDF1 of `fused` on the same detections without embeddings."""
        return {WITHOUT: with_embeddings(self.detections(row, seed), "none").tracking_metrics("fused")["IDF1"]}

    def matches(self, row, seed):
        """Accuracy of nearest neighbours between frames; {} for rows without embeddings of a network."""
        if row in ("none", "colour"):
            return {}
        network, settings, _ = self.trained(row, seed)
        return matching_accuracy(network, self.cached(settings), settings)

    def detections(self, row, seed):
        """A network's detections in the second halves."""
        folder, footages = self.out / "detections" / f"{network_of(row)}-{seed}", self.footages("val")
        files = [folder / f"{footage.name}.npy" for footage in footages]
        if not all(file.exists() for file in files):
            folder.mkdir(parents=True, exist_ok=True)
            network, _, known = self.trained(row, seed)
            detector = open_detector("the network", session=TorchSession(network, known, "auto"))
            for footage, boxes in zip(footages, detect_footage(detector, footages).boxes, strict=True):
                write_detections(folder, footage.name, boxes)
        return DetectedFootage(footages, [read_npy(file) for file in files])

    def encoder_of(self, row, seed):
        """The encoder of boxes of a row."""
        if row == "colour":
            return ColourHistogram()
        network, settings, _ = self.trained(row, seed)
        return BoxEmbedder(network, settings.batch_shape().size_hw, "auto")

    def retrieval(self, row, seed):
        """RETRIEVAL of ground-truth boxes, mean over the videos that define it; empty without embeddings."""
        if row == "none":
            return {}
        encoder = self.encoder_of(row, seed)
        found = [metrics for footage in self.footages("val") if (metrics := evaluate_retrieval(encoder, footage))]
        columns = {name: [each[name] for each in found if each[name] is not None] for name in RETRIEVAL}
        return {name: float(np.mean(column)) for name, column in columns.items() if column}


def evaluate_retrieval(encoder, footage):
    """Retrieval metrics of the ground-truth boxes of every 5th frame; {} with fewer than two frames."""
    boxes = footage.boxes[(footage.boxes.score != 0) & (footage.boxes.id >= 0) & (footage.boxes.frame % EVERY == 0)]
    frames = [boxes.rows_at(number) for number in np.unique(boxes.frame)]
    if len(frames) < 2:
        return {}
    parts = [encoder(footage.image(int(boxes.frame[rows.start])), boxes.xyxy[rows]) for rows in frames]
    return evaluate_embeddings(np.concatenate(parts), boxes.id, boxes.frame, None, boxes.visibility).metrics()


def network_of(row):
    """Name of the network of a row: the first three rows share one."""
    return "detection" if row in ("none", "random", "colour") else row


def with_embeddings(detections, row):
    """The detections with the embeddings of a row."""
    if row == "none":
        return DetectedFootage(detections.footages, [replace(boxes, embedding=None) for boxes in detections.boxes])
    if row == "colour":
        pairs = zip(detections.footages, detections.boxes, strict=True)
        return DetectedFootage(detections.footages, [with_colour(*pair) for pair in pairs])
    return detections


def with_colour(footage, boxes):
    """The boxes with colour histograms as embeddings."""
    detector = PrecomputedDetector(boxes, score_range=None)
    return detect_sequence(footage_as_sequence(footage), detector, ColourHistogram()).boxes


def show_progress(steps, what):
    return progress(steps, what, len(steps), False, unit="iterations")
