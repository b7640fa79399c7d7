"""CLEAR: the misses, false alarms and switches of a frame-by-frame matching (Bernardin and Stiefelhagen 2008)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.evaluation.counts import Counts
from idfree.evaluation.matching import assigned
from idfree.evaluation.scene import EPS, Scene
from idfree.types import Integers

MIN_IOU = 0.5  # of a match (MOTChallenge)
LOYALTY = 1000.0  # what a pair matched in the frame before is worth: more than all the IoU of a frame
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


def clear(scene: Scene) -> Clear:
    """The CLEAR counts of one sequence."""
    boxes, results = len(scene.gt_frame), len(scene.tracker_frame)
    if boxes == 0 or results == 0:
        return Clear(fn=boxes, fp=results, ml=scene.gt_ids)
    before = box_before(scene)
    matched = match(scene, before)
    rows, ids = scene.gt[matched], scene.gt_id[scene.gt[matched]]
    partner = np.full(boxes + 1, -1)
    partner[rows] = scene.tracker_id[scene.tracker[matched]]

    by_truth = rows[np.argsort(ids, kind="stable")]
    same = np.diff(scene.gt_id[by_truth]) == 0
    switches = int(np.count_nonzero(same & (np.diff(partner[by_truth]) != 0)))
    beginnings = int(np.count_nonzero(partner[before[rows]] < 0))
    life, tracked = (np.bincount(i, minlength=scene.gt_ids) for i in (scene.gt_id, ids))
    mostly, partly = (
        int(np.count_nonzero(n)) for n in (tracked / life > MOSTLY_TRACKED, tracked / life >= MOSTLY_LOST)
    )
    return Clear(
        tp=len(rows),
        fn=boxes - len(rows),
        fp=results - len(rows),
        idsw=switches,
        mt=mostly,
        pt=partly - mostly,
        ml=scene.gt_ids - partly,
        frag=beginnings - int(np.count_nonzero(tracked)),
        iou=float(scene.similarity[matched].sum()),
        frames=scene.frames,
    )


def match(scene: Scene, before: Integers) -> NDArray[np.bool_]:
    """(P,) mask of the pairs matched frame by frame: first those of the frame before, then by IoU.

    before (G,): see `box_before`. A pair without rivals is a match whatever came before; only frames with rivals are
    solved one after another.
    """
    good = scene.similarity >= MIN_IOU - EPS
    matched = good.copy()
    for rows in (scene.gt, scene.tracker):
        matched[good] &= np.bincount(rows[good])[rows[good]] == 1
    identity = scene.tracker_id[scene.tracker]
    partner = np.full(len(scene.gt_frame) + 1, -1)  # the identity matched with each box; the last: with no box
    partner[scene.gt[matched]] = identity[matched]
    for frame in scene.frames_of(good & ~matched):
        pairs = scene.pairs_of(frame)
        gt = scene.gt[pairs]
        loyal = partner[before[gt]] == identity[pairs]
        matched[pairs] = assigned(scene, frame, np.where(good[pairs], LOYALTY * loyal + scene.similarity[pairs], 0.0))
        partner[gt[matched[pairs]]] = identity[pairs][matched[pairs]]
    return matched


def box_before(scene: Scene) -> Integers:
    """(G,) the row of the same truth in the frame before, −1 where it was not there.

    Frames without truth or without results are passed over, as if they were not part of the sequence.
    """
    both = (np.diff(scene.gt_from) > 0) & (np.diff(scene.tracker_from) > 0)
    turn = np.cumsum(both)[scene.gt_frame]
    rows = np.flatnonzero(both[scene.gt_frame])
    rows = rows[np.argsort(scene.gt_id[rows], kind="stable")]
    follows = (np.diff(scene.gt_id[rows]) == 0) & (np.diff(turn[rows]) == 1)
    before = np.full(len(scene.gt_frame), -1)
    before[rows[1:][follows]] = rows[:-1][follows]
    return before
