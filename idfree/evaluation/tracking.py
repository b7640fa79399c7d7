"""The tracking measures together: HOTA, CLEAR and Identity of a sequence, under TrackEval's names."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import add

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation.alignment import Alignment
from idfree.evaluation.clear import Clear, clear
from idfree.evaluation.counts import Counts
from idfree.evaluation.hota import Hota, hota
from idfree.evaluation.identity import Identity, identity
from idfree.evaluation.preprocess import PEDESTRIAN, prepare, recognise


@dataclass(frozen=True)
class Size(Counts):
    """How much was compared: boxes and identities of results and of truth, and frames."""

    dets: int = 0
    gt_dets: int = 0
    ids: int = 0
    gt_ids: int = 0
    frames: int = 0


@dataclass(frozen=True, eq=False)
class Scores(Counts):
    """All counts of a sequence; those of several add: `sum(per_sequence, Scores())` is the COMBINED row."""

    hota: Hota = field(default_factory=Hota)
    clear: Clear = field(default_factory=Clear)
    identity: Identity = field(default_factory=Identity)
    size: Size = field(default_factory=Size)


def evaluate(
    truth: Annotation,
    results: Annotation,
    protocol: str = "auto",
    frames: int | None = None,
    names: tuple[str, str] = ("truth", "results"),
) -> Scores:
    """The scores of one sequence; if it has several classes, the sum of theirs (TrackEval's cls_comb_det_av).

    protocol, frames, names and errors: see `prepare`. Classes: see `evaluate_classes`.
    """
    return reduce(add, evaluate_classes(truth, results, protocol, frames, names).values())


def evaluate_classes(
    truth: Annotation,
    results: Annotation,
    protocol: str = "auto",
    frames: int | None = None,
    names: tuple[str, str] = ("truth", "results"),
    classes: Iterable[int] | None = None,
) -> dict[int, Scores]:
    """The scores of one sequence by class.

    Only plain data have several classes: those that count in the truth, or `classes`, each compared with the results
    of that class alone. Where there is but one, the class of results is not looked at: a detector's "person" need not
    have the number that the truth gives it. Raises UserError where no result is of any of several classes.
    """
    if protocol == "auto":
        protocol = recognise(truth, names[0])
    if protocol != "plain":
        return {PEDESTRIAN: score(prepare(truth, results, protocol, frames, names=names))}
    known = list(np.unique(truth.class_id[truth.score != 0]).tolist() if classes is None else classes)
    if classes is None and len(known) <= 1:
        return {(known or [PEDESTRIAN])[0]: score(prepare(truth, results, protocol, frames, names=names))}
    if len(results) and not np.isin(results.class_id, known).any():
        found, expected = (", ".join(map(str, numbers)) for numbers in (np.unique(results.class_id), known))
        raise UserError(f"{names[1]}: its classes are {found}, those of the truth {expected}: nothing can be compared")
    return {c: score(prepare(truth, results, protocol, frames, [c], names)) for c in known}


def score(scene: Alignment) -> Scores:
    """All measures of what was prepared."""
    size = Size(len(scene.tracker_frame), len(scene.gt_frame), scene.tracker_ids, scene.gt_ids, scene.frames)
    return Scores(hota(scene), clear(scene), identity(scene), size)


def figures(scores: Scores) -> dict[str, float]:
    """What TrackEval calls each figure, and its value: ratios 0…1, counts whole; HOTA's are means over its limits."""
    h, c, i, n = scores.hota, scores.clear, scores.identity, scores.size
    by_limit = {
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
        **{name: float(values.mean()) for name, values in by_limit.items()},
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
        "MOTP_sum": c.iou,
        "CLR_TP": c.tp,
        "CLR_FN": c.fn,
        "CLR_FP": c.fp,
        "IDSW": c.idsw,
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


def class_average(per_class: Iterable[Scores]) -> dict[str, float]:
    """The figures of several classes as one: ratios are averaged, counts added (TrackEval's cls_comb_cls_av)."""
    rows = [figures(scores) for scores in per_class]
    return {
        name: sum(row[name] for row in rows) / (1 if isinstance(first, int) else len(rows))
        for name, first in rows[0].items()
    }
