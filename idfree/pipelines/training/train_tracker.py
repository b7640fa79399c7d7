"""Train a one-shot tracker (a detector with an embedding head), validated by tracking during training.

Needs PyTorch. Several processes started by `torchrun` train data-parallel.
"""

import logging
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.progress import progress, training_progress
from idfree.core.settings import override
from idfree.core.threads import available_cpus
from idfree.datasets.footage import Footage
from idfree.detectors import open_detector
from idfree.learn.checkpoint import load
from idfree.learn.data.teacher_labels import TeacherLabels
from idfree.learn.devices import open_device
from idfree.learn.fit import refuse_earlier_run
from idfree.learn.methods import one_shot
from idfree.learn.methods.method import Method
from idfree.learn.methods.one_shot import DEFAULT_CLASSES, ValidationPlan
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.methods.registry import METHODS
from idfree.learn.parallel import Distributed, local_device, process_group
from idfree.learn.schedule import Precision
from idfree.learn.torch_session import make_session
from idfree.learn.training import Metrics
from idfree.pipelines.check_data import TRACKLETS_ONLY
from idfree.pipelines.training.base_run import BaseRun
from idfree.pipelines.training.teacher_embeddings import Teacher, TeacherEmbeddings, folder_beside, teacher_embeddings
from idfree.pipelines.training.training_data import cache_videos, trained_on_notice
from idfree.pipelines.training.validate import detect_footage, validate

LOG = logging.getLogger("idfree")
MAX_WORKERS = 8  # by default
CALIBRATION_VIDEOS, CALIBRATION_FRAMES = 8, 600
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


@dataclass(frozen=True)
class ValidationData:
    """Validation by tracking during training.

    footages: what is tracked, with identities. tracker: its name. metric: selects best.pt, higher is better. epochs:
    between validations. on_metrics: called with the metrics of each validation, in the main process.
    """

    footages: Sequence[Footage]
    tracker: str = "fused"
    metric: str = "IDF1"
    epochs: int = 1
    on_metrics: Callable[[Metrics], None] | None = None

    def plan(self, precision: Precision, is_main: bool) -> ValidationPlan:
        """The validation of networks computed in a precision."""

        def evaluate(network: Any, metadata: dict[str, str]) -> Metrics:  # network: a CentreNetwork
            session = make_session(network, metadata, precision)
            metrics = validate(open_detector("the network", session=session), self.footages, self.tracker)
            if is_main and self.on_metrics is not None:
                self.on_metrics(metrics)
            return metrics

        return ValidationPlan(evaluate, self.metric, self.epochs)


def train_tracker(
    method: str,
    footages: Sequence[Footage],
    out: Path,
    *,
    assignments: Iterable[str] = (),
    augmentation: Iterable[str] = (),
    classes: Sequence[str] = DEFAULT_CLASSES,
    validation: ValidationData | None = None,
    cache: Path | None = None,
    workers: int | None = None,
    teacher: Teacher | None = None,
    base: BaseRun | None = None,
    resume: bool = False,
    device: str = "auto",
    seed: int = 0,
    quiet: bool = True,
) -> dict[str, Any]:
    """Train a method of `catalogue` of kind "one-shot" on labelled footage.

    assignments, augmentation: `name=value` overrides of the method's settings and of its augmentation. classes: names
    of the footages' class ids. cache: folder for the frames of videos, OUT/frames if None. workers: threads that
    prepare batches, see `count_workers`. teacher: of the methods that distil one. base: the run to be fine-tuned.
    Returns the path of the model, and the iteration and validation metrics of its network; {} in every process but the
    main one. Raises UserError.
    """
    entry = METHODS[method]
    settings = method_settings(entry, assignments, augmentation, seed, base)
    torch_device = open_device(local_device(device))
    workers = count_workers(workers, torch_device.type)
    notice = trained_on_notice if base is None else base.trained_on_notice
    with process_group(torch_device) as distributed:
        quiet = quiet or not distributed.is_main
        if distributed.is_main:
            warn_if_partly_labelled(footages)
        cached = cache_frames(footages, settings, cache or out / "frames", distributed, quiet)
        labels = None if teacher is None else teacher_labels(footages, cached, teacher, out, distributed, quiet)
        model = one_shot.train(
            entry,
            cached,
            settings,
            out,
            device=torch_device,
            resume=resume,
            progress=None if quiet else training_progress,
            validation=validation.plan(settings.precision, distributed.is_main) if validation else None,
            classes=classes,
            trained_on=notice(footage.name for footage in footages),
            workers=workers,
            distributed=distributed,
            calibration=partial(calibrate_on_training, footages=cached, precision=settings.precision),
            teacher=labels,
        )
    return report(model) if distributed.is_main else {}


def calibrate_on_training(
    network: Any, metadata: dict[str, str], footages: Sequence[Footage], precision: Precision
) -> Metrics:
    """Match thresholds of a network, from tracklets of what it detects in the videos that it was trained on.

    Of at most CALIBRATION_VIDEOS videos, CALIBRATION_FRAMES frames in all. {}, with a warning, if no two tracklets
    coexist in them, as in still images. Warns of either. {} of a network without embeddings. network: a TrackerNetwork.
    """
    if getattr(network, "dimension", None) == 0:
        return {}
    videos = [footage for footage in footages if footage.is_sequence]
    videos = videos[:: -(-len(videos) // CALIBRATION_VIDEOS) or 1]
    count = CALIBRATION_FRAMES // max(1, len(videos))
    parts = [video.frames(1, min(count, video.length)) for video in videos]
    session = make_session(network, metadata, precision)
    thresholds = detect_footage(open_detector("the network", session=session), parts).thresholds if parts else {}
    if thresholds:
        LOG.warning(
            "without validation data, the match threshold %.3f is of tracklets in the training videos; for others,"
            " idfree detect --limit tracklets measures it on their own",
            thresholds["limit"],
        )
    else:
        LOG.warning(
            "the model has no match threshold: no two tracklets of its detections coexist in the training data; with"
            " --val, or idfree detect --limit tracklets on a video of yours, it is measured"
        )
    return thresholds


def method_settings(
    method: Method[Any], assignments: Iterable[str], augmentation: Iterable[str], seed: int, base: BaseRun | None = None
) -> OneShotSettings:
    """The settings of a method, or of the fine-tuning of a run, with overrides. Raises UserError."""
    defaults: OneShotSettings = method.settings(seed=seed)
    settings = override(defaults if base is None else base.settings(defaults), assignments)
    return replace(settings, augmentation=override(settings.augmentation, augmentation))


def check_run(
    method: str,
    out: Path,
    assignments: Iterable[str],
    augmentation: Iterable[str],
    base: BaseRun | None,
    resume: bool,
    teacher: Teacher | None,
) -> None:
    """Raises UserError for what would fail after the data are read. Arguments as of `train_tracker`."""
    entry = METHODS[method]
    check_teacher(entry, teacher)
    one_shot.check_network(entry, method_settings(entry, assignments, augmentation, 0, base))
    refuse_earlier_run(out / "last.pt", resume)


def warn_if_partly_labelled(footages: Sequence[Footage]) -> None:
    """Warn of footage with boxes of tracklets only, in which unlabelled people would be trained as background."""
    for footage in footages:
        if not footage.fully_labelled:
            LOG.warning("%s %s", footage.source, TRACKLETS_ONLY)


def cache_frames(
    footages: Sequence[Footage], settings: OneShotSettings, folder: Path, distributed: Distributed, quiet: bool
) -> list[Footage]:
    """The footages with all frames of videos as image files: the main process writes them, the others wait for it."""

    def frame_progress(name: str, numbers: list[int]) -> Iterable[int]:
        return progress(numbers, f"{name}: keeping frames", len(numbers), quiet)

    height = math.ceil(settings.batch_shape().size_hw[0] * max(1.0, settings.augmentation.largest))
    with distributed.main_first():
        return cache_videos(footages, folder, height, frame_progress)


def check_teacher(method: Method[Any], teacher: Teacher | None) -> None:
    """Raise UserError if a method lacks its teacher, or has no use for one."""
    if method.needs_teacher and teacher is None:
        raise UserError(f"{method.name} distils a teacher: name a crop Re-ID network (--teacher MODEL.onnx)")
    if teacher is not None and not method.needs_teacher:
        raise UserError(f"--teacher {teacher.spec}: {method.name} has no teacher, tdt does")


def teacher_labels(
    footages: Sequence[Footage],
    cached: Sequence[Footage],
    teacher: Teacher,
    out: Path,
    distributed: Distributed,
    quiet: bool,
) -> TeacherLabels:
    """The teacher's embeddings of the boxes of cached footages, from the images of the original ones.

    They are kept beside the labels or, where that folder cannot be written, in OUT/teacher. The main process computes
    them, the others wait for it and read them.
    """
    parts = []
    with distributed.main_first():
        for before, after in zip(footages, cached, strict=True):
            folder = None if is_writable(before) else out / "teacher"
            (embeddings,) = teacher_embeddings([before], teacher, folder, quiet=quiet)
            parts.append(align_rows(embeddings, before, after))
    return TeacherLabels(teacher.fingerprint, parts)


def is_writable(footage: Footage) -> bool:
    """Whether the folder of the labels of a footage can be written."""
    return footage.source is not None and os.access(folder_beside(footage).parent, os.W_OK)


def align_rows(embeddings: TeacherEmbeddings, before: Footage, after: Footage) -> TeacherEmbeddings:
    """The embeddings of the boxes of a footage after caching, which adds regions to ignore at the ends of frames."""
    if len(before.boxes) == len(after.boxes):
        return embeddings
    frame = after.boxes.frame
    nth = np.arange(len(frame)) - np.searchsorted(frame, frame)
    start, end = (np.searchsorted(before.boxes.frame, frame, side) for side in SIDES)
    is_old = nth < end - start
    row = np.full(len(frame), -1)
    row[is_old] = embeddings.row[(start + nth)[is_old]]
    return replace(embeddings, row=row)


def count_workers(asked: int | None, device_type: str) -> int:
    """Number of threads that prepare batches. Raises UserError for a negative number.

    asked: by the user; None: one for the CPU, for other devices one per core, up to MAX_WORKERS.
    """
    if asked is not None and asked < 0:
        raise UserError(f"--workers {asked}: expected 0 or more")
    if asked is not None:
        return asked
    return 1 if device_type == "cpu" else min(available_cpus(), MAX_WORKERS)


def report(model: Path) -> dict[str, Any]:
    """Path of the model, and the iteration and validation metrics of its network."""
    best = load(model.with_name("best.pt"))
    return {"model": str(model), "iteration": best["step"], "metrics": best["figures"]}
