"""Train a tracker or an appearance encoder on labelled data: what `idfree train` does."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from idfree.core.errors import UserError
from idfree.core.files import refuse_overwriting
from idfree.core.path_list import as_list
from idfree.core.settings import Assignments, override, split_assignments
from idfree.datasets.all_classes import name_all_classes
from idfree.datasets.footage import FootageSettings
from idfree.learn.methods.catalogue import METHODS
from idfree.pipelines.training.teacher_embeddings import Teacher
from idfree.pipelines.training.training_data import TrainingData
from idfree.trackers.registry import TRACKERS

if TYPE_CHECKING:
    from idfree.pipelines.training.base_run import BaseRun

Metrics = dict[str, float]
Data = str | Path

OUTPUTS = ("model.onnx", "appearance.onnx", "last.pt", "best.pt", "settings.json", "metrics.jsonl")
PREFIXES = ("data", "augmentation", "label", "teacher")  # of assignments PREFIX.NAME=VALUE


def train(
    method: str,
    data: Data | Sequence[Data],
    out: str | Path,
    *,
    set: Assignments = (),
    half: Literal["none", "train"] = "none",
    images: str | Path | None = None,
    identities: Literal["labels", "tracklets"] = "labels",
    val: Data | Sequence[Data] | None = None,
    val_every: int = 1,
    tracker: str = "fused",
    best: str = "IDF1",
    on_validation: Callable[[Metrics], None] | None = None,
    cache: str | Path | None = None,
    workers: int | None = None,
    teacher: str | Path | None = None,
    fine_tune: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    seed: int = 0,
    quiet: bool = True,
) -> dict[str, Any]:
    """Train a method of `idfree.learn.methods.catalogue` on labelled data, in any format of `open_footage`.

    An encoder (`simplereid`) learns from the crops of Market-1501, MSMT17 and VeRi-776, too.

    out: folder for checkpoints, metrics and the model. set: `name=value` overrides of the method's settings, such as
    `epochs=5`, of its augmentation (`augmentation.flip=0`), of FootageSettings (`data.min_visibility=0.25`), of
    LabelSettings (`label.min_height=16`) and of the teacher (`teacher.normalisation=none`). half: "train" trains on the
    first half of each video. images: folder of the images, if not beside the labels. identities: "tracklets" replaces
    annotated identities by motion-only tracking. fine_tune: best.pt or last.pt of a run, whose network, settings and
    classes are the defaults; by default with a tenth of its learning rate, trackers for 10 epochs. workers: threads
    that prepare batches.

    Of one-shot trackers only: val is validated on by tracking with `tracker` every `val_every` epochs (default: the
    second halves if half is "train", otherwise no validation); best: the metric that selects best.pt; on_validation is
    called with the metrics; cache: folder for frames of videos (OUT/frames);
    teacher: of tdt, a crop Re-ID network, whose embeddings of all boxes are computed once and kept beside the labels.

    Returns the path of the model ("model") and of a tracker the iteration and metrics of its network, of an encoder the
    numbers of crops and tracklets; {} in processes of `torchrun` other than the main one. Raises UserError.
    """
    if method not in METHODS:
        raise UserError(f"unknown method {method!r}; there are: {', '.join(METHODS)}")
    data, val, out = as_list(data), as_list(val), Path(out)
    assignments = split_assignments(set, PREFIXES)
    weights = initial_weights(assignments[""], fine_tune)
    refuse_overwriting((out / name for name in OUTPUTS), [*data, *val, *weights, *as_list(fine_tune)])
    base = None if fine_tune is None else open_base(Path(fine_tune), method)
    footage_settings = override(FootageSettings() if base is None else base.footage_settings(), assignments["data"])
    footage_settings = name_all_classes([*data, *val], footage_settings)
    labelled = TrainingData(data, val, footage_settings, half, images, identities, assignments["label"])
    options: dict[str, Any] = {"base": base, "workers": workers, "resume": resume}
    options |= {"device": device, "seed": seed, "quiet": quiet}
    if METHODS[method].kind == "crops":
        refuse_tracker_options(val, assignments["augmentation"], teacher)
        return train_encoder(labelled, out, assignments[""], **options)
    check_validation(tracker, val_every)
    validation = {"tracker": tracker, "metric": best, "epochs": val_every, "on_metrics": on_validation}
    options["cache"] = None if cache is None else Path(cache)
    options["teacher"] = None if teacher is None else Teacher(str(teacher), tuple(assignments["teacher"]), device)
    return train_one_shot(method, labelled, out, assignments[""], assignments["augmentation"], validation, **options)


def train_encoder(data: TrainingData, out: Path, assignments: Sequence[str], **options: Any) -> dict[str, Any]:
    """Train on the crops of labelled data; settings are checked before the data are read. options: of `train_crops`."""
    from idfree.pipelines.training.train_crops import check_run, train_crops

    check_run(out, assignments, data.labels, options["base"], options["resume"])
    reid = data.reid_folders()
    footages = data.footages(leave_out=reid)
    return train_crops(footages, out, reid=reid, assignments=assignments, labels=data.labels, **options)


def train_one_shot(
    method: str,
    data: TrainingData,
    out: Path,
    assignments: Sequence[str],
    augmentation: Sequence[str],
    validation: Mapping[str, Any],
    **options: Any,
) -> dict[str, Any]:
    """Train on the images of labelled data; settings are checked before the data are read.

    validation: of ValidationData, besides the footages. options: of `train_tracker`.
    """
    from idfree.pipelines.training.train_tracker import ValidationData, check_run, train_tracker

    check_run(method, out, assignments, augmentation, options["base"], options["resume"], options["teacher"])
    footages, validated = data.footages(), data.validation_footages()
    return train_tracker(
        method,
        footages,
        out,
        assignments=assignments,
        augmentation=augmentation,
        classes=data.settings.names,
        validation=ValidationData(validated, **validation) if validated else None,
        **options,
    )


def initial_weights(assignments: Sequence[str], fine_tune: str | Path | None) -> list[str]:
    """The file of `init=FILE`, if it is set. Raises UserError if a run is fine-tuned, too."""
    weights = [text.partition("=")[2] for text in assignments if text.startswith("init=")]
    if fine_tune is not None and weights:
        raise UserError(f"--fine-tune {fine_tune} begins with that run's network: leave --init {weights[0]} out")
    return weights


def open_base(path: Path, method: str) -> "BaseRun":
    """The run to be fine-tuned. Raises UserError."""
    from idfree.pipelines.training.base_run import BaseRun

    return BaseRun.open(path, method)


def refuse_tracker_options(val: Sequence[Data], augmentation: Sequence[str], teacher: str | Path | None) -> None:
    """Raise UserError for options that the training of an encoder does not have."""
    if val:
        raise UserError("simplereid is not validated by tracking: leave --val out, and see idfree eval-appearance")
    if augmentation:
        raise UserError(f"--set augmentation.{augmentation[0]}: simplereid has no such setting")
    if teacher is not None:
        raise UserError(f"--teacher {teacher}: simplereid has no teacher, tdt does")


def check_validation(tracker: str, val_every: int) -> None:
    """Raise UserError for an unknown tracker, one that cannot track stored boxes, or an invalid interval."""
    if tracker not in TRACKERS:
        raise UserError(f"--tracker {tracker}: expected one of {', '.join(TRACKERS)}")
    if TRACKERS[tracker].tracker.uses_refiner:
        raise UserError(
            f"--tracker {tracker}: cannot validate: it regresses boxes in images, of which only the detections are kept"
        )
    if val_every < 1:
        raise UserError(f"--val-every {val_every}: expected 1 or more")
