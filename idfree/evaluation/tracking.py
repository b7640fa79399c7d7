"""Tracking metrics of a sequence: HOTA, CLEAR and Identity, under TrackEval's names."""

from collections.abc import Iterable
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
class Size(Counts):
    """Boxes and identities of results and ground truth, and frames."""

    dets: int = 0
    gt_dets: int = 0
    ids: int = 0
    gt_ids: int = 0
    frames: int = 0


@dataclass(frozen=True, eq=False)
class Scores(Counts):
    """All counts of a sequence; they add: `sum(per_sequence, Scores())` is the COMBINED row."""

    hota: Hota = field(default_factory=Hota)
    clear: Clear = field(default_factory=Clear)
    identity: Identity = field(default_factory=Identity)
    size: Size = field(default_factory=Size)


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
    classes: Iterable[int] | None = None,
) -> dict[int, Scores]:
    """The scores of one sequence by class.

    Only the protocol "plain" has several classes: `classes`, or those of the ground truth that is not marked 0. Each is
    compared with the results of that class alone. If there is only one, the class of results is ignored, because a
    detector may number its classes differently. Raises UserError if no result is of any of several classes.
    """
    if protocol == "auto":
        protocol = infer_protocol(ground_truth, names[0])
    if protocol != "plain":
        return {PEDESTRIAN: evaluate_alignment(preprocess(ground_truth, results, protocol, frames, names=names))}
    gt_classes = np.unique(ground_truth.class_id[ground_truth.score != 0]).tolist()
    wanted = gt_classes if classes is None else list(classes)
    if classes is None and len(wanted) <= 1:
        alignment = preprocess(ground_truth, results, protocol, frames, names=names)
        return {(wanted or [PEDESTRIAN])[0]: evaluate_alignment(alignment)}
    if len(results) and not np.isin(results.class_id, wanted).any():
        found, expected = (", ".join(map(str, numbers)) for numbers in (np.unique(results.class_id), wanted))
        raise UserError(f"{names[1]}: its classes are {found}, those of the truth {expected}: nothing can be compared")
    return {c: evaluate_alignment(preprocess(ground_truth, results, protocol, frames, [c], names)) for c in wanted}


def evaluate_alignment(alignment: Alignment) -> Scores:
    """The scores of preprocessed boxes."""
    size = Size(
        dets=len(alignment.tracker_frame),
        gt_dets=len(alignment.gt_frame),
        ids=alignment.num_tracker_ids,
        gt_ids=alignment.num_gt_ids,
        frames=alignment.num_frames,
    )
    return Scores(count_hota(alignment), count_clear(alignment), count_identity(alignment), size)


def compute_metrics(scores: Scores) -> dict[str, float]:
    """Metrics by TrackEval's names: ratios 0…1 and integer counts; HOTA's metrics are means over its thresholds."""
    h, c, i, n = scores.hota, scores.clear, scores.identity, scores.size
    by_threshold = {
        "HOTA": h.hota,
        "DetA": h.det_a,
        "AssA": h.ass_a,
        "DetRe": h.det_re,
        "DetPr": h.det_pr,
        "AssRe": h.ass_re,
        "AssPr": h.ass_pr,
        "LocA": h.loc_a,
        "OWTA": h.owta,
    }
    return {
        **{name: float(values.mean()) for name, values in by_threshold.items()},
        "HOTA(0)": float(h.hota[0]),
        "LocA(0)": float(h.loc_a[0]),
        "HOTALocA(0)": float(h.hota[0] * h.loc_a[0]),
        "MOTA": c.mota,
        "MOTP": c.motp,
        "MODA": c.moda,
        "CLR_Re": c.recall,
        "CLR_Pr": c.precision,
        "MTR": c.mtr,
        "PTR": c.ptr,
        "MLR": c.mlr,
        "sMOTA": c.smota,
        "CLR_F1": c.f1,
        "FP_per_frame": c.fp_per_frame,
        "MOTAL": c.motal,
        "MOTP_sum": c.iou_sum,
        "CLR_TP": c.tp,
        "CLR_FN": c.fn,
        "CLR_FP": c.fp,
        "IDSW": c.idsw,
        "IDSW_small": c.idsw_small,
        "IDSW_medium": c.idsw_medium,
        "IDSW_large": c.idsw_large,
        "GT_small": c.gt_small,
        "GT_medium": c.gt_medium,
        "GT_large": c.gt_large,
        "MT": c.mt,
        "PT": c.pt,
        "ML": c.ml,
        "Frag": c.frag,
        "CLR_Frames": c.frames,
        "IDF1": i.idf1,
        "IDR": i.idr,
        "IDP": i.idp,
        "IDTP": i.idtp,
        "IDFN": i.idfn,
        "IDFP": i.idfp,
        "Dets": n.dets,
        "GT_Dets": n.gt_dets,
        "IDs": n.ids,
        "GT_IDs": n.gt_ids,
        "Frames": n.frames,
    }


def class_averaged_metrics(per_class: Iterable[Scores]) -> dict[str, float]:
    """The metrics of several classes combined: ratios averaged, counts summed (TrackEval's cls_comb_cls_av)."""
    rows = [compute_metrics(scores) for scores in per_class]
    return {
        name: sum(row[name] for row in rows) / (1 if isinstance(first, int) else len(rows))
        for name, first in rows[0].items()
    }
