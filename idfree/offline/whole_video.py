"""Whole-video tracks from those of a tracker: fill gaps, smooth boxes."""

from dataclasses import dataclass, replace

import numpy as np

from idfree.core.types import Annotation, Floats
from idfree.offline.camera import cumulative_maps, warp_rows
from idfree.offline.fill import fill_gaps
from idfree.offline.smooth import smooth
from idfree.offline.track_rows import by_frame, by_track, frame_step, is_filled


@dataclass(frozen=True)
class Video:
    """What is known of the video that tracks belong to.

    frame_rate: frames per second. size_hw: (height, width), None if unknown. camera: (F, 2, 3), affine maps from pixels
    of the frame before to those of each frame, None if they were not measured.
    """

    frame_rate: float = 30.0
    size_hw: tuple[int, int] | None = None
    camera: Floats | None = None


def refine_tracks(tracks: Annotation, video: Video) -> Annotation:
    """Whole-video tracks: rows sorted by frame, then id; those that were filled in have the score 0.

    tracks: rows with ids, in any order, at most one of an id in a frame.
    """
    if not len(tracks):
        return tracks
    step = frame_step(tracks)
    rows = by_track(lift_zero_scores(tracks))
    if video.camera is not None and len(video.camera):
        maps = cumulative_maps(video.camera)
        rows = replace(rows, xyxy=warp_rows(rows.xyxy, rows.frame, np.asarray(np.linalg.inv(maps), dtype=np.float64)))
        rows = smooth(fill_gaps(rows, video.frame_rate, step), step)
        rows = replace(rows, xyxy=warp_rows(rows.xyxy, rows.frame, maps))
    else:
        rows = smooth(fill_gaps(rows, video.frame_rate, step, video.size_hw), step)
    return by_frame(rows)


def lift_zero_scores(tracks: Annotation) -> Annotation:
    """The same tracks; detected rows of score 0, which marks filled ones, get the least score above."""
    is_zero = is_filled(tracks)
    least = float(np.min(tracks.score[tracks.score > 0], initial=1.0))
    return replace(tracks, score=np.where(is_zero, least, tracks.score)) if is_zero.any() else tracks
