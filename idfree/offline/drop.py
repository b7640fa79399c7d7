"""Drop tracks with a low mean detection score, which are mostly false positives."""

import numpy as np

from idfree.core.types import Annotation
from idfree.offline.track_rows import track_starts

MIN_SCORE_RATIO = 0.5  # mean score of a track / median score of all rows; study: docs/offline_settings.md


def drop_weak(tracks: Annotation) -> Annotation:
    """The tracks whose mean score is at least MIN_SCORE_RATIO × the median score of all rows.

    tracks: rows of detections, sorted by track. Nothing is dropped if all scores are equal, as unknown ones are.
    """
    starts = track_starts(tracks)
    length = np.diff(starts, append=len(tracks))
    mean = np.add.reduceat(tracks.score, starts) / length
    is_kept = mean >= min(MIN_SCORE_RATIO * np.median(tracks.score), mean.max())
    return tracks[np.repeat(is_kept, length)]
