"""Compare the class ids of ground truth and results, to warn of classes that only one side has: they never match."""

from collections.abc import Iterable

import numpy as np

from idfree.core.types import Annotation, Integers
from idfree.evaluation.preprocess import infer_protocol

Classes = tuple[set[int], set[int]]  # class ids of one sequence: of the ground truth, of the results


def classes_compared(ground_truth: Annotation, class_id: Integers, protocol: str = "auto", name: str = "") -> Classes:
    """The class ids of the ground truth that is evaluated, and of results with classes `class_id` (K,).

    The first set is empty if classes are ignored: with the protocols of MOTChallenge, and if there is only one.
    protocol: see `preprocess`. name: of the ground truth, see `infer_protocol`.
    """
    if protocol == "auto":
        protocol = infer_protocol(ground_truth, name)
    gt_classes = set(np.unique(ground_truth.class_id[ground_truth.score != 0]).tolist())
    compared = protocol == "plain" and len(gt_classes) > 1
    return gt_classes if compared else set(), set(np.unique(class_id).tolist())


def describe_classes(sequences: Iterable[Classes]) -> str | None:
    """Warning about classes that cannot match, or that are compared though they differ; None if there are none.

    sequences: `classes_compared` of each.
    """
    compared = [classes for classes in sequences if classes[1]]
    gt_classes = set().union(*(truth for truth, _ in compared))
    result_classes = set().union(*(results for truth, results in compared if truth))
    only_truth, only_results = gt_classes - result_classes, result_classes - gt_classes
    if only_truth or only_results:
        sides = {"only the truth has": only_truth, "only the results have": only_results}
        parts = [f"{side} {format_ids(classes)}" for side, classes in sides.items() if classes]
        return f"of the classes, {', '.join(parts)}: are they numbered differently? Boxes of these are never matched"
    mixed = set().union(*(results for truth, results in compared if not truth and len(results) > 1))
    if mixed:
        return (
            f"boxes of the classes {format_ids(mixed)}, all of which are compared with the one class of the truth:"
            " select one (idfree track --classes)"
        )
    return None


def format_ids(classes: set[int]) -> str:
    """Class ids as text: `0, 2`."""
    return ", ".join(map(str, sorted(classes)))
