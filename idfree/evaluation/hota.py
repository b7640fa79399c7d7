"""HOTA, higher order tracking accuracy: detection and association at 19 IoU thresholds (Luiten 2021)."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Integers
from idfree.evaluation.alignment import EPS, Alignment, unique_inverse
from idfree.evaluation.counts import Counts
from idfree.evaluation.matching import max_weight_matching

ALPHAS = np.arange(0.05, 0.99, 0.05)  # IoU thresholds 0.05, 0.10 … 0.95
TINY = 1e-10  # LocA without matches is TINY / TINY = 1


def zeros() -> Floats:
    """(19,) zeros."""
    return np.zeros(len(ALPHAS))


@dataclass(frozen=True, eq=False)
class Hota(Counts):
    """Counts of HOTA and its parts, (19,) each, one per threshold of ALPHAS; they add over sequences.

    tp, fn, fp: true positive, false negative and false positive boxes. iou_sum: IoU summed over true positives.
    ass_a_sum, ass_re_sum, ass_pr_sum: association accuracy (Jaccard index), recall and precision of the two tracks of
    each true positive, summed over true positives. The ratios are (19,) too; tables show their mean.
    """

    tp: Floats = field(default_factory=zeros)
    fn: Floats = field(default_factory=zeros)
    fp: Floats = field(default_factory=zeros)
    iou_sum: Floats = field(default_factory=zeros)
    ass_a_sum: Floats = field(default_factory=zeros)
    ass_re_sum: Floats = field(default_factory=zeros)
    ass_pr_sum: Floats = field(default_factory=zeros)

    @property
    def hota(self) -> Floats:
        """Geometric mean of DetA and AssA."""
        return np.sqrt(self.det_a * self.ass_a)

    @property
    def owta(self) -> Floats:
        """Open world tracking accuracy, the geometric mean of DetRe and AssA: for incomplete annotations (Liu 2022)."""
        return np.sqrt(self.det_re * self.ass_a)

    @property
    def det_a(self) -> Floats:
        """Detection accuracy."""
        return self.tp / np.maximum(1, self.tp + self.fn + self.fp)

    @property
    def det_re(self) -> Floats:
        """Detection recall."""
        return self.tp / np.maximum(1, self.tp + self.fn)

    @property
    def det_pr(self) -> Floats:
        """Detection precision."""
        return self.tp / np.maximum(1, self.tp + self.fp)

    @property
    def ass_a(self) -> Floats:
        """Association accuracy."""
        return self.ass_a_sum / np.maximum(1, self.tp)

    @property
    def ass_re(self) -> Floats:
        """Association recall."""
        return self.ass_re_sum / np.maximum(1, self.tp)

    @property
    def ass_pr(self) -> Floats:
        """Association precision."""
        return self.ass_pr_sum / np.maximum(1, self.tp)

    @property
    def loc_a(self) -> Floats:
        """Localisation accuracy: mean IoU of true positives; 1 without any."""
        return np.maximum(TINY, self.iou_sum) / np.maximum(TINY, self.tp)

    def metrics(self) -> dict[str, float]:
        """Metrics by TrackEval's names: means over the thresholds; "(0)": at the lowest threshold."""
        by_threshold = {
            "HOTA": self.hota,
            "DetA": self.det_a,
            "AssA": self.ass_a,
            "DetRe": self.det_re,
            "DetPr": self.det_pr,
            "AssRe": self.ass_re,
            "AssPr": self.ass_pr,
            "LocA": self.loc_a,
            "OWTA": self.owta,
        }
        return {
            **{name: float(values.mean()) for name, values in by_threshold.items()},
            "HOTA(0)": float(self.hota[0]),
            "LocA(0)": float(self.loc_a[0]),
            "HOTALocA(0)": float(self.hota[0] * self.loc_a[0]),
        }


def count_hota(alignment: Alignment) -> Hota:
    """The HOTA counts of one sequence.

    One matching per frame serves all thresholds: it maximises track similarity × IoU. The track similarity of two
    identities is the Jaccard index of their tracks over the whole sequence before matching, where a box that overlaps
    with several others counts fractionally (see normalised_iou).
    """
    gt_length, tracker_length = np.bincount(alignment.gt_id), np.bincount(alignment.tracker_id)
    gt_id, tracker_id, id_pair = pair_identities(alignment)
    total_length = gt_length[gt_id] + tracker_length[tracker_id]
    common = np.bincount(id_pair, normalised_iou(alignment), minlength=len(total_length))
    track_similarity = common / (total_length - common)
    valid = alignment.similarity >= ALPHAS[0] - EPS
    weight = track_similarity[id_pair] * alignment.similarity
    matched = np.flatnonzero(max_weight_matching(alignment, weight, relevant=valid) & valid)

    similarity = alignment.similarity[matched]
    matched_ids, id_pair = unique_inverse(id_pair[matched])
    total_length = total_length[matched_ids, None]
    gt_length, tracker_length = gt_length[gt_id[matched_ids], None], tracker_length[tracker_id[matched_ids], None]
    bins = np.searchsorted(ALPHAS - EPS, similarity, side="right") - 1  # the highest threshold that each match reaches
    cells = id_pair * len(ALPHAS) + bins
    matches = sum_from_bin(np.bincount(cells, minlength=total_length.size * len(ALPHAS)).reshape(-1, len(ALPHAS)))
    tp = matches.sum(axis=0, dtype=np.float64)
    squared = matches * matches
    return Hota(
        tp=tp,
        fn=len(alignment.gt_frame) - tp,
        fp=len(alignment.tracker_frame) - tp,
        iou_sum=sum_from_bin(np.bincount(bins, similarity, minlength=len(ALPHAS))),
        ass_a_sum=(squared / (total_length - matches)).sum(axis=0),
        ass_re_sum=(squared / gt_length).sum(axis=0),
        ass_pr_sum=(squared / tracker_length).sum(axis=0),
    )


def sum_from_bin(values: NDArray[Any]) -> NDArray[Any]:
    """(…, B) histogram → for each bin, the sum of this and all higher bins."""
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]


def pair_identities(alignment: Alignment) -> tuple[Integers, Integers, Integers]:
    """gt_id (C,) and tracker_id (C,) of all identities that ever overlap, and the index (P,) of each pair in them."""
    count = max(1, alignment.num_tracker_ids)
    key = alignment.gt_id[alignment.gt_row] * count + alignment.tracker_id[alignment.tracker_row]
    distinct, id_pair = unique_inverse(key)
    return distinct // count, distinct % count, id_pair


def normalised_iou(alignment: Alignment) -> Floats:
    """(P,) IoU of each pair divided by the sum of the IoU of all pairs with one of its boxes (as in TrackEval)."""
    gt_row, tracker_row, similarity = alignment.gt_row, alignment.tracker_row, alignment.similarity
    gt_sum = np.bincount(gt_row, similarity, minlength=len(alignment.gt_id))
    tracker_sum = np.bincount(tracker_row, similarity, minlength=len(alignment.tracker_id))
    crowded = (np.bincount(gt_row) > 2)[gt_row] | (np.bincount(tracker_row) > 2)[tracker_row]
    for frame in alignment.frames_of(crowded):  # summed in NumPy's order: the last digit breaks TrackEval's ties
        matrix = alignment.to_matrix(frame, similarity[alignment.pairs_in(frame)])
        gt_sum[alignment.gt_offsets[frame] : alignment.gt_offsets[frame + 1]] = matrix.sum(axis=1)
        tracker_sum[alignment.tracker_offsets[frame] : alignment.tracker_offsets[frame + 1]] = matrix.sum(axis=0)
    total = tracker_sum[tracker_row] + gt_sum[gt_row] - similarity
    return np.divide(similarity, total, out=np.zeros_like(total), where=total > EPS)
