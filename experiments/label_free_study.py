"""Data, trained networks, detections and figures of label_free.py; each is made once and stored."""

import json
from dataclasses import replace
from functools import cache, partial

import numpy as np
from label_free_matches import matches
from label_free_page import BARE, RETRIEVAL, TRACKERS

from idfree.appearance.colour import ColourHistogram
from idfree.core.files import write_text
from idfree.core.progress import progress
from idfree.core.settings import override
from idfree.datasets.open_footage import open_all
from idfree.detectors import PrecomputedDetector, open_detector
from idfree.evaluation.reid import evaluate_embeddings
from idfree.learn.checkpoint import load
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.devices import open_device
from idfree.learn.methods import one_shot
from idfree.learn.methods.one_shot import Method
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.torch_session import TorchSession
from idfree.pipelines.detect_sequence import detect_sequence, write_detections
from idfree.pipelines.training_data import LINK_SETTINGS, cache_videos, link_by_motion
from idfree.pipelines.validate import DetectedFootage, detect_footage, footage_as_sequence
from idfree.sequences.tables import read_npy

VIDEOS = ("MOT17/train/MOT17-04-SDP", "MOT17/train/MOT17-09-SDP", "MOT15/train/PETS09-S2L1")
STILLS = "PennFudan"
EVERY = 5  # frames between those of retrieval
PAIRS = ("clmot", "outrack")  # methods whose batches are of pairs
VARIED = "augmentation."
WARM_UP = 100  # iterations
EMA = 0.998  # of the detector from which all begin


def images(settings, dataset, rank_world):
    shape, augmentation = settings.batch_shape(), settings.augmentation
    return ImageBatches(dataset, shape, settings.seed, augmentation, skip_unreadable=True, rank_world=rank_world)


ALONE = Method("detection", OneShotSettings, one_shot.centre_network, lambda settings, dataset: DetectionLoss(), images)


class Study:
    """The data, the training of the networks, and the folder where results are stored."""

    def __init__(self, options, rows):
        self.options, self.out, self.rows = options, options.out, rows
        self.device = open_device(options.device)

    @cache  # noqa: B019  (a study lives as long as the program)
    def footages(self, half):
        """One half of each video, and still images to train on; only the first `--frames` of each."""
        data, most = self.options.data, self.options.frames
        found = open_all([data / video for video in VIDEOS], half, data / "videos")
        found += open_all([data / STILLS]) if half == "train" else []
        return [footage.frames(1, min(most, footage.length)) if most else footage for footage in found]

    def common(self):
        """Settings of all networks."""
        names = ("backbone", "size", "dimension", "pixels", "lr", "threads")
        return {name: getattr(self.options, name) for name in names} | {"warm_up": WARM_UP}

    def base(self):
        """Weights of the detector that all rows start from."""
        options, run = self.options, self.out / "networks" / "base"
        if not options.base_epochs:
            return options.init
        settings = ALONE.settings(
            **self.common(),
            epochs=options.base_epochs,
            batch=options.base_batch,
            init=options.init,
            first_drop=1.0,  # never: it is the rows that slow down
            second_drop=1.0,
            ema=EMA,
        )
        return str(self.train(ALONE, settings, run) / one_shot.BEST)

    def settings(self, row, seed):
        name, *changes = row.split(",")
        options, (_, method, more) = self.options, self.rows[name]
        once = method.name in PAIRS
        settings = method.settings(
            **self.common(),
            init=self.base(),
            epochs=options.epochs if once else 2 * options.epochs,
            batch=options.batch // 2 if once else options.batch,
            schedule="cosine",
            seed=seed,
            **more,
        )
        return self.changed(settings, changes)

    def changed(self, settings, changes):
        """Settings of a method, of its augmentation (augmentation.NAME=…), and a row to begin from (init=ROW-SEED)."""
        varied = [change.removeprefix(VARIED) for change in changes if change.startswith(VARIED)]
        settings = override(settings, [change for change in changes if not change.startswith(VARIED)])
        first = self.out / "networks" / str(settings.init) / one_shot.BEST
        settings = replace(settings, init=str(first)) if first.exists() else settings
        return replace(settings, augmentation=override(settings.augmentation, varied))

    def train(self, method, settings, run, linked=False):
        """Train a network unless RUN/model.onnx exists; RUN. linked: identities are those of motion-only tracklets."""
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
        """Compute all figures of a row."""
        name = f"{row}-{seed}"
        self.keep("retrieval", name, lambda: self.retrieval(row, seed))
        self.keep("tracking", name, lambda: self.track(row, seed))
        self.keep("bare", name, lambda: self.track_without_embeddings(row, seed))
        self.keep("matches", name, lambda: self.matches(row, seed))

    def keep(self, folder, name, make):
        """Write figures unless their file exists: delete OUT/track after a change of trackers."""
        file = self.out / folder / f"{name}.json"
        if not file.exists():
            write_text(file, json.dumps(make()))
            print(folder, name, file.read_text(), flush=True)

    def track(self, row, seed):
        """AP of the detections, and metrics of each tracker on them."""
        detections = with_embeddings(self.detections(row, seed), row)
        metrics, found = {tracker: detections.tracking_metrics(tracker) for tracker in TRACKERS}, detections.calibration
        return {"AP": detections.average_precision, "limit": found.match_threshold if found else None, **metrics}

    def track_without_embeddings(self, row, seed):
        """IDF1 of `fused` on the same detections without embeddings."""
        return {BARE: with_embeddings(self.detections(row, seed), "none").tracking_metrics("fused")["IDF1"]}

    def matches(self, row, seed):
        """Accuracy of nearest neighbours between frames; {} for rows without a network's embeddings."""
        if row in ("none", "colour"):
            return {}
        network, settings, _ = self.trained(row, seed)
        return matches(network, self.cached(settings), settings)

    def detections(self, row, seed):
        """A network's detections in the second halves, stored."""
        folder, footages = self.out / "seen" / f"{network_of(row)}-{seed}", self.footages("val")
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
        """R1, mAP and TPR at FAR 0.1 of true boxes, the mean of the videos; empty without embeddings."""
        if row == "none":
            return {}
        encoder = self.encoder_of(row, seed)
        found = []
        for footage in self.footages("val"):
            rows = (footage.boxes.score != 0) & (footage.boxes.id >= 0) & (footage.boxes.frame % EVERY == 0)
            boxes = footage.boxes[rows]
            frames = [boxes.rows_at(number) for number in np.unique(boxes.frame)]
            if len(frames) < 2:
                continue
            parts = [encoder(footage.image(int(boxes.frame[some.start])), boxes.xyxy[some]) for some in frames]
            columns = (boxes.id, boxes.frame, None, boxes.visibility)
            figures = evaluate_embeddings(np.concatenate(parts), *columns).metrics()
            found.append([figures[name] for name in RETRIEVAL])
        columns = {
            name: [each for each in column if each is not None]
            for name, column in zip(RETRIEVAL, zip(*found, strict=True), strict=False)
        }
        return {name: float(np.mean(column)) for name, column in columns.items() if column}


def network_of(row):
    """Name of the network of a row: the first three share one."""
    return "detection" if row in ("none", "random", "colour") else row


def with_embeddings(detections, row):
    """The detections with the embeddings of a row."""
    if row == "none":
        return DetectedFootage(detections.footages, [replace(boxes, embedding=None) for boxes in detections.boxes])
    if row == "colour":
        pairs = zip(detections.footages, detections.boxes, strict=True)
        return DetectedFootage(
            detections.footages,
            [
                detect_sequence(
                    footage_as_sequence(one), PrecomputedDetector(boxes, score_range=None), ColourHistogram()
                ).boxes
                for one, boxes in pairs
            ],
        )
    return detections


def show_progress(steps, what):
    return progress(steps, what, len(steps), False, unit="iterations")
