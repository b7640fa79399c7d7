"""Tracking metrics of a sequence: HOTA, CLEAR and Identity, under TrackEval's names."""

from dataclasses import dataclass, field
from functools import reduce
from operator import add

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation.alignment import Alignment
from idfree.evaluation.clear import Clear, count_clear
from idfree.evaluation.counts import Counts
from idfree.evaluation.hota import Hota, count_hota
from idfree.evaluation.identity import Identity, count_identity
from idfree.evaluation.preprocess import PEDESTRIAN, infer_protocol, preprocess


@dataclass(frozen=True)
class Totals(Counts):
    """Numbers of boxes and identities, of results and ground truth (gt_…), and of frames: TrackEval's Count."""

    dets: int = 0
    gt_dets: int = 0
    ids: int = 0
    gt_ids: int = 0
    frames: int = 0

    def metrics(self) -> dict[str, float]:
        """The numbers by TrackEval's names."""
        boxes, ids = {"Dets": self.dets, "GT_Dets": self.gt_dets}, {"IDs": self.ids, "GT_IDs": self.gt_ids}
        return {**boxes, **ids, "Frames": self.frames}


@dataclass(frozen=True, eq=False)
class Scores(Counts):
    """All counts of a sequence; they add: `sum(per_sequence, Scores())` is the COMBINED row."""

    hota: Hota = field(default_factory=Hota)
    clear: Clear = field(default_factory=Clear)
    identity: Identity = field(default_factory=Identity)
    totals: Totals = field(default_factory=Totals)


def evaluate(
    ground_truth: Annotation,
    results: Annotation,
    protocol: str = "auto",
    frames: int | None = None,
    names: tuple[str, str] = ("truth", "results"),
) -> Scores:
    """The scores of one sequence, summed over classes if there are several (TrackEval's cls_comb_det_av).

    protocol, frames, names and errors: see `preprocess`. Classes: see `evaluate_classes`.
    """
    return reduce(add, evaluate_classes(ground_truth, results, protocol, frames, names).values())


def evaluate_classes(
    ground_truth: Annotation,
    results: Annotation,
    protocol: str = "auto",
    frames: int | None = None,
    names: tuple[str, str] = ("truth", "results"),
) -> dict[int, Scores]:
    """The scores of one sequence by class id.

    Only the protocol "plain" has several classes: those of the ground truth that is not marked 0. Each is evaluated
    with the results of that class alone. If there is only one, the class of results is ignored, because a detector may
    number its classes differently. Raises UserError if no result is of any of several classes.
    """
    if protocol == "auto":
        protocol = infer_protocol(ground_truth, names[0])
    if protocol != "plain":
        return {PEDESTRIAN: evaluate_alignment(preprocess(ground_truth, results, protocol, frames, names=names))}
    classes = np.unique(ground_truth.class_id[ground_truth.score != 0]).tolist()
    if len(classes) <= 1:
        alignment = preprocess(ground_truth, results, protocol, frames, names=names)
        return {(classes or [PEDESTRIAN])[0]: evaluate_alignment(alignment)}
    if len(results) and not np.isin(results.class_id, classes).any():
        found, expected = (", ".join(map(str, numbers)) for numbers in (np.unique(results.class_id), classes))
        raise UserError(f"{names[1]}: its classes are {found}, those of the truth {expected}: nothing can be compared")
    return {c: evaluate_alignment(preprocess(ground_truth, results, protocol, frames, c, names)) for c in classes}


def evaluate_alignment(alignment: Alignment) -> Scores:
    """The scores of the boxes of one sequence, as `preprocess` returns them."""
    totals = Totals(
        dets=len(alignment.tracker_frame),
        gt_dets=len(alignment.gt_frame),
        ids=alignment.num_tracker_ids,
        gt_ids=alignment.num_gt_ids,
        frames=alignment.num_frames,
    )
    return Scores(count_hota(alignment), count_clear(alignment), count_identity(alignment), totals)


def compute_metrics(scores: Scores) -> dict[str, float]:
    """Metrics by TrackEval's names: ratios 0…1 and integer counts; HOTA's metrics are means over its thresholds."""
    parts = (scores.hota, scores.clear, scores.identity, scores.totals)
    return {name: value for part in parts for name, value in part.metrics().items()}
