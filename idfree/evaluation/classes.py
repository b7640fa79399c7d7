"""Whether ground truth and results number their classes alike: what only one side has is never matched."""

from collections.abc import Iterable

import numpy as np

from idfree.core.types import Annotation, Integers
from idfree.evaluation.preprocess import infer_protocol

Classes = tuple[set[int], set[int]]  # of ground truth and results


def classes_compared(ground_truth: Annotation, class_id: Integers, protocol: str = "auto", name: str = "") -> Classes:
    """The classes of the ground truth that is evaluated, and of results, whose classes are `class_id` (K,).

    protocol, name: see `infer_protocol`.
    The first set is empty if classes are not compared, but all results with the only class of the ground truth.
    """
    if protocol == "auto":
        protocol = infer_protocol(ground_truth, name)
    gt_classes = set(np.unique(ground_truth.class_id[ground_truth.score != 0]).tolist())
    compared = protocol == "plain" and len(gt_classes) > 1
    return gt_classes if compared else set(), set(np.unique(class_id).tolist())


def describe_classes(sequences: Iterable[Classes]) -> str | None:
    """What is to be said of the classes of all sequences, from `classes_compared` of each; None if nothing is odd."""
    compared = [classes for classes in sequences if classes[1]]
    gt_classes = set().union(*(truth for truth, _ in compared))
    result_classes = set().union(*(results for truth, results in compared if truth))
    only_truth, only_results = gt_classes - result_classes, result_classes - gt_classes
    if only_truth or only_results:
        sides = {"only the truth has": only_truth, "only the results have": only_results}
        parts = [f"{side} {join(classes)}" for side, classes in sides.items() if classes]
        return f"of the classes, {', '.join(parts)}: are they numbered differently? Boxes of these are never matched"
    mixed = set().union(*(results for truth, results in compared if not truth and len(results) > 1))
    if mixed:
        return (
            f"boxes of the classes {join(mixed)}, all of which are compared with the one class of the truth:"
            " select one (idfree track --classes)"
        )
    return None


def join(classes: set[int]) -> str:
    """Class numbers as text: `0, 2`."""
    return ", ".join(map(str, sorted(classes)))
