"""Prepare labelled footage for training: cached video frames, and identities from motion-only tracking."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from idfree.datasets.footage import Footage
from idfree.datasets.frame_cache import cache_images
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.label_sequence import label_sequence
from idfree.pipelines.motion_tracklets import find_rows
from idfree.pipelines.pseudolabels import LabelSettings
from idfree.pipelines.validate import footage_as_sequence

# For annotated boxes: each shows one person even where two overlap, unlike boxes of a detector.
LINK_SETTINGS = LabelSettings(max_overlap=1.0)

TERMS = "; terms of that footage apply"  # the end of the notice about training data

FrameProgress = Callable[[str, list[int]], Iterable[int]]  # (footage name, frame numbers) → the frame numbers


def cache_videos(
    footages: Sequence[Footage], folder: Path, height: int, frame_progress: FrameProgress
) -> list[Footage]:
    """Replace footage in video files by JPEG images below `folder`, at most `height` px high, for random access.

    Raises UserError if a frame cannot be decoded or written.
    """
    return [
        cache_images(footage, folder, height, progress=partial(frame_progress, footage.name))
        if footage.in_video
        else footage
        for footage in footages
    ]


def link_by_motion(footage: Footage, settings: LabelSettings) -> Footage:
    """Replace the identities of a footage by tracklets of motion-only tracking; annotated identities are not used.

    settings: which boxes and tracklets are kept. The id of all other boxes, and of still images, is −1.
    """
    rows = np.flatnonzero((footage.boxes.score != 0) & footage.is_sequence)
    objects = footage.boxes[rows]
    tracklets = label_sequence(
        footage_as_sequence(footage), PrecomputedDetector(objects, score_range=None), settings
    ).boxes
    identity = np.full(len(footage.boxes), -1)
    identity[rows[find_rows(tracklets, objects)]] = tracklets.id
    return replace(footage, boxes=replace(footage.boxes, id=identity))


def trained_on_notice(names: Iterable[str], prefix: str = "") -> str:
    """Metadata `trained_on` of a model: the names of its training data and a reminder of their licences."""
    return f"{prefix}{', '.join(names)}{TERMS}"
