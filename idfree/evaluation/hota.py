"""HOTA: detection and association in equal parts, over 19 limits of localisation (Luiten 2021)."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Integers
from idfree.evaluation.alignment import EPS, Alignment, numbered
from idfree.evaluation.counts import Counts
from idfree.evaluation.matching import heaviest

ALPHAS = np.arange(0.05, 0.99, 0.05)  # the limits: IoU 0.05, 0.10 … 0.95
TINY = 1e-10  # LocA without any match is TINY / TINY = 1


def none() -> Floats:
    """A zero per limit."""
    return np.zeros(len(ALPHAS))


@dataclass(frozen=True, eq=False)
class Hota(Counts):
    """Counts of HOTA and its parts, (19,) each, one per limit of ALPHAS; they add over sequences.

    tp, fn, fp: boxes. overlap: the sum of IoU over matches. agreement, recall, precision: the sums over matches of
    how well the two identities of each agree over the whole sequence (Jaccard index, recall, precision).
    The ratios are (19,) too; the figure of a table is their mean.
    """

    tp: Floats = field(default_factory=none)
    fn: Floats = field(default_factory=none)
    fp: Floats = field(default_factory=none)
    overlap: Floats = field(default_factory=none)
    agreement: Floats = field(default_factory=none)
    recall: Floats = field(default_factory=none)
    precision: Floats = field(default_factory=none)

    @property
    def hota(self) -> Floats:
        """The geometric mean of DetA and AssA."""
        return np.sqrt(self.det_a * self.ass_a)

    @property
    def owta(self) -> Floats:
        """The geometric mean of DetRe and AssA: HOTA where not everything is annotated (Liu 2022)."""
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
        return self.agreement / np.maximum(1, self.tp)

    @property
    def ass_re(self) -> Floats:
        """Association recall."""
        return self.recall / np.maximum(1, self.tp)

    @property
    def ass_pr(self) -> Floats:
        """Association precision."""
        return self.precision / np.maximum(1, self.tp)

    @property
    def loc_a(self) -> Floats:
        """Localisation accuracy: the mean IoU of matches; 1 where there are none."""
        return np.maximum(TINY, self.overlap) / np.maximum(TINY, self.tp)


def hota(scene: Alignment) -> Hota:
    """The HOTA counts of one sequence.

    One matching per frame serves all limits: it maximises alignment × IoU, where the alignment of two identities is
    the Jaccard index of their whole tracks, before matching, with boxes shared out among their rivals.
    """
    gt_life, tracker_life = np.bincount(scene.gt_id), np.bincount(scene.tracker_id)
    gt_of, tracker_of, couple = couples(scene)
    life = gt_life[gt_of] + tracker_life[tracker_of]
    shared = np.bincount(couple, shares(scene), minlength=len(life))
    weight = (shared / (life - shared))[couple] * scene.similarity
    counted = scene.similarity >= ALPHAS[0] - EPS
    matched = np.flatnonzero(heaviest(scene, weight, asked=counted) & counted)

    similarity = scene.similarity[matched]
    met, couple = numbered(couple[matched])
    life, gt_life, tracker_life = life[met, None], gt_life[gt_of[met], None], tracker_life[tracker_of[met], None]
    passed = np.searchsorted(ALPHAS - EPS, similarity, side="right") - 1  # the highest limit that each match passes
    cells = couple * len(ALPHAS) + passed
    together = at_least(np.bincount(cells, minlength=life.size * len(ALPHAS)).reshape(-1, len(ALPHAS)))
    tp = together.sum(axis=0, dtype=np.float64)
    squared = together * together
    return Hota(
        tp=tp,
        fn=len(scene.gt_frame) - tp,
        fp=len(scene.tracker_frame) - tp,
        overlap=at_least(np.bincount(passed, similarity, minlength=len(ALPHAS))),
        agreement=(squared / (life - together)).sum(axis=0),
        recall=(squared / gt_life).sum(axis=0),
        precision=(squared / tracker_life).sum(axis=0),
    )


def at_least(values: NDArray[Any]) -> NDArray[Any]:
    """Sums of what passes each limit, from what has each as its highest: cumulative from the last to the first."""
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]


def couples(scene: Alignment) -> tuple[Integers, Integers, Integers]:
    """The couples of identities that ever share area: truth (C,), result (C,); and the couple (P,) of each pair."""
    results = max(1, scene.tracker_ids)
    distinct, couple = numbered(scene.gt_id[scene.gt] * results + scene.tracker_id[scene.tracker])
    return distinct // results, distinct % results, couple


def shares(scene: Alignment) -> Floats:
    """(P,) the IoU of each pair, divided by all the IoU that its two boxes have."""
    of_gt = np.bincount(scene.gt, scene.similarity, minlength=len(scene.gt_id))
    of_tracker = np.bincount(scene.tracker, scene.similarity, minlength=len(scene.tracker_id))
    crowded = (np.bincount(scene.gt) > 2)[scene.gt] | (np.bincount(scene.tracker) > 2)[scene.tracker]
    for frame in scene.frames_of(crowded):  # summed in NumPy's order: the last digit breaks TrackEval's ties
        dense = scene.dense(frame, scene.similarity[scene.pairs_of(frame)])
        of_gt[scene.gt_from[frame] : scene.gt_from[frame + 1]] = dense.sum(axis=1)
        of_tracker[scene.tracker_from[frame] : scene.tracker_from[frame + 1]] = dense.sum(axis=0)
    total = of_tracker[scene.tracker] + of_gt[scene.gt] - scene.similarity
    return np.divide(scene.similarity, total, out=np.zeros_like(total), where=total > EPS)
