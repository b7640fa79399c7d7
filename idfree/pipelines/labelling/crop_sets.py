"""Crop sets: from pseudo-labels, concatenated over videos, and split into training and held-out tracklets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.core.stored_crops import concatenate, select
from idfree.pipelines.labelling.held_out import MIN_PART, choose_held_out
from idfree.pipelines.labelling.label_sequence import PseudoLabels

HELD_OUT = 0.15  # fraction of the tracklets that is held out
MIN_TRACKLETS = 2 * MIN_PART


@dataclass(frozen=True)
class CropsSettings:
    """identities: ids are annotated identities (different ids are different people) rather than tracklets."""

    identities: bool = False


def split_crops_settings(assignments: Iterable[str]) -> tuple[CropsSettings, list[str]]:
    """CropsSettings with the `name=value` assignments that are its, and the other assignments. Raises UserError."""
    names = [field.name for field in fields(CropsSettings)]
    assignments = list(assignments)
    own = [assignment for assignment in assignments if assignment.partition("=")[0] in names]
    return override(CropsSettings(), own), [assignment for assignment in assignments if assignment not in own]


class TooFewTracklets(UserError):
    """There are too few tracklets to learn from."""


@dataclass(frozen=True)
class CropSplit:
    """Training and held-out crops; no tracklet is in both."""

    train: CropSet
    held_out: CropSet


def crops_of_labels(labels: PseudoLabels) -> CropSet:
    """The crops of pseudo-labels, by tracklet; tracklets without crops are skipped in the numbering."""
    boxes = labels.boxes[labels.crop_rows]
    _, tracklet = np.unique(boxes.id, return_inverse=True)
    video = np.zeros(len(boxes), dtype=np.int64)
    return CropSet(labels.crops, tracklet.astype(np.int64), boxes.frame, video, boxes.xyxy)


def concatenate_crops(crop_sets: Sequence[CropSet], identities: bool = False) -> CropSet:
    """Concatenate the crop sets of several videos; video n of the result is crop_sets[n]."""
    first = np.cumsum([0, *(crops.tracklet_count for crops in crop_sets)])
    return CropSet(
        crops=concatenate([crops.crops for crops in crop_sets]),
        tracklet=np.concatenate([crops.tracklet + first[n] for n, crops in enumerate(crop_sets)]),
        frame=np.concatenate([crops.frame for crops in crop_sets]),
        video=np.repeat(np.arange(len(crop_sets)), [len(crops) for crops in crop_sets]),
        xyxy=np.concatenate([crops.xyxy for crops in crop_sets]),
        identities=identities,
    )


def split_crops(crops: CropSet, seed: int, fraction: float = HELD_OUT) -> CropSplit:
    """Hold out random tracklets (see `choose_held_out`).

    Raises TooFewTracklets if there are fewer than MIN_TRACKLETS tracklets.
    """
    if crops.tracklet_count < MIN_TRACKLETS:
        raise TooFewTracklets(
            f"tracklets worth learning from: {crops.tracklet_count}, expected {MIN_TRACKLETS} at the least: give more"
            " or longer videos, a better detector, or ask for less (--set label.min_score=0.3 --set"
            " label.min_height=16)"
        )
    is_held_out = np.isin(crops.tracklet, choose_held_out(crops.spans(), seed, fraction))
    return CropSplit(select_crops(crops, ~is_held_out), select_crops(crops, is_held_out))


def select_crops(crops: CropSet, rows: NDArray[np.bool_]) -> CropSet:
    """The crops of a mask (K,), with tracklets renumbered from 0."""
    tracklet = np.unique(crops.tracklet[rows], return_inverse=True)[1].astype(np.int64)
    return CropSet(select(crops.crops, rows), tracklet, crops.frame[rows], crops.video[rows], crops.xyxy[rows])
