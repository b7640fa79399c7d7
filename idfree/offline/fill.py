"""Fill the gaps of tracks by linear interpolation, where the person was probably there though not detected.

A gap is filled if its length and the motion that it requires are plausible, and if the missed detections are: any
number of them where the filled boxes are occluded; where they are visible, about as many in a row as this detector
misses within tracks. Where motion is unpredictable, as that of dancers, identities after a gap close to another track
are uncertain: it stays open.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Integers, area, clip, overlapping_pairs, paired_intersection, paired_iou
from idfree.core.types import Annotation, Floats
from idfree.offline.ends import describe_ends, distances, usual_miss
from idfree.offline.smooth import smooth
from idfree.offline.track_rows import by_track, concatenate, filled_rows, find_gaps, track_starts

PREDICTED_SECONDS = 0.5  # ahead: extrapolations whose errors tell how predictable motion is


@dataclass(frozen=True)
class FillSettings:
    """Limits up to which a gap is filled. Heights are those of the boxes, the mean of both sides of the gap."""

    longest: float = 4.0  # s
    fastest: float = 2.0  # heights/s across the gap, beyond one height of tolerance for the boxes' jitter
    size_ratio: float = 2.0  # greatest ratio of heights, and of widths, on both sides of the gap
    miss: float = 0.6  # heights, of the extrapolation across the gap: with more, the path between is unknown
    hidden: float = 0.3  # share of a box that another, in front of it, must cover to explain that it was not detected
    in_view: float = 4.0  # × the mean time without a detection: longest one of a visible person
    usual_undetected: float = 0.2  # s, mean time without a detection that is assumed of a detector with few gaps
    usual_weight: float = 20.0  # gaps that this assumption counts for
    unpredictable: float = 0.05  # heights: median miss over PREDICTED_SECONDS that shows unpredictable motion, and,
    close: float = 0.3  # then, the mean IoU with another track from which on a gap stays open
    usual_miss: float = 0.025  # heights, median miss that is assumed of a video with few tracks
    unseen: float = 0.25  # greatest share of a track's frames in plain view without a detection, for its gaps to be
    unseen_factor: float = 2.5  # filled; or × the share of all tracks of the video, if that is more
    inside: float = 0.5  # share of a filled box that must lie in the image


def fill_gaps(
    tracks: Annotation,
    frame_rate: float,
    step: int = 1,
    size_hw: tuple[int, int] | None = None,
    settings: FillSettings | None = None,
) -> Annotation:
    """Fill gaps within tracks; all rows, sorted by track; those added have the score 0. step: see `frame_step`."""
    settings, tracks = settings or FillSettings(), by_track(tracks)
    before, missing = find_gaps(tracks, step)
    rate = frame_rate / step
    is_possible = (missing <= settings.longest * rate) & is_plausible_motion(tracks, before, missing / rate, settings)
    before, missing = before[is_possible], missing[is_possible]
    tails, heads = (describe_ends(tracks, before + k, frame_rate, forwards=k == 1) for k in (0, 1))
    is_foreseen = distances(tails, heads)[1] <= settings.miss
    before, missing = before[is_foreseen], missing[is_foreseen]
    gap = np.repeat(np.arange(len(before)), missing)
    rows = straight_rows(tracks, before, missing, step)
    in_view = np.bincount(gap[~is_hidden(rows, tracks, settings.hidden)], minlength=len(before))
    is_filled = in_view <= settings.in_view * rate * mean_undetected_time(in_view / rate, settings)
    is_filled &= (in_view == 0) | ~is_weak(tracks, before, in_view, settings)
    is_close = np.bincount(gap, nearest_iou(rows, tracks), len(before)) >= settings.close * missing
    if is_close.any() and is_unpredictable(smooth(tracks, step), frame_rate, settings):
        is_filled &= ~is_close
    keep = is_filled[gap]
    if size_hw is not None:
        keep &= area(clip(rows.xyxy, size_hw)) >= settings.inside * area(rows.xyxy)
    return concatenate(tracks, rows[keep])


def is_weak(tracks: Annotation, before: Integers, in_view: Integers, settings: FillSettings) -> NDArray[np.bool_]:
    """Mask (G,) of the gaps of tracks that are too often not detected in plain view, compared with the video's others.

    tracks: sorted by track. before: row (G,) before each gap. in_view: frames (G,) of the gap in plain view.
    """
    starts = track_starts(tracks)
    track = np.searchsorted(starts, before, side="right") - 1
    missed = np.bincount(track, in_view, len(starts))
    detected = np.diff(starts, append=len(tracks))
    usual = missed.sum() / max(1, (missed + detected).sum())
    greatest = max(settings.unseen, settings.unseen_factor * usual)
    return np.asarray((missed > greatest * (missed + detected))[track])


def is_unpredictable(tracks: Annotation, frame_rate: float, settings: FillSettings) -> bool:
    """Whether people move unpredictably. tracks: sorted by track, and smoothed."""
    return usual_miss(tracks, frame_rate, PREDICTED_SECONDS, settings.usual_miss) > settings.unpredictable


def is_plausible_motion(
    tracks: Annotation, before: Integers, seconds: Floats, settings: FillSettings
) -> NDArray[np.bool_]:
    """Mask (G,) of the gaps after rows `before` that need no impossible speed or change of size."""
    first, second = tracks.xyxy[before], tracks.xyxy[before + 1]
    sizes = np.stack([(box[:, 2:] - box[:, :2]) for box in (first, second)])
    height = sizes[:, :, 1].mean(axis=0)
    distance = np.linalg.norm((first[:, :2] + first[:, 2:] - second[:, :2] - second[:, 2:]) / 2, axis=1)
    is_slow = distance <= height * (1 + settings.fastest * seconds)
    return is_slow & (sizes.max(axis=0) <= settings.size_ratio * sizes.min(axis=0)).all(axis=1)


def straight_rows(tracks: Annotation, before: Integers, missing: Integers, step: int) -> Annotation:
    """The rows (M,) of gaps of `missing` frames after rows `before`: boxes on straight lines."""
    row, count = np.repeat(before, missing), np.repeat(missing, missing)
    k = np.arange(len(row)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    share = (k / (count + 1))[:, None]
    xyxy = (1 - share) * tracks.xyxy[row] + share * tracks.xyxy[row + 1]
    return filled_rows(tracks[row], tracks.frame[row] + k * step, xyxy)


def is_hidden(rows: Annotation, tracks: Annotation, least_share: float) -> NDArray[np.bool_]:
    """Mask (M,) of the rows whose boxes another track's box covers by at least this share, standing in front.

    Of two boxes, that with the lower bottom edge is in front: the camera looks down on a floor.
    """
    shift = side_by_side(rows, tracks)
    i, j = overlapping_pairs(rows.xyxy + shift[0], tracks.xyxy + shift[1])
    is_front = (rows.id[i] != tracks.id[j]) & (tracks.xyxy[j, 3] >= rows.xyxy[i, 3])
    i, j = i[is_front], j[is_front]
    covers = paired_intersection(rows.xyxy[i], tracks.xyxy[j]) >= least_share * area(rows.xyxy[i])
    hidden = np.zeros(len(rows), dtype=bool)
    hidden[i[covers]] = True
    return hidden


def nearest_iou(rows: Annotation, tracks: Annotation) -> Floats:
    """Greatest IoU (M,) of each row with a box of another track."""
    shift = side_by_side(rows, tracks)
    i, j = overlapping_pairs(rows.xyxy + shift[0], tracks.xyxy + shift[1])
    is_other = rows.id[i] != tracks.id[j]
    i, j = i[is_other], j[is_other]
    greatest = np.zeros(len(rows))
    np.maximum.at(greatest, i, paired_iou(rows.xyxy[i], tracks.xyxy[j]))
    return greatest


def side_by_side(*tables: Annotation) -> list[Floats]:
    """Shifts (K, 4) in x of the boxes of each table that put the frames side by side, so that one sweep finds the
    pairs of all frames.
    """
    left = min(table.xyxy[:, 0].min(initial=0) for table in tables)
    right = max(table.xyxy[:, 2].max(initial=0) for table in tables)
    shifts = [table.frame * (right - left + 1) for table in tables]
    return [np.stack([shift, np.zeros_like(shift)] * 2, axis=1) for shift in shifts]


def mean_undetected_time(seconds: Floats, settings: FillSettings) -> float:
    """Mean time in plain view without a detection, over gaps (G,) and the assumed ones."""
    is_undetected = seconds > 0
    total = seconds[is_undetected].sum() + settings.usual_weight * settings.usual_undetected
    return float(total / (np.count_nonzero(is_undetected) + settings.usual_weight))
