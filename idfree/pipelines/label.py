"""Pseudo-labels from raw video: a tracker's tracklets, as far as each is likely to be one person, and their crops.

Every tracklet becomes a class of its own (Karthik 2020, *Simple Unsupervised Multi-Object Tracking*, sec. 3.1).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from idfree.core.progress import progress
from idfree.core.types import Annotation, Crops, Detections, Detector, Floats, Integers, Sequence, View
from idfree.evaluation.reid import truth_of
from idfree.pipelines.crop_buffer import CropBuffer, Cut
from idfree.pipelines.pseudolabels import LabelSettings, clean, covered, mark, split_at_jumps, spread, tracklets
from idfree.pipelines.selection import Selection
from idfree.pipelines.track import prepare
from idfree.sequences.cuts import SceneCuts
from idfree.trackers.association import greedy, overlapping
from idfree.trackers.registry import Tracker

__all__ = [
    "LabelSettings",
    "PseudoLabels",
    "clean",
    "label",
    "purity",
    "report",
    "split_at_jumps",
    "spread",
    "tracklets",
]

SAME = 0.5  # IoU of a tracker's filtered box with the detection that it stands for


@dataclass(frozen=True)
class PseudoLabels:
    """boxes: the pseudo-labels, ids 1…T, boxes as detected. report: what `report` says of them, and of the video.

    rest: what else was detected, ids −1: of score 1 whoever surely is somebody, of score 0 whoever may be, and the
    whole picture of each frame that was not looked at.

    crops (M, H, W, 3) of the boxes `crop_of` (M,), rows of `boxes`, spread over each tracklet; none without a `cut`.
    Few are held of a long track: of a tracklet that is a small part of one fewer may be left than `min_clean`, or none.
    """

    boxes: Annotation
    rest: Annotation
    report: dict[str, Any]
    crops: Crops
    crop_of: Integers


def label(
    sequence: Sequence,
    detector: Detector,
    settings: LabelSettings | None = None,
    cut: Cut | None = None,
    *,
    selection: Selection | None = None,
    images: bool = False,
    quiet: bool = True,
) -> PseudoLabels:
    """Track a sequence, reading it once, and keep what is worth learning from.

    cut: (image, xyxy (N, 4)) → crops (N, H, W, 3) of the boxes; `Album` says how many are held meanwhile. selection:
    which frames and classes. images: read them although nothing else needs them, for the sake of scene cuts.
    """
    settings, selection = settings or LabelSettings(), selection or Selection()
    assignments = settings.of_tracker(sequence.frame_rate / selection.every)
    run = prepare(sequence, detector, settings.tracker, assignments, selection, images or cut is not None)
    album, scenes = CropBuffer(cut, settings.max_crops, settings.min_clean), SceneCuts(settings.scene_cut)
    seen, doubted, rows = [Annotation.empty()], [unseen(sequence, selection)], 0
    for frame in progress(run.sequence, sequence.name, run.sequence.length, quiet):
        seen_now = run.view(frame)
        view = replace(seen_now, detections=seen_now.detections.only(seen_now.detections.sane(seen_now.size_hw)))
        found = identified(run.tracker, view, frame.number, settings.min_score)
        doubted.append(doubtful(view.detections, frame.number, settings))
        scenes.look(frame)
        album.add(frame.image, clean(found, settings), rows)
        seen.append(found)
        rows += len(found)
    marked = mark(joined(seen), settings, scenes.cuts)
    kept, sure = np.flatnonzero(marked.id >= 0), marked[np.flatnonzero(marked.id < 0)]
    boxes, (crops, crop_of) = marked[kept], album.taken(kept)
    few = spread(boxes[crop_of], settings, sequence.frame_rate)
    told = {"frames": len(seen) - 1, "detections": rows, "scenes": scenes.count}
    rest = in_order(joined([replace(sure, score=np.ones(len(sure))), *doubted]))
    return PseudoLabels(boxes, rest, {**told, **report(boxes, rows)}, crops[few], crop_of[few])


def identified(tracker: Tracker, view: View, number: int, min_score: float) -> Annotation:
    """The detections of a frame, with the ids of the tracks that report them, −1 for none, and how visible each is."""
    detections = view.detections.only(view.detections.score >= min_score)
    tracks = tracker.update(replace(view, detections=detections))
    i, j, distance = overlapping(tracks.xyxy, detections.xyxy)
    same = greedy(i, j, distance, 1 - SAME)
    identity = np.full(len(detections), -1)
    identity[j[same]] = tracks.id[i[same]]
    return Annotation(
        frame=np.full(len(detections), number),
        id=identity,
        xyxy=detections.xyxy,
        score=detections.score,
        class_id=detections.class_id,
        visibility=1 - covered(detections.xyxy),
    )


def doubtful(detections: Detections, number: int, settings: LabelSettings) -> Annotation:
    """The detections of a frame that may be somebody or not, as regions (score 0) of nobody."""
    unsure = (detections.score >= settings.min_doubt) & (detections.score < settings.min_score)
    return regions(np.full(np.count_nonzero(unsure), number), detections.xyxy[unsure])


def unseen(sequence: Sequence, selection: Selection) -> Annotation:
    """The whole picture of each frame that is not looked at, as a region; none where size or length are unknown."""
    if sequence.length is None or sequence.size_hw is None:
        return Annotation.empty()
    every = np.arange(1, sequence.length + 1)
    frame = np.setdiff1d(every, every[selection.start - 1 :: selection.every][: selection.frames])
    height, width = sequence.size_hw
    return regions(frame, np.tile([0.0, 0.0, width, height], (len(frame), 1)))


def regions(frame: Integers, xyxy: Floats) -> Annotation:
    """Boxes (K, 4) in frames (K,) that are nobody's: score 0, id −1."""
    nothing = np.zeros(len(frame))
    return Annotation(frame, np.full(len(frame), -1), xyxy, nothing, nothing.astype(np.int64), nothing + 1)


def in_order(annotation: Annotation) -> Annotation:
    """Rows by frame, those of one as they are."""
    return annotation[np.argsort(annotation.frame, kind="stable")]


def joined(frames: list[Annotation]) -> Annotation:
    """The annotations of many frames as one."""
    columns = ("frame", "id", "xyxy", "score", "class_id", "visibility")
    every = [Annotation.empty(), *frames]
    return Annotation(**{name: np.concatenate([getattr(one, name) for one in every]) for name in columns})


def report(boxes: Annotation, detections: int | None = None) -> dict[str, Any]:
    """What pseudo-labels look like, ready for JSON: how many tracklets, boxes of each, certain pairs of two people.

    detections: how many there were, of which `kept` is the share. length: boxes of a tracklet. coexisting_pairs: of
    tracklets whose spans overlap in time: two people, certainly. largest: the share of all boxes in one tracklet.
    """
    _, first, count = np.unique(boxes.id, return_index=True, return_counts=True)
    begin, end = boxes.frame[first], boxes.frame[len(boxes) - 1 - np.unique(boxes.id[::-1], return_index=True)[1]]
    total, apart = len(count), int(np.searchsorted(np.sort(end), begin).sum())  # apart: one ends before the other
    length = np.quantile(count, (0, 0.5, 1)).tolist() if total else (0, 0, 0)
    return {
        "tracklets": total,
        "boxes": len(boxes),
        "kept": None if not detections else round(len(boxes) / detections, 4),
        "length": dict(zip(("min", "median", "max"), length, strict=True)),
        "coexisting_pairs": total * (total - 1) // 2 - apart,
        "largest": round(float(count.max(initial=0) / max(1, len(boxes))), 4),
    }


def purity(labels: Annotation, truth: Annotation, min_iou: float = SAME) -> float:
    """The share of boxes that show the person whom most boxes of their tracklet show; NaN without boxes.

    A box shows the person of `truth`, of any mark or class, whom it overlaps by at least `min_iou`, one to one; a box
    that shows nobody counts against.
    """
    everybody = np.ones(len(truth))
    people = replace(truth, score=everybody, class_id=everybody.astype(np.int64))
    person = truth_of(labels, people, min_iou).id
    pairs, count = np.unique(np.stack([labels.id, person], axis=1)[person >= 0], axis=0, return_counts=True)
    most = np.zeros(labels.id.max(initial=0) + 1, dtype=np.int64)
    np.maximum.at(most, pairs[:, 0], count)
    return float(most.sum() / len(labels)) if len(labels) else float("nan")
