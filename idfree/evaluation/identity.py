"""Identity: the best one-to-one pairing of whole tracks with whole truths (Ristani 2016)."""

from dataclasses import dataclass

import numpy as np

from idfree.evaluation.alignment import Alignment
from idfree.evaluation.counts import Counts

MIN_IOU = 0.5  # of boxes that agree (MOTChallenge)


@dataclass(frozen=True)
class Identity(Counts):
    """Counts of the identity measures, which add over sequences: boxes that follow the pairing, or do not."""

    idtp: int = 0
    idfn: int = 0
    idfp: int = 0

    @property
    def idf1(self) -> float:
        """The harmonic mean of identity recall and precision."""
        return self.idtp / max(1, self.idtp + 0.5 * self.idfp + 0.5 * self.idfn)

    @property
    def idr(self) -> float:
        """The share of truth under its own track."""
        return self.idtp / max(1, self.idtp + self.idfn)

    @property
    def idp(self) -> float:
        """The share of results on their own truth."""
        return self.idtp / max(1, self.idtp + self.idfp)


def identity(scene: Alignment) -> Identity:
    """The identity counts of one sequence.

    Ristani's bipartite graph, with its extra nodes for tracks and truths left alone, costs the same as the pairing
    that agrees in most frames.
    """
    from scipy.optimize import linear_sum_assignment

    agree = scene.similarity >= MIN_IOU
    gt, row = np.unique(scene.gt_id[scene.gt[agree]], return_inverse=True)
    tracker, column = np.unique(scene.tracker_id[scene.tracker[agree]], return_inverse=True)
    cells = np.bincount(row.ravel() * len(tracker) + column.ravel(), minlength=len(gt) * len(tracker))
    frames = cells.reshape(len(gt), len(tracker))
    idtp = int(frames[linear_sum_assignment(frames, maximize=True)].sum())
    return Identity(idtp=idtp, idfn=len(scene.gt_frame) - idtp, idfp=len(scene.tracker_frame) - idtp)
