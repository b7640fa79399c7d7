"""CLEAR MOT: misses, false positives and identity switches of a matching per frame (Bernardin 2008)."""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Floats, Integers
from idfree.evaluation.alignment import EPS, MIN_IOU, Alignment, Mask
from idfree.evaluation.counts import Counts
from idfree.evaluation.detection import SIZE_RANGES, in_range
from idfree.evaluation.matching import match_frame

CONTINUITY_WEIGHT = 1000.0  # of a pair matched in the previous frame: outweighs all IoU (TrackEval)
MOSTLY_TRACKED, MOSTLY_LOST = 0.8, 0.2  # fractions of a ground truth track's frames (Wu and Nevatia 2006)


@dataclass(frozen=True)
class Clear(Counts):
    """Counts of the CLEAR metrics, which add over sequences.

    tp, fn, fp: true positive, false negative and false positive boxes. idsw: identity switches. mt, pt, ml: mostly
    tracked (> 80 % of its frames), partly tracked, mostly lost (< 20 %) ground truth tracks. frag: fragmentations.
    iou_sum: IoU summed over true positives. idsw_small …, gt_small …: identity switches and ground truth boxes by the
    size of the ground truth box (`detection.SIZE_RANGES`); a switch counts where the new identity begins. frames: of
    the sequences with both ground truth and results. sequences: number of sequences added.
    """

    tp: int = 0
    fn: int = 0
    fp: int = 0
    idsw: int = 0
    mt: int = 0
    pt: int = 0
    ml: int = 0
    frag: int = 0
    iou_sum: float = 0.0
    frames: int = 0
    sequences: int = 1
    idsw_small: int = 0
    idsw_medium: int = 0
    idsw_large: int = 0
    gt_small: int = 0
    gt_medium: int = 0
    gt_large: int = 0

    @property
    def mota(self) -> float:
        """Multi-object tracking accuracy: 1 − (FN + FP + IDSW) / ground truth boxes."""
        return self._per_gt(self.tp - self.fp - self.idsw)

    @property
    def moda(self) -> float:
        """Multi-object detection accuracy: MOTA without identity switches."""
        return self._per_gt(self.tp - self.fp)

    @property
    def smota(self) -> float:
        """Soft MOTA: a true positive counts its IoU (Voigtlaender 2019)."""
        return self._per_gt(self.iou_sum - self.fp - self.idsw)

    @property
    def motal(self) -> float:
        """MOTA with the logarithm of IDSW."""
        return self._per_gt(self.tp - self.fp - (np.log10(self.idsw) if self.idsw > 0 else 0.0))

    @property
    def motp(self) -> float:
        """Multi-object tracking precision: mean IoU of true positives."""
        return self.iou_sum / max(1, self.tp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return self.tp / max(1, self.tp + self.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return self.tp / max(1, self.tp + self.fp)

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return self.tp / max(1, self.tp + 0.5 * self.fn + 0.5 * self.fp)

    @property
    def fp_per_frame(self) -> float:
        """False positives per frame."""
        return 0.0 if self._is_one_sequence_without_gt else self.fp / max(1, self.frames)

    @property
    def mtr(self) -> float:
        """Fraction of ground truth tracks that are mostly tracked."""
        return self.mt / max(1, self.mt + self.pt + self.ml)

    @property
    def ptr(self) -> float:
        """Fraction of ground truth tracks that are partly tracked."""
        return self.pt / max(1, self.mt + self.pt + self.ml)

    @property
    def mlr(self) -> float:
        """Fraction of ground truth tracks that are mostly lost; 1 for one sequence without ground truth."""
        return 1.0 if self._is_one_sequence_without_gt else self.ml / max(1, self.mt + self.pt + self.ml)

    def metrics(self) -> dict[str, float]:
        """Metrics by TrackEval's names, and identity switches and ground truth boxes by size."""
        return {
            "MOTA": self.mota,
            "MOTP": self.motp,
            "MODA": self.moda,
            "CLR_Re": self.recall,
            "CLR_Pr": self.precision,
            "MTR": self.mtr,
            "PTR": self.ptr,
            "MLR": self.mlr,
            "sMOTA": self.smota,
            "CLR_F1": self.f1,
            "FP_per_frame": self.fp_per_frame,
            "MOTAL": self.motal,
            "MOTP_sum": self.iou_sum,
            "CLR_TP": self.tp,
            "CLR_FN": self.fn,
            "CLR_FP": self.fp,
            "IDSW": self.idsw,
            **{f"IDSW_{size}": getattr(self, f"idsw_{size}") for size in SIZE_RANGES},
            **{f"GT_{size}": getattr(self, f"gt_{size}") for size in SIZE_RANGES},
            "MT": self.mt,
            "PT": self.pt,
            "ML": self.ml,
            "Frag": self.frag,
            "CLR_Frames": self.frames,
        }

    @property
    def _is_one_sequence_without_gt(self) -> bool:
        """Whether this is one sequence without ground truth: accuracy 0 in TrackEval, but not as part of a sum."""
        return self.sequences == 1 and self.tp + self.fn == 0

    def _per_gt(self, count: float) -> float:
        """A count divided by the number of ground truth boxes."""
        return 0.0 if self._is_one_sequence_without_gt else count / max(1, self.tp + self.fn)


def count_clear(alignment: Alignment) -> Clear:
    """The CLEAR counts of one sequence."""
    num_gt, num_tracker = len(alignment.gt_frame), len(alignment.tracker_frame)
    if num_gt == 0 or num_tracker == 0:
        return Clear(fn=num_gt, fp=num_tracker, ml=alignment.num_gt_ids, **count_by_size("gt", alignment.gt_area))
    step = number_evaluated_frames(alignment)
    matched = sort_by_identity(alignment, match_boxes(alignment, step))
    switched = find_switches(alignment, matched)
    gt_id = alignment.gt_id[alignment.gt_row[matched]]
    is_gap = (np.diff(gt_id) == 0) & (np.diff(step[matched]) > 1)
    length, tracked = (np.bincount(ids, minlength=alignment.num_gt_ids) for ids in (alignment.gt_id, gt_id))
    mostly = int(np.count_nonzero(tracked / length > MOSTLY_TRACKED))
    at_least_partly = int(np.count_nonzero(tracked / length >= MOSTLY_LOST))
    return Clear(
        tp=len(matched),
        fn=num_gt - len(matched),
        fp=num_tracker - len(matched),
        idsw=len(switched),
        mt=mostly,
        pt=at_least_partly - mostly,
        ml=alignment.num_gt_ids - at_least_partly,
        frag=int(np.count_nonzero(is_gap)),
        iou_sum=float(alignment.similarity[matched].sum()),
        frames=alignment.num_frames,
        **count_by_size("idsw", alignment.gt_area[alignment.gt_row[matched[switched]]]),
        **count_by_size("gt", alignment.gt_area),
    )


def count_by_size(name: str, areas: Floats) -> dict[str, int]:
    """NAME_small, NAME_medium and NAME_large: how many of the areas (K,), in px², are in each of SIZE_RANGES."""
    return {f"{name}_{size}": int(in_range(areas, *limits).sum()) for size, limits in SIZE_RANGES.items()}


def sort_by_identity(alignment: Alignment, matched: Integers) -> Integers:
    """Matched pairs (M,), indices in order of frames, sorted by ground truth identity, then frame."""
    return matched[np.argsort(alignment.gt_id[alignment.gt_row[matched]], kind="stable")]


def find_switches(alignment: Alignment, matched: Integers) -> Integers:
    """Identity switches: positions in `matched` (M,), sorted by identity, at which the tracker identity changes."""
    gt_id, tracker_id = alignment.gt_id[alignment.gt_row[matched]], alignment.tracker_id[alignment.tracker_row[matched]]
    return np.flatnonzero((np.diff(gt_id) == 0) & (np.diff(tracker_id) != 0)) + 1


def number_evaluated_frames(alignment: Alignment) -> Integers:
    """(P,) the number of each pair's frame, counting only frames with both ground truth and tracker boxes.

    TrackEval skips all other frames: matches before them count as matches in the previous frame.
    """
    evaluated = (np.diff(alignment.gt_offsets) > 0) & (np.diff(alignment.tracker_offsets) > 0)
    return np.cumsum(evaluated, dtype=np.int64)[alignment.pair_frame]


def match_boxes(alignment: Alignment, step: Integers) -> Integers:
    """The matched pairs (indices, ascending): frame by frame, pairs of identities matched before come first, then IoU.

    step (P,): frame numbers of number_evaluated_frames. Most pairs are decided for all frames at once; frames with
    undecided pairs are then solved in order.
    """
    valid = alignment.similarity >= MIN_IOU - EPS
    tracker_id = alignment.tracker_id[alignment.tracker_row]
    id_pair = alignment.gt_id[alignment.gt_row] * alignment.num_tracker_ids + tracker_id
    order = np.flatnonzero(valid)
    order = order[np.argsort(id_pair[order], kind="stable")]
    is_successor = (np.diff(id_pair[order]) == 0) & (np.diff(step[order]) == 1)
    is_successor = np.append(False, is_successor)[: len(order)]
    matched, undecided = match_undisputed(alignment, order, is_successor)

    previous = np.full(len(step), -1)  # the same identities one step before; −1 is the appended False of `matched`
    previous[order[is_successor]] = order[np.flatnonzero(is_successor) - 1]
    matched = np.append(matched, False)
    for frame in alignment.frames_of(undecided):
        pairs = alignment.pairs_in(frame)
        weight = CONTINUITY_WEIGHT * matched[previous[pairs]] + alignment.similarity[pairs]
        matched[pairs] = match_frame(alignment, frame, np.where(valid[pairs], weight, 0.0))
    return np.flatnonzero(matched)


def match_undisputed(alignment: Alignment, order: Integers, is_successor: Mask) -> tuple[Mask, Mask]:
    """Masks (P,) of the pairs that match in any case, and of those that remain undecided.

    order (V,): valid pairs sorted by identities, then frame. is_successor (V,): whether each continues the one before.
    A pair matches if no other undecided pair has its boxes, or if it continues a matched pair without a gap. The pairs
    that a match excludes are dropped, until nothing changes.
    """
    position = np.arange(len(order))
    run_start = np.maximum.accumulate(np.where(is_successor, 0, position))
    gt, tracker = alignment.gt_row[order], alignment.tracker_row[order]
    matched, undecided = np.zeros(len(order), dtype=np.bool_), np.ones(len(order), dtype=np.bool_)
    while True:
        has_no_rival = undecided.copy()
        for rows in (gt, tracker):
            has_no_rival[undecided] &= np.bincount(rows[undecided])[rows[undecided]] == 1
        last_match = np.maximum.accumulate(np.where(matched | has_no_rival, position, -1))
        new = undecided & (last_match >= run_start)
        if not new.any():
            break
        matched |= new
        undecided &= ~(np.isin(gt, gt[new]) | np.isin(tracker, tracker[new]))
    masks = np.zeros((2, len(alignment.gt_row)), dtype=np.bool_)
    masks[:, order] = matched, undecided
    return masks[0], masks[1]
