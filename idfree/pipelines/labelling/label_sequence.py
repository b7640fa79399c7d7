"""Pseudo-labels of one sequence: tracklets of motion-only tracking that probably show one person each, and crops.

Each tracklet becomes a class of its own (Karthik 2020, *Simple Unsupervised Multi-Object Tracking*, sec. 3.1).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from idfree.core.progress import progress
from idfree.core.types import Annotation, Crops, Detections, Detector, Floats, Integers, Sequence, View
from idfree.pipelines.labelling.crop_buffer import CropBuffer, CropFunction
from idfree.pipelines.labelling.pseudolabels import (
    LabelSettings,
    covered_fraction,
    drop_unclean_boxes,
    filter_tracklets,
    sample_boxes,
)
from idfree.pipelines.labelling.quality import MIN_IOU, describe_tracklets
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.tracking.tracking_run import TrackingRun
from idfree.sequences.cuts import SceneCuts
from idfree.trackers.association import assign_greedily, iou_distances
from idfree.trackers.registry import Tracker

COLUMNS = ("frame", "id", "xyxy", "score", "class_id", "visibility")  # of annotations without embeddings


@dataclass(frozen=True)
class PseudoLabels:
    """Pseudo-labels of a sequence.

    boxes: detected boxes of the tracklets, ids 1…T. rest: all other objects and regions to ignore, id −1: detections
    without a tracklet with score 1, uncertain detections with score 0, and the whole image of each frame that was not
    processed with score 0. report: see `describe_tracklets`, and counts of the video.
    crops: (M, H, W, 3), of the boxes `crop_rows` (M,), rows of `boxes`, evenly over each tracklet; empty without a crop
    function. As CropBuffer keeps few crops of a long track, a tracklet that is a small part of a track may have fewer
    crops than `min_clean`, or none.
    """

    boxes: Annotation
    rest: Annotation
    report: dict[str, Any]
    crops: Crops
    crop_rows: Integers


def label_sequence(
    sequence: Sequence,
    detector: Detector,
    settings: LabelSettings | None = None,
    crop: CropFunction | None = None,
    *,
    selection: Selection | None = None,
    images: bool = False,
    quiet: bool = True,
) -> PseudoLabels:
    """Track a sequence, reading it once, and keep the tracklets that are worth learning from.

    crop: function from an image and boxes (N, 4) to crops (N, H, W, 3), None for no crops. selection: of frames and
    detections. images: read images even if only the detection of scene cuts needs them.
    """
    settings, selection = settings or LabelSettings(), selection or Selection()
    assignments = settings.tracker_assignments(sequence.frame_rate / selection.every)
    run = make_tracking_run(
        sequence, detector, settings.tracker, assignments, selection, images=images or crop is not None
    )
    linked = link_sequence(run, settings, crop, quiet)
    filtered = filter_tracklets(linked.boxes, settings, linked.scenes.cuts)
    has_tracklet = filtered.id >= 0
    boxes, others = filtered[has_tracklet], filtered[~has_tracklet]
    crops, crop_rows = linked.crops.crops_of(np.flatnonzero(has_tracklet))
    sampled = sample_boxes(boxes[crop_rows], settings, sequence.frame_rate)
    ignored = [linked.uncertain, unprocessed_frames(sequence, linked.frames)]
    rest = sort_by_frame(concatenate_boxes([replace(others, score=np.ones(len(others))), *ignored]))
    report = {**linked.describe(run.sequence), **describe_tracklets(boxes, len(linked.boxes))}
    return PseudoLabels(boxes, rest, report, crops[sampled], crop_rows[sampled])


@dataclass(frozen=True)
class LinkedDetections:
    """What is kept of a sequence while it is read.

    boxes: detections with track ids, −1 for none. uncertain: regions to ignore, see `uncertain_detections`. frames: the
    numbers of those read. crops: of the tracks, by row of `boxes`.
    """

    boxes: Annotation
    uncertain: Annotation
    frames: list[int]
    scenes: SceneCuts
    crops: CropBuffer

    def describe(self, sequence: Sequence) -> dict[str, Any]:
        """Counts for the report. sequence: as it was read."""
        read = len(self.frames)
        lost = max(0, (sequence.count or 0) - read)
        return {"frames": read, "frames_lost": lost, "detections": len(self.boxes), "scenes": self.scenes.count}


def link_sequence(
    run: TrackingRun, settings: LabelSettings, crop: CropFunction | None, quiet: bool
) -> LinkedDetections:
    """Read the sequence of a run, link its detections, look for scene cuts and crop the clean boxes of tracks."""
    buffer, scenes = CropBuffer(crop, settings.max_crops, settings.min_clean), SceneCuts(settings.scene_cut)
    linked, uncertain, row_count = [Annotation.empty()], [Annotation.empty()], 0
    numbers: list[int] = []
    for frame in progress(run.sequence, f"{run.sequence.name}: labelling", run.sequence.count, quiet):
        view = run.make_view(frame)
        view = replace(view, detections=view.detections.select(view.detections.valid_mask(view.size_hw)))
        boxes = link_detections(run.tracker, view, frame.number, settings.min_score)
        numbers.append(frame.number)
        scenes.update(frame)
        buffer.add(frame.image, drop_unclean_boxes(boxes, settings), row_count)
        linked.append(boxes)
        uncertain.append(uncertain_detections(view.detections, frame.number, settings))
        row_count += len(boxes)
    return LinkedDetections(concatenate_boxes(linked), concatenate_boxes(uncertain), numbers, scenes, buffer)


def link_detections(tracker: Tracker, view: View, frame_number: int, min_score: float) -> Annotation:
    """Update the tracker; return the detections of at least `min_score` with track ids (−1 for none) and visibility."""
    detections = view.detections.select(view.detections.score >= min_score)
    tracks = tracker.update(replace(view, detections=detections))
    i, j, distance = iou_distances(tracks.xyxy, detections.xyxy)
    matched = assign_greedily(i, j, distance, 1 - MIN_IOU)
    identity = np.full(len(detections), -1)
    identity[j[matched]] = tracks.id[i[matched]]
    return Annotation(
        frame=np.full(len(detections), frame_number),
        id=identity,
        xyxy=detections.xyxy,
        score=detections.score,
        class_id=detections.class_id,
        visibility=1 - covered_fraction(detections.xyxy),
    )


def uncertain_detections(detections: Detections, frame_number: int, settings: LabelSettings) -> Annotation:
    """Regions to ignore: detections with scores from `min_doubt` up to `min_score`."""
    is_uncertain = (detections.score >= settings.min_doubt) & (detections.score < settings.min_score)
    return ignore_regions(np.full(np.count_nonzero(is_uncertain), frame_number), detections.xyxy[is_uncertain])


def unprocessed_frames(sequence: Sequence, processed: list[int]) -> Annotation:
    """Regions to ignore: the whole image of each frame but those processed, given by number.

    Those are not selected, or cannot be read. None if size or length are unknown.
    """
    if sequence.length is None or sequence.size_hw is None:
        return Annotation.empty()
    frame = np.setdiff1d(np.arange(sequence.first, sequence.length + 1), processed)
    height, width = sequence.size_hw
    return ignore_regions(frame, np.tile([0.0, 0.0, width, height], (len(frame), 1)))


def ignore_regions(frame: Integers, xyxy: Floats) -> Annotation:
    """Boxes (K, 4) in frames (K,) with score 0 and id −1."""
    zeros = np.zeros(len(frame))
    return Annotation(frame, np.full(len(frame), -1), xyxy, zeros, zeros.astype(np.int64), zeros + 1)


def sort_by_frame(annotation: Annotation) -> Annotation:
    """Sort rows by frame (stable)."""
    return annotation[np.argsort(annotation.frame, kind="stable")]


def concatenate_boxes(annotations: list[Annotation]) -> Annotation:
    """Concatenate annotations, without embeddings."""
    parts = [Annotation.empty(), *annotations]
    return Annotation(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})
