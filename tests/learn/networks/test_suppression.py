"""Non-maximum suppression: by hand, and against the greedy algorithm."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.boxes import iou
from idfree.learn.networks.suppression import ROUNDS, pairwise_iou, suppressed


def greedy(boxes, classes, max_iou):
    """(K,) bool: the suppressed boxes, as in the textbook."""
    gone = np.zeros(len(boxes), dtype=bool)
    for k in range(len(boxes)):
        if not gone[k]:
            later = (np.arange(len(boxes)) > k) & (classes == classes[k])
            gone |= later & (iou(boxes[k : k + 1], boxes)[0] > max_iou)
    return gone


def test_a_suppressed_box_suppresses_no_other():
    """IoU 0.6 of neighbours: the second goes, so that the third stays, and the fourth goes."""
    shift = 0.25
    boxes = torch.tensor([[[k * shift, 0, k * shift + 1, 1] for k in range(4)]])
    assert suppressed(boxes, torch.zeros(1, 4, dtype=torch.int64), 0.5).tolist() == [[False, True, False, True]]


def test_classes_do_not_suppress_each_other():
    boxes = torch.tensor([[[0.0, 0, 1, 1]] * 3])
    assert suppressed(boxes, torch.tensor([[0, 1, 0]]), 0.5).tolist() == [[False, False, True]]


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_greedy_algorithm(seed):
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 60, (2, 300, 2))
    boxes = np.concatenate([corner, corner + random.uniform(8, 30, (2, 300, 2))], axis=2)
    classes = random.integers(0, 2, (2, 300))
    found = suppressed(torch.from_numpy(boxes), torch.from_numpy(classes), 0.4).numpy()
    expected = np.stack([greedy(*each, 0.4) for each in zip(boxes, classes, strict=True)])
    assert 0.3 < expected.mean() < 0.95
    assert (found == expected).all()


def test_chains_up_to_the_number_of_rounds_are_settled():
    count = ROUNDS + 1
    boxes = torch.tensor([[[k * 0.25, 0, k * 0.25 + 1, 1] for k in range(count)]])
    expected = [bool(k % 2) for k in range(count)]
    assert suppressed(boxes, torch.zeros(1, count, dtype=torch.int64), 0.5).tolist() == [expected]


def test_iou():
    a, b = torch.tensor([[0.0, 0, 2, 2], [0, 0, 0, 0]]), torch.tensor([[1.0, 0, 3, 2], [0, 0, 2, 2], [0, 0, 0, 0]])
    assert torch.allclose(pairwise_iou(a, b), torch.tensor([[1 / 3, 1.0, 0.0], [0.0, 0.0, 0.0]]))
