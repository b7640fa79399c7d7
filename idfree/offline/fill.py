"""Gap filling: linear interpolation of tracks where the object was probably present though not detected.

A gap is filled if its length and the motion that it requires are plausible, and if the missed detections are: any
number of them where the filled boxes are occluded; where they are visible, about as many in a row as this detector
misses within tracks. Where motion is unpredictable, as that of dancers, identities after a gap close to another track
are uncertain: it stays open.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Integers, area, clip, overlapping_pairs_in_frames, paired_intersection, paired_iou
from idfree.core.types import Annotation, Floats
from idfree.offline.ends import compare_ends, measure_ends, median_error
from idfree.offline.smooth import smooth
from idfree.offline.track_rows import by_track, concatenate, filled_rows, find_gaps, track_starts

PREDICTION_SECONDS = 0.5  # over which extrapolations are compared with tracks: how predictable motion is


@dataclass(frozen=True)
class FillSettings:
    """Limits up to which a gap is filled. Heights are those of the boxes, the mean of both sides of the gap.

    Studies: docs/offline_settings.md. prior_…: values assumed of a video with little evidence.
    """

    max_gap: float = 4.0  # s
    max_speed: float = 2.0  # heights/s across the gap, beyond one height of tolerance for the jitter of boxes
    max_size_ratio: float = 2.0  # of heights, and of widths, on both sides of the gap
    max_error: float = 0.6  # heights, of the extrapolation across the gap: with more, the path between is unknown
    min_occlusion: float = 0.3  # share of a box covered by one in front that explains that it was not detected
    max_undetected: float = 4.0  # × the mean time without a detection: longest one of a visible object
    prior_undetected: float = 0.2  # s, mean time without a detection
    prior_weight: float = 20.0  # gaps that prior_undetected counts for
    unpredictable_error: float = 0.05  # heights: median error over PREDICTION_SECONDS that shows unpredictable motion,
    close_iou: float = 0.3  # and, then, the mean IoU with another track from which on a gap stays open
    prior_error: float = 0.025  # heights, median error over PREDICTION_SECONDS
    max_missed_share: float = 0.25  # of a track's frames, visible but without a detection, for its gaps to be filled;
    max_missed_ratio: float = 2.5  # or × the share of all tracks of the video, if that is more
    min_inside: float = 0.5  # share of a filled box that must lie in the image


def fill_gaps(
    tracks: Annotation,
    frame_rate: float,
    step: int = 1,
    size_hw: tuple[int, int] | None = None,
    settings: FillSettings | None = None,
) -> Annotation:
    """Fill gaps within tracks: the given rows and those added, which have the score 0, sorted by track.

    step: see `frame_step`. size_hw: (height, width) of the image, None if unknown.
    """
    settings, tracks = settings or FillSettings(), by_track(tracks)
    before, missing = find_gaps(tracks, step)
    rate = frame_rate / step
    is_possible = (missing <= settings.max_gap * rate) & is_plausible_motion(tracks, before, missing / rate, settings)
    before, missing = before[is_possible], missing[is_possible]
    tails, heads = (measure_ends(tracks, before + k, frame_rate, forwards=k == 1) for k in (0, 1))
    is_predicted = compare_ends(tails, heads)[1] <= settings.max_error
    before, missing = before[is_predicted], missing[is_predicted]
    gap = np.repeat(np.arange(len(before)), missing)
    rows = interpolated_rows(tracks, before, missing, step)
    visible = np.bincount(gap[~is_occluded(rows, tracks, settings.min_occlusion)], minlength=len(before))
    is_filled = visible <= settings.max_undetected * rate * mean_undetected_time(visible / rate, settings)
    is_filled &= (visible == 0) | ~is_often_missed(tracks, before, visible, settings)
    is_close = np.bincount(gap, largest_iou(rows, tracks), len(before)) >= settings.close_iou * missing
    if is_close.any() and is_unpredictable(smooth(tracks, step), frame_rate, settings):
        is_filled &= ~is_close
    keep = is_filled[gap]
    if size_hw is not None:
        keep &= area(clip(rows.xyxy, size_hw)) >= settings.min_inside * area(rows.xyxy)
    return concatenate(tracks, rows[keep])


def is_often_missed(
    tracks: Annotation, before: Integers, visible: Integers, settings: FillSettings
) -> NDArray[np.bool_]:
    """Mask (G,) of the gaps of tracks that are visible but not detected too often, compared with the video's others.

    tracks: sorted by track. before: (G,), row before each gap. visible: (G,), frames of the gap that are not occluded.
    """
    starts = track_starts(tracks)
    track = np.searchsorted(starts, before, side="right") - 1
    missed = np.bincount(track, visible, len(starts))
    detected = np.diff(starts, append=len(tracks))
    overall_share = missed.sum() / max(1, (missed + detected).sum())
    limit = max(settings.max_missed_share, settings.max_missed_ratio * overall_share)
    return np.asarray((missed > limit * (missed + detected))[track])


def is_unpredictable(tracks: Annotation, frame_rate: float, settings: FillSettings) -> bool:
    """Whether people move unpredictably. tracks: sorted by track, and smoothed."""
    return median_error(tracks, frame_rate, PREDICTION_SECONDS, settings.prior_error) > settings.unpredictable_error


def is_plausible_motion(
    tracks: Annotation, before: Integers, seconds: Floats, settings: FillSettings
) -> NDArray[np.bool_]:
    """Mask (G,) of the gaps after rows `before` (G,), of `seconds` (G,), of plausible speed and change of size."""
    first, second = tracks.xyxy[before], tracks.xyxy[before + 1]
    sizes = np.stack([(box[:, 2:] - box[:, :2]) for box in (first, second)])
    height = sizes[:, :, 1].mean(axis=0)
    distance = np.linalg.norm((first[:, :2] + first[:, 2:] - second[:, :2] - second[:, 2:]) / 2, axis=1)
    is_slow = distance <= height * (1 + settings.max_speed * seconds)
    return is_slow & (sizes.max(axis=0) <= settings.max_size_ratio * sizes.min(axis=0)).all(axis=1)


def interpolated_rows(tracks: Annotation, before: Integers, missing: Integers, step: int) -> Annotation:
    """Linear interpolation: rows (M,) for gaps of `missing` (G,) frames after rows `before` (G,)."""
    row, count = np.repeat(before, missing), np.repeat(missing, missing)
    k = np.arange(len(row)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    share = (k / (count + 1))[:, None]
    xyxy = (1 - share) * tracks.xyxy[row] + share * tracks.xyxy[row + 1]
    return filled_rows(tracks[row], tracks.frame[row] + k * step, xyxy)


def is_occluded(rows: Annotation, tracks: Annotation, min_share: float) -> NDArray[np.bool_]:
    """Mask (M,) of the rows of which a box of another track, in front, covers at least this share of the area.

    Of two boxes, that with the lower bottom edge is in front: the camera looks down on a floor.
    """
    i, j = pairs_of_other_tracks(rows, tracks)
    is_front = tracks.xyxy[j, 3] >= rows.xyxy[i, 3]
    i, j = i[is_front], j[is_front]
    covers = paired_intersection(rows.xyxy[i], tracks.xyxy[j]) >= min_share * area(rows.xyxy[i])
    occluded = np.zeros(len(rows), dtype=bool)
    occluded[i[covers]] = True
    return occluded


def largest_iou(rows: Annotation, tracks: Annotation) -> Floats:
    """Largest IoU (M,) of each row with a box of another track in its frame."""
    i, j = pairs_of_other_tracks(rows, tracks)
    largest = np.zeros(len(rows))
    np.maximum.at(largest, i, paired_iou(rows.xyxy[i], tracks.xyxy[j]))
    return largest


def pairs_of_other_tracks(rows: Annotation, tracks: Annotation) -> tuple[Integers, Integers]:
    """Pairs (i, j) of boxes of `rows` and of other tracks, all that overlap in one frame, and a few that do not."""
    i, j = overlapping_pairs_in_frames(rows.frame, rows.xyxy, tracks.frame, tracks.xyxy)
    is_other = rows.id[i] != tracks.id[j]
    return i[is_other], j[is_other]


def mean_undetected_time(seconds: Floats, settings: FillSettings) -> float:
    """Mean time without a detection while visible, over gaps of `seconds` (G,) and those of the prior."""
    is_undetected = seconds > 0
    total = seconds[is_undetected].sum() + settings.prior_weight * settings.prior_undetected
    return float(total / (np.count_nonzero(is_undetected) + settings.prior_weight))
