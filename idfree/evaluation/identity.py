"""Identity metrics (IDF1): one-to-one assignment of tracker identities to ground truth identities (Ristani 2016)."""

from dataclasses import dataclass

import numpy as np

from idfree.evaluation.alignment import MIN_IOU, Alignment
from idfree.evaluation.counts import Counts


@dataclass(frozen=True)
class Identity(Counts):
    """True positive, false negative and false positive boxes under the identity assignment; they add over sequences."""

    idtp: int = 0
    idfn: int = 0
    idfp: int = 0

    @property
    def idf1(self) -> float:
        """Harmonic mean of IDR and IDP."""
        return self.idtp / max(1, self.idtp + 0.5 * self.idfp + 0.5 * self.idfn)

    @property
    def idr(self) -> float:
        """Identity recall: IDTP / (IDTP + IDFN)."""
        return self.idtp / max(1, self.idtp + self.idfn)

    @property
    def idp(self) -> float:
        """Identity precision: IDTP / (IDTP + IDFP)."""
        return self.idtp / max(1, self.idtp + self.idfp)

    def metrics(self) -> dict[str, float]:
        """Metrics by TrackEval's names."""
        ratios = {"IDF1": self.idf1, "IDR": self.idr, "IDP": self.idp}
        return {**ratios, "IDTP": self.idtp, "IDFN": self.idfn, "IDFP": self.idfp}


def count_identity(alignment: Alignment) -> Identity:
    """The identity counts of one sequence.

    Maximising the number of matched boxes gives the same costs as Ristani's bipartite graph with extra nodes for
    unassigned identities.
    """
    from scipy.optimize import linear_sum_assignment

    valid = alignment.similarity >= MIN_IOU
    gt, row = np.unique(alignment.gt_id[alignment.gt_row[valid]], return_inverse=True)
    tracker, column = np.unique(alignment.tracker_id[alignment.tracker_row[valid]], return_inverse=True)
    cells = np.bincount(row.ravel() * len(tracker) + column.ravel(), minlength=len(gt) * len(tracker))
    matches = cells.reshape(len(gt), len(tracker))
    idtp = int(matches[linear_sum_assignment(matches, maximize=True)].sum())
    return Identity(idtp=idtp, idfn=len(alignment.gt_frame) - idtp, idfp=len(alignment.tracker_frame) - idtp)
