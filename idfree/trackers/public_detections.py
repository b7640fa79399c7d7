"""Protocol of public detections: a detector's own boxes start tracks only near given detections (Zhou 2020, sec. 5.1).

It makes a one-shot tracker, which has a detector of its own, comparable with trackers of the given detections.
"""

import numpy as np

from idfree.core.boxes import area
from idfree.core.types import Floats, Integers
from idfree.trackers.association import assign_greedily


def rows_near(xyxy: Floats, public: Floats) -> Integers:
    """Ascending rows of the boxes (N, 4) that are allowed to start tracks by the public detections (P, 4).

    The squared distance of a box's centre to that of a public detection must be less than the box's area. Nearest pairs
    come first; each public detection allows one box. (In the public code, that of the first public detection does.)
    """
    centre, other = ((boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (xyxy, public))
    squared = ((centre[:, None] - other) ** 2).sum(axis=2)
    i, j = np.nonzero(squared < area(xyxy)[:, None])
    return np.sort(i[assign_greedily(i, j, squared[i, j], np.inf)])
