"""Drop tracks that are probably false positives: those with a low mean detection score."""

import numpy as np

from idfree.core.types import Annotation
from idfree.offline.track_rows import track_starts

LEAST_SCORE = 0.5  # × the median score of all rows: least mean score of a track


def drop_weak(tracks: Annotation) -> Annotation:
    """The tracks whose mean score is not far below the usual one; rows sorted by track, of detections alone.

    Where scores are not known, and so all the same, nothing is dropped.
    """
    starts = track_starts(tracks)
    length = np.diff(starts, append=len(tracks))
    mean = np.add.reduceat(tracks.score, starts) / length
    is_kept = mean >= min(LEAST_SCORE * np.median(tracks.score), mean.max())
    return tracks[np.repeat(is_kept, length)]
