"""Train an appearance encoder (SimpleReID) on crops of labelled or linked footage. Needs PyTorch."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from idfree.appearance.crops import crop_boxes
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.progress import training_progress
from idfree.core.settings import override
from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.learn.devices import open_device
from idfree.learn.fit import refuse_earlier_run
from idfree.learn.methods import simplereid
from idfree.learn.networks.crop_reid import NETWORKS
from idfree.learn.parallel import distributed_from_torchrun
from idfree.pipelines.labelling.calibration import calibration_metadata
from idfree.pipelines.labelling.crop_sets import CropsSettings, concatenate_crops, split_crops_settings
from idfree.pipelines.labelling.crop_writer import CropWriter
from idfree.pipelines.labelling.pseudolabels import (
    LabelSettings,
    covered_fraction,
    drop_short_tracklets,
    drop_unclean_boxes,
    frame_slices,
    renumber_tracklets,
    sample_boxes,
)
from idfree.pipelines.training.base_run import BaseRun
from idfree.pipelines.training.reid_data import load_reid_crops
from idfree.pipelines.training.train_tracker import count_workers
from idfree.pipelines.training.training_data import trained_on_notice

CROPS, LAST = "crops.bin", "last.pt"  # in the folder of the run; the crops only while it is trained


def train_crops(
    footages: Sequence[Footage],
    out: Path,
    *,
    reid: Sequence[Path] = (),
    assignments: Iterable[str] = (),
    labels: Iterable[str] = (),
    base: BaseRun | None = None,
    workers: int | None = None,
    resume: bool = False,
    device: str = "auto",
    seed: int = 0,
    quiet: bool = True,
) -> dict[str, Any]:
    """Train SimpleReID on the crops of footages, and of folders of Market-1501 and its like (`reid`).

    assignments: `name=value` overrides of its settings and of CropsSettings. labels: overrides of LabelSettings, which
    decide which boxes are cropped. base: the run to be fine-tuned. workers: threads that prepare batches, see
    `count_workers`. The crops are kept in a file in `out` until training has ended. Returns the path of the model,
    and the numbers of crops and tracklets (or identities). Raises UserError, also if started by `torchrun`.
    """
    if distributed_from_torchrun().world > 1:
        raise UserError("simplereid trains in one process: leave torchrun out")
    crops_settings, settings = read_settings(assignments, base, seed)
    notice = trained_on_notice if base is None else base.trained_on_notice
    label_settings = override(LabelSettings(), labels)
    workers = count_workers(workers, open_device(device).type)
    refuse_mixed_identities(footages, reid, crops_settings)
    names = [*(footage.name for footage in footages), *(path.resolve().name for path in reid)]
    with CropWriter(out / CROPS, NETWORKS[settings.network][1]) as writer:
        crops = gather_crops(footages, reid, writer, label_settings, crops_settings, quiet)
        model = simplereid.train(
            crops,
            settings,
            out,
            resume=resume,
            progress=None if quiet else training_progress,
            calibration=lambda embed: calibration_metadata(embed, crops),
            trained_on=notice(names),
            device=device,
            workers=workers,
        )
    return {"model": str(model), "crops": len(crops), "tracklets": crops.tracklet_count}


def read_settings(
    assignments: Iterable[str], base: BaseRun | None, seed: int = 0
) -> tuple[CropsSettings, simplereid.SimpleReidSettings]:
    """The settings of the crops and of the method, or of the fine-tuning of a run, with overrides. Raises UserError."""
    crops_settings, others = split_crops_settings(assignments)
    defaults = simplereid.SimpleReidSettings(seed=seed)
    return crops_settings, override(defaults if base is None else base.settings(defaults), others)


def check_run(out: Path, assignments: Iterable[str], labels: Iterable[str], base: BaseRun | None, resume: bool) -> None:
    """Raises UserError for what `train_crops` would refuse after it has read the data. Arguments as there."""
    _, settings = read_settings(assignments, base)
    override(LabelSettings(), labels)
    simplereid.check_network(settings)
    refuse_earlier_run(out / LAST, resume)


def refuse_mixed_identities(footages: Sequence[Footage], reid: Sequence[Path], settings: CropsSettings) -> None:
    """Raises UserError if some data have annotated identities, and the ids of others are those of tracklets."""
    if reid and footages and not settings.identities:
        raise UserError(
            f"{reid[0]} has annotated identities, which all data must have then: add --set identities=true if the ids"
            f" of {footages[0].name} are identities, too"
        )


def gather_crops(
    footages: Sequence[Footage],
    reid: Sequence[Path],
    writer: CropWriter,
    labels: LabelSettings,
    settings: CropsSettings,
    quiet: bool,
) -> CropSet:
    """The crops of all footages and of all folders of Market-1501 and its like; `writer` takes them."""
    crop_sets = [extract_crops(footages, writer, labels, settings)] if footages else []
    crop_sets += [load_reid_crops(folder, writer, quiet) for folder in reid]
    return concatenate_crops(crop_sets, identities=True) if reid else crop_sets[0]


def extract_crops(
    footages: Sequence[Footage], writer: CropWriter, labels: LabelSettings, settings: CropsSettings
) -> CropSet:
    """Crops of the clean boxes of all footages, grouped by id.

    writer: takes the crops. labels: which boxes are clean, and the number of crops of each id. Raises UserError if
    there are none, or if no image of a footage can be read.
    """
    crop_sets = []
    for footage in footages:
        boxes = select_clean_boxes(footage.boxes, labels)
        sampled = boxes[sample_boxes(boxes, labels, footage.frame_rate)]
        if len(sampled):
            crop_sets.append(crop_footage(footage, sampled, writer))
    if not crop_sets:
        names = ", ".join(footage.name for footage in footages)
        raise UserError(f"nobody to learn from in {names}: no id has {labels.min_clean} boxes that are clean enough")
    return concatenate_crops(crop_sets, settings.identities)


def select_clean_boxes(boxes: Annotation, settings: LabelSettings) -> Annotation:
    """The clean boxes of each id that has at least `min_clean` of them, ids renumbered from 1.

    Boxes without an id and ignored boxes are never selected, but count as occluders of others.
    """
    visible = np.concatenate([np.zeros(0), *(1 - covered_fraction(boxes.xyxy[rows]) for rows in frame_slices(boxes))])
    identified = replace(boxes, id=np.where(boxes.score != 0, boxes.id, -1), visibility=visible)
    selected = renumber_tracklets(drop_short_tracklets(drop_unclean_boxes(identified, settings), settings.min_clean))
    return selected[np.flatnonzero(selected.id >= 0)]


def crop_footage(footage: Footage, boxes: Annotation, writer: CropWriter) -> CropSet:
    """Crops of boxes sorted by frame, grouped by id; images are read in order, unreadable ones are skipped."""
    numbers = [int(boxes.frame[rows.start]) for rows in frame_slices(boxes)]
    first, read = writer.count, []
    for number, image in footage.readable(numbers):
        rows = boxes.rows_at(number)
        writer.append(crop_boxes(image, boxes.xyxy[rows], writer.size_hw))
        read.append(number)
    boxes = boxes[np.isin(boxes.frame, read)]
    tracklet = np.unique(boxes.id, return_inverse=True)[1].astype(np.int64)
    return CropSet(writer.crops_since(first), tracklet, boxes.frame, np.zeros_like(boxes.frame), boxes.xyxy)
