"""Classes that only the ground truth or only the results have are named."""

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.evaluation.classes import classes_compared, describe_classes


def annotation(classes, mark=1.0):
    count = len(classes)
    numbers, boxes = np.arange(1, count + 1), np.tile([0.0, 0.0, 5.0, 9.0], (count, 1))
    return Annotation(numbers, numbers, boxes, np.full(count, mark), np.array(classes), np.ones(count))


@pytest.mark.parametrize(
    ("truth", "results", "protocol", "said"),
    [
        ([1, 2], [1, 2], "auto", None),
        ([1, 2], [0, 1], "auto", "only the truth has 2, only the results have 0: are they numbered differently"),
        ([1, 2], [1], "auto", "of the classes, only the truth has 2: are"),
        ([1, 2, 2], [1, 2, 7], "auto", "of the classes, only the results have 7: are"),
        ([1], [0], "auto", None),  # one class each: a detector may number it as it likes
        ([1], [0, 2], "auto", "boxes of the classes 0, 2, all of which are compared with the one class of the truth"),
        ([1, 2], [0, 2], "mot17", "boxes of the classes 0, 2, all of which are compared"),
        ([1, 2], [], "auto", None),
    ],
)
def test_what_only_one_side_has(truth, results, protocol, said):
    oddity = describe_classes([classes_compared(annotation(truth), np.array(results, dtype=np.int64), protocol)])
    assert oddity == said or (oddity and said and said in oddity)


def test_a_class_of_another_sequence_is_no_difference():
    pairs = [([1, 2], [1]), ([1, 2, 3], [1, 2, 3])]
    assert describe_classes(classes_compared(annotation(t), np.array(r)) for t, r in pairs) is None


def test_ground_truth_marked_0_has_no_class():
    assert classes_compared(annotation([1, 2], mark=0.0), np.array([0]), "plain") == (set(), {0})
