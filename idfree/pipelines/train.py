"""Train a tracker or an appearance encoder on labelled data: what `idfree train` does."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from idfree.core.errors import UserError
from idfree.core.files import refuse_overwriting
from idfree.core.settings import Assignments, override, split_assignments
from idfree.datasets.all_classes import name_all_classes
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.open_footage import open_all
from idfree.datasets.reid_crops import is_reid
from idfree.learn.methods.catalogue import METHODS
from idfree.pipelines.missing_images import drop_without_images
from idfree.pipelines.training_data import LINK_SETTINGS, link_by_motion
from idfree.pipelines.validate import ground_truth_of
from idfree.trackers.registry import TRACKERS

if TYPE_CHECKING:
    from idfree.pipelines.base_run import BaseRun

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
    weights = [text.partition("=")[2] for text in assignments[""] if text.startswith("init=")]
    if fine_tune is not None and weights:
        raise UserError(f"--fine-tune {fine_tune} begins with that run's network: leave --init {weights[0]} out")
    refuse_overwriting((out / name for name in OUTPUTS), [*data, *val, *weights, *as_list(fine_tune)])
    base = None if fine_tune is None else open_base(Path(fine_tune), method)
    data_settings = override(FootageSettings() if base is None else base.footage_settings(), assignments["data"])
    data_settings = name_all_classes([*data, *val], data_settings)
    is_encoder = METHODS[method].kind == "crops"
    reid = [Path(path) for path in data if is_encoder and is_reid(path)]
    if reid and identities == "tracklets":
        raise UserError(f"{reid[0]} has crops, no video to link tracklets in: leave --identities tracklets out")
    footages = open_all([path for path in data if Path(path) not in reid], half, images, data_settings)
    footages = drop_without_images(footages, images)
    if identities == "tracklets":
        link_settings = override(LINK_SETTINGS, assignments["label"])
        footages = [link_by_motion(footage, link_settings) for footage in footages]
    if is_encoder:
        from idfree.pipelines.train_crops import train_crops

        refuse_tracker_options(val, assignments["augmentation"], teacher)
        return train_crops(
            footages,
            out,
            reid=reid,
            assignments=assignments[""],
            labels=assignments["label"],
            base=base,
            workers=workers,
            resume=resume,
            device=device,
            seed=seed,
            quiet=quiet,
        )
    from idfree.pipelines.teacher_embeddings import Teacher
    from idfree.pipelines.train_tracker import ValidationData, train_tracker

    check_validation(tracker, val_every)
    val_footages = open_validation(data, val, half, images, data_settings)
    return train_tracker(
        method,
        footages,
        out,
        assignments=assignments[""],
        augmentation=assignments["augmentation"],
        classes=data_settings.names,
        validation=ValidationData(val_footages, tracker, best, val_every, on_validation) if val_footages else None,
        cache=None if cache is None else Path(cache),
        workers=workers,
        teacher=None if teacher is None else Teacher(str(teacher), tuple(assignments["teacher"]), device),
        base=base,
        resume=resume,
        device=device,
        seed=seed,
        quiet=quiet,
    )


def open_base(path: Path, method: str) -> "BaseRun":
    """The run to be fine-tuned. Raises UserError."""
    from idfree.pipelines.base_run import BaseRun

    return BaseRun.open(path, method)


def as_list(paths: Data | Sequence[Data] | None) -> list[Data]:
    """One path, or several, or none, as a list."""
    if paths is None:
        return []
    return [paths] if isinstance(paths, str | Path) else [*paths]


def refuse_tracker_options(val: Sequence[Data], augmentation: Sequence[str], teacher: str | Path | None) -> None:
    """Raise UserError for options that the training of an encoder does not have."""
    if val:
        raise UserError("simplereid is not validated by tracking: leave --val out, and see idfree eval-appearance")
    if augmentation:
        raise UserError(f"--set augmentation.{augmentation[0]}: simplereid has no such setting")
    if teacher is not None:
        raise UserError(f"--teacher {teacher}: simplereid has no teacher, tdt does")


def check_validation(tracker: str, val_every: int) -> None:
    """Raise UserError for an unknown tracker or an invalid interval."""
    if tracker not in TRACKERS:
        raise UserError(f"--tracker {tracker}: expected one of {', '.join(TRACKERS)}")
    if val_every < 1:
        raise UserError(f"--val-every {val_every}: expected 1 or more")


def open_validation(
    data: Sequence[Data], val: Sequence[Data], half: str, images: str | Path | None, settings: FootageSettings
) -> list[Footage]:
    """The footage to validate on: `val`, or the second halves of `data` if their first halves are trained on.

    Raises UserError if it has no identities, before anything is trained.
    """
    if not val and half == "none":
        return []
    footages = open_all(val, "none", images, settings) if val else open_all(data, "val", images, settings)
    footages = drop_without_images(footages, images)
    for footage in footages:
        ground_truth_of(footage)
    return footages
