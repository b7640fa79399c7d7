"""Matching of boxes to the ground truth, and sampling: cases worked by hand."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.networks.box_sampling import ignore_covered, match_boxes, sample_matches
from idfree.learn.objectives.anchors import IGNORED, NEGATIVE

TRUTH = torch.tensor([[0.0, 0, 10, 10], [100, 0, 110, 10]])
BOXES = torch.tensor(
    [
        [0.0, 0, 10, 8],  # IoU 0.8 with the first
        [0, 0, 10, 5],  # 0.5
        [0, 0, 10, 2],  # 0.2
        [50, 50, 60, 60],  # 0
        [100, 0, 110, 4],  # 0.4 with the second, which no other overlaps more
        [100, 6, 110, 10],  # as much
        [100, 0, 110, 3],  # 0.3
    ]
)


def test_boxes_match_by_two_thresholds():
    assert match_boxes(BOXES, TRUTH, 0.5, 0.3).tolist() == [0, 0, NEGATIVE, NEGATIVE, IGNORED, IGNORED, IGNORED]
    assert match_boxes(BOXES, TRUTH, 0.5, 0.5).tolist() == [0, 0, *[NEGATIVE] * 5]


def test_the_best_boxes_of_an_object_match_whatever_their_overlap():
    matched = match_boxes(BOXES, TRUTH, 0.7, 0.35, keep_best=True)
    assert matched.tolist() == [0, IGNORED, NEGATIVE, NEGATIVE, 1, 1, NEGATIVE]


def test_empty_boxes_match_nothing():
    expected = [NEGATIVE] * len(BOXES)
    assert match_boxes(BOXES, torch.zeros(2, 4), 0.7, 0.3, keep_best=True).tolist() == expected
    assert match_boxes(BOXES, torch.zeros(0, 4), 0.7, 0.3, keep_best=True).tolist() == expected
    assert match_boxes(torch.zeros(0, 4), TRUTH, 0.7, 0.3, keep_best=True).shape == (0,)


def test_negatives_centred_in_cells_to_ignore_are_ignored():
    """The cell to ignore is 48…64 in x and y; the fourth box is centred at (55, 55)."""
    ignore = torch.zeros(8, 8, dtype=torch.bool)
    ignore[3, 3] = True
    matched = match_boxes(BOXES, TRUTH, 0.5, 0.5)
    assert ignore_covered(matched, BOXES, ignore, 16).tolist() == [0, 0, NEGATIVE, IGNORED, *[NEGATIVE] * 3]
    ignore[0, 0] = True  # of the first three, the positives stay
    assert ignore_covered(matched, BOXES, ignore, 16).tolist() == [0, 0, IGNORED, IGNORED, *[NEGATIVE] * 3]


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"), [(50, 100, (4, 12)), (2, 100, (2, 14)), (50, 3, (4, 3)), (0, 0, (0, 0))]
)
def test_a_sample_has_at_most_its_share_of_positives(positives, negatives, expected):
    matched = torch.tensor([*range(positives), *[NEGATIVE] * negatives, IGNORED, IGNORED], dtype=torch.int64)
    sampled = sample_matches(matched, 16, 0.25, torch.Generator().manual_seed(0))
    assert ((sampled >= 0).sum().item(), (sampled == NEGATIVE).sum().item()) == expected
    kept = sampled != IGNORED
    assert torch.equal(sampled[kept], matched[kept])


def test_samples_are_a_function_of_the_seed():
    matched = torch.full((1000,), NEGATIVE)
    one, same, other = (sample_matches(matched, 16, 0.5, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
