"""CLEAR: the misses, false alarms and switches of a frame-by-frame matching (Bernardin and Stiefelhagen 2008)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Integers
from idfree.evaluation.alignment import EPS, Alignment
from idfree.evaluation.counts import Counts
from idfree.evaluation.matching import assigned

MIN_IOU = 0.5  # of a match (MOTChallenge)
LOYALTY = 1000.0  # what a pair matched in the frame before is worth: more than all the IoU it can displace
MOSTLY_TRACKED, MOSTLY_LOST = 0.8, 0.2  # shares of a truth's life (Wu and Nevatia 2006)


@dataclass(frozen=True)
class Clear(Counts):
    """Counts of the CLEAR measures; they add over sequences.

    tp, fn, fp: boxes matched, missed, invented. idsw: identity switches. mt, pt, ml: truths tracked for more than
    80 %, in between, for less than 20 % of their frames. frag: interruptions. iou: the sum over matches.
    frames: of the sequences that have both truth and results. parts: how many counts were added up.
    """

    tp: int = 0
    fn: int = 0
    fp: int = 0
    idsw: int = 0
    mt: int = 0
    pt: int = 0
    ml: int = 0
    frag: int = 0
    iou: float = 0.0
    frames: int = 0
    parts: int = 1

    @property
    def mota(self) -> float:
        """Accuracy: 1 − (misses + false alarms + switches) / truth."""
        return self._per_truth(self.tp - self.fp - self.idsw)

    @property
    def moda(self) -> float:
        """Accuracy of detection: MOTA without the switches."""
        return self._per_truth(self.tp - self.fp)

    @property
    def smota(self) -> float:
        """Soft accuracy: MOTA in which a match counts its IoU (Voigtlaender 2019)."""
        return self._per_truth(self.iou - self.fp - self.idsw)

    @property
    def motal(self) -> float:
        """MOTA with the logarithm of the switches."""
        return self._per_truth(self.tp - self.fp - (np.log10(self.idsw) if self.idsw > 0 else 0.0))

    @property
    def motp(self) -> float:
        """Precision: the mean IoU of matches."""
        return self.iou / max(1, self.tp)

    @property
    def recall(self) -> float:
        """The share of truth that is matched."""
        return self.tp / max(1, self.tp + self.fn)

    @property
    def precision(self) -> float:
        """The share of results that are matched."""
        return self.tp / max(1, self.tp + self.fp)

    @property
    def f1(self) -> float:
        """The harmonic mean of recall and precision."""
        return self.tp / max(1, self.tp + 0.5 * self.fn + 0.5 * self.fp)

    @property
    def fp_per_frame(self) -> float:
        """False alarms per frame."""
        return 0.0 if self._lone_without_truth else self.fp / max(1, self.frames)

    @property
    def mtr(self) -> float:
        """The share of truths that are mostly tracked."""
        return self.mt / max(1, self.mt + self.pt + self.ml)

    @property
    def ptr(self) -> float:
        """The share of truths that are partly tracked."""
        return self.pt / max(1, self.mt + self.pt + self.ml)

    @property
    def mlr(self) -> float:
        """The share of truths that are mostly lost; 1 for a sequence without any."""
        return 1.0 if self._lone_without_truth else self.ml / max(1, self.mt + self.pt + self.ml)

    @property
    def _lone_without_truth(self) -> bool:
        """One sequence without truth, which TrackEval gives the accuracy 0; added to others it counts in full."""
        return self.parts == 1 and self.tp + self.fn == 0

    def _per_truth(self, count: float) -> float:
        return 0.0 if self._lone_without_truth else count / max(1, self.tp + self.fn)


def clear(scene: Alignment) -> Clear:
    """The CLEAR counts of one sequence."""
    boxes, results = len(scene.gt_frame), len(scene.tracker_frame)
    if boxes == 0 or results == 0:
        return Clear(fn=boxes, fp=results, ml=scene.gt_ids)
    turn = turns(scene)
    matched = match(scene, turn)
    matched = matched[np.argsort(scene.gt_id[scene.gt[matched]], kind="stable")]
    truth, track = scene.gt_id[scene.gt[matched]], scene.tracker_id[scene.tracker[matched]]
    same = np.diff(truth) == 0
    life, tracked = (np.bincount(ids, minlength=scene.gt_ids) for ids in (scene.gt_id, truth))
    mostly, partly = (
        int(np.count_nonzero(n)) for n in (tracked / life > MOSTLY_TRACKED, tracked / life >= MOSTLY_LOST)
    )
    return Clear(
        tp=len(matched),
        fn=boxes - len(matched),
        fp=results - len(matched),
        idsw=int(np.count_nonzero(same & (np.diff(track) != 0))),
        mt=mostly,
        pt=partly - mostly,
        ml=scene.gt_ids - partly,
        frag=int(np.count_nonzero(same & (np.diff(turn[matched]) > 1))),
        iou=float(scene.similarity[matched].sum()),
        frames=scene.frames,
    )


def turns(scene: Alignment) -> Integers:
    """(P,) the number of each pair's frame among the frames that have both truth and results.

    The others are passed over: what was matched before them counts as matched in the frame before.
    """
    both = (np.diff(scene.gt_from) > 0) & (np.diff(scene.tracker_from) > 0)
    return np.cumsum(both, dtype=np.int64)[scene.frame]


def match(scene: Alignment, turn: Integers) -> Integers:
    """The pairs matched frame by frame: first those that were matched the turn before, then by IoU.

    turn (P,): see `turns`. Most are certain whatever the others do; frames where some are not are solved in order.
    """
    good = scene.similarity >= MIN_IOU - EPS
    couple = scene.gt_id[scene.gt] * scene.tracker_ids + scene.tracker_id[scene.tracker]
    order = np.flatnonzero(good)
    order = order[np.argsort(couple[order], kind="stable")]
    goes_on = np.append(False, (np.diff(couple[order]) == 0) & (np.diff(turn[order]) == 1))[: len(order)]
    matched, unsettled = certain(scene, order, goes_on)

    before = np.full(len(turn), -1)  # the same couple the turn before; −1 is the last of `matched`, which is False
    before[order[goes_on]] = order[np.flatnonzero(goes_on) - 1]
    matched = np.append(matched, False)
    for frame in scene.frames_of(unsettled):
        pairs = scene.pairs_of(frame)
        weight = LOYALTY * matched[before[pairs]] + scene.similarity[pairs]
        matched[pairs] = assigned(scene, frame, np.where(good[pairs], weight, 0.0))
    return np.flatnonzero(matched)


def certain(
    scene: Alignment, order: Integers, goes_on: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks (P,) of the pairs that are matched whatever the others do, and of those that this leaves unsettled.

    order: the pairs that overlap enough, couple by couple, in time; goes_on: whether each continues the one before.
    A pair without rivals is certain, and so is what continues a certain pair; what these exclude is no rival.
    """
    place = np.arange(len(order))
    began = np.maximum.accumulate(np.where(goes_on, 0, place))
    gt, tracker = scene.gt[order], scene.tracker[order]
    found, unsettled = np.zeros(len(order), dtype=np.bool_), np.ones(len(order), dtype=np.bool_)
    while True:
        alone = unsettled.copy()
        for rows in (gt, tracker):
            alone[unsettled] &= np.bincount(rows[unsettled])[rows[unsettled]] == 1
        since = np.maximum.accumulate(np.where(found | alone, place, -1))
        new = unsettled & (since >= began)
        if not new.any():
            break
        found |= new
        unsettled &= ~(np.isin(gt, gt[new]) | np.isin(tracker, tracker[new]))
    masks = np.zeros((2, len(scene.gt)), dtype=np.bool_)
    masks[:, order] = found, unsettled
    return masks[0], masks[1]
