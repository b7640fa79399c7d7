"""Select tracklets to learn from: split where the identity may change, without small or occluded boxes.

In the annotations here, rows are detections, and the id is that of a tracklet, −1 for none. Functions that drop boxes
or tracklets set their ids to −1 and keep the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from idfree.core.boxes import area, overlapping_pairs, paired_intersection, paired_iou
from idfree.core.types import Annotation, Floats, Integers

HIGH_FRAME_RATE = 20.0  # frames per second from which a person hardly moves by half a box between two frames


@dataclass(frozen=True)
class LabelSettings:
    """Settings of pseudo-labels: the tracker, and which boxes and tracklets are kept.

    Values without another source were chosen on MOT17, PETS09-S2L1 and DanceTrack.
    """

    tracker: Literal["sort", "iou", "bytetrack"] = "sort"  # Karthik 2020, sec. 3.1
    min_iou: float | None = None  # of sort and iou; none: 0.5, or 0.3 below HIGH_FRAME_RATE
    min_score: float = 0.5  # of tracked detections; scores outside 0…1 are rescaled first
    min_doubt: float = 0.1  # detections from this score up to min_score become regions to ignore (--everybody)
    min_boxes: int = 8  # of a tracklet, before small and occluded boxes are dropped
    min_height: float = 32.0  # px; a quarter of the input height of the networks, 128
    max_overlap: float = 0.35  # fraction of a box that lies in another box of its frame; more is an occlusion
    min_clean: int = 4  # boxes of a tracklet that satisfy the last two; a training batch takes four of each tracklet
    min_continuity: float = 0.4  # IoU with the previous box or with its prediction; less is a jump
    max_crops: int = 200  # of a tracklet, evenly over time
    crop_gap: float = 0.0  # seconds between crops of a tracklet
    scene_cut: float | None = 0.25  # difference of colour histograms, see SceneCuts; none: do not look for cuts

    def __post_init__(self) -> None:
        for name in ("min_iou", "max_overlap", "min_continuity", "scene_cut"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name}={value} must lie in 0…1")
        for name in ("min_boxes", "min_clean", "max_crops"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be 1 or more")
        if self.crop_gap < 0:
            raise ValueError(f"crop_gap={self.crop_gap} must be 0 or more")

    def tracker_assignments(self, frame_rate: float) -> tuple[str, ...]:
        """`name=value` overrides of the tracker's settings."""
        if self.tracker == "bytetrack":
            return ()
        default = 0.5 if frame_rate >= HIGH_FRAME_RATE else 0.3
        return (f"min_iou={default if self.min_iou is None else self.min_iou}",)


def extract_tracklets(
    annotation: Annotation, settings: LabelSettings = LabelSettings(), cuts: Sequence[int] = ()
) -> Annotation:
    """Clean boxes of the tracklets that are kept, with ids 1…T in order of appearance.

    annotation: detections sorted by frame, with the ids of tracks; those with id −1 may still occlude others. Their
    visibility is not used, but computed: 1 − covered fraction. cuts: first frames of new scenes, ascending.
    """
    visible = [1 - covered_fraction(annotation.xyxy[rows]) for rows in frame_slices(annotation)]
    visibility = np.concatenate([np.zeros(0), *visible])
    filtered = filter_tracklets(replace(annotation, visibility=visibility), settings, cuts)
    return filtered[np.flatnonzero(filtered.id >= 0)]


def covered_fraction(xyxy: Floats) -> Floats:
    """(N,) largest fraction of each box of a frame (N, 4) that lies in a single other box."""
    i, j = overlapping_pairs(xyxy, xyxy)
    i, j = i[i != j], j[i != j]
    fraction = np.zeros(len(xyxy))
    np.maximum.at(fraction, i, paired_intersection(xyxy[i], xyxy[j]) / area(xyxy)[i])
    return fraction


def frame_slices(annotation: Annotation) -> list[slice]:
    """The rows of each frame that has any."""
    ends = np.flatnonzero(np.diff(annotation.frame)) + 1
    bounds = [0, *ends.tolist(), len(annotation)] if len(annotation) else []
    return [slice(*pair) for pair in pairwise(bounds)]


def filter_tracklets(annotation: Annotation, settings: LabelSettings, cuts: Sequence[int]) -> Annotation:
    """Split tracklets at scene cuts, jumps and occlusions, drop unclean boxes and short tracklets, renumber the rest.

    Tracks often change identity at occlusions, when one person passes another; so a tracklet ends there. Returns all
    rows.
    """
    scene = np.searchsorted(np.asarray(cuts, dtype=np.int64), annotation.frame, side="right")
    continuous = split_at_jumps(split_tracklets(annotation, scene), settings.min_continuity)
    unoccluded = split_at_occlusions(continuous, settings.max_overlap)
    clean = drop_unclean_boxes(drop_short_tracklets(unoccluded, settings.min_boxes), settings)
    return renumber_tracklets(drop_short_tracklets(clean, settings.min_clean))


def split_tracklets(annotation: Annotation, part: Integers) -> Annotation:
    """Split each tracklet where `part` (K,) changes along it."""
    order = np.lexsort((annotation.frame, annotation.id))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (np.diff(annotation.id[order]) != 0) | (np.diff(part[order]) != 0)
    identity = np.zeros(len(order), dtype=np.int64)
    identity[order] = np.cumsum(is_first)
    return replace(annotation, id=np.where(annotation.id < 0, -1, identity))


def split_at_jumps(annotation: Annotation, min_iou: float) -> Annotation:
    """Split each tracklet before boxes whose IoU with both the previous box and its prediction is below `min_iou`.

    The prediction moves the four edges of the previous box at constant velocity. It alone would not do: it is noisy for
    boxes that hardly move.
    """
    order = np.lexsort((annotation.frame, annotation.id))
    box, frame, identity = annotation.xyxy[order], annotation.frame[order], annotation.id[order]
    is_same, elapsed = np.diff(identity) == 0, np.maximum(np.diff(frame), 1)[:, None]
    velocity = np.zeros_like(box)
    velocity[1:] = np.where(is_same[:, None], np.diff(box, axis=0) / elapsed, 0)
    predicted = box[:-1] + velocity[:-1] * elapsed
    continuity = np.maximum(paired_iou(predicted, box[1:]), paired_iou(box[:-1], box[1:]))
    jumps = np.zeros(len(order), dtype=np.int64)
    jumps[1:] = np.cumsum(continuity < min_iou)
    part = np.zeros_like(jumps)
    part[order] = jumps
    return split_tracklets(annotation, part)


def split_at_occlusions(annotation: Annotation, max_overlap: float) -> Annotation:
    """Split each tracklet at boxes whose covered fraction, 1 − visibility, is above `max_overlap`."""
    order = np.lexsort((annotation.frame, annotation.id))
    part = np.zeros(len(order), dtype=np.int64)
    part[order] = np.cumsum(1 - annotation.visibility[order] > max_overlap)
    return split_tracklets(annotation, part)


def drop_unclean_boxes(annotation: Annotation, settings: LabelSettings) -> Annotation:
    """Drop boxes from their tracklets that are too small or whose covered fraction, 1 − visibility, is too large."""
    height = annotation.xyxy[:, 3] - annotation.xyxy[:, 1]
    is_clean = (1 - annotation.visibility <= settings.max_overlap) & (height >= settings.min_height)
    return replace(annotation, id=np.where(is_clean, annotation.id, -1))


def drop_short_tracklets(annotation: Annotation, min_boxes: int) -> Annotation:
    """Drop tracklets of fewer boxes."""
    _, index, count = np.unique(annotation.id, return_inverse=True, return_counts=True)
    return replace(annotation, id=np.where(count[index] >= min_boxes, annotation.id, -1))


def renumber_tracklets(annotation: Annotation) -> Annotation:
    """Renumber ids to 1…T in order of appearance; −1 stays."""
    rows = np.flatnonzero(annotation.id >= 0)
    _, first, index = np.unique(annotation.id[rows], return_index=True, return_inverse=True)
    rank = np.empty_like(first)
    rank[np.argsort(first)] = np.arange(1, len(first) + 1)
    identity = np.full(len(annotation), -1)
    identity[rows] = rank[index]
    return replace(annotation, id=identity)


def sample_boxes(boxes: Annotation, settings: LabelSettings, frame_rate: float) -> Integers:
    """Rows of boxes to crop: the first and last of each tracklet, and others evenly between them.

    One for each `crop_gap` seconds of the tracklet, but at least `min_clean` (if it has as many) and at most
    `max_crops`.
    """
    order = np.lexsort((boxes.frame, boxes.id))
    _, first, index, count = np.unique(boxes.id[order], return_index=True, return_inverse=True, return_counts=True)
    frame = boxes.frame[order]
    duration = (frame[first + count - 1] - frame[first]) / frame_rate
    wanted = duration / settings.crop_gap + 1 if settings.crop_gap else np.full(len(duration), np.inf)
    wanted = np.minimum(np.clip(wanted, settings.min_clean, settings.max_crops).astype(np.int64), count)
    rank, steps = np.arange(len(order)) - first[index], np.maximum(count - 1, 1)[index]
    step = rank * (wanted - 1)[index] // steps  # 0 … wanted − 1, each of them at least once
    is_sampled = (rank == 0) | (step != (rank - 1) * (wanted - 1)[index] // steps)
    return np.sort(order[is_sampled])
