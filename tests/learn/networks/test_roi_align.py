"""RoIAlign: hand-worked samples, levels of a pyramid, gradients."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.networks.roi_align import BINS, STRIDES, pool_regions, pyramid_levels, roi_align


def ramp(height=20, width=24):
    """A map of two channels whose values are the column and the row."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y])[None].float()


def boxes(*rows):
    return torch.tensor(rows, dtype=torch.float32)


def test_the_values_of_a_ramp_are_those_at_the_centres_of_bins():
    """The box is 7 columns by 14 rows, so that bins are 1 × 2 and centred at x = 2.5, 3.5 … and y = 4, 6 …"""
    pooled = roi_align(ramp(), boxes([2, 3, 9, 17]))
    assert pooled.shape == (1, 2, BINS, BINS)
    bins = torch.arange(BINS)
    torch.testing.assert_close(pooled[0, 0], (2.5 + bins).expand(BINS, BINS))
    torch.testing.assert_close(pooled[0, 1], (4.0 + 2 * bins)[:, None].expand(BINS, BINS))


def test_a_mean_of_four_samples_worked_by_hand():
    """A peak of 1 at (3, 3). The bins of the box are 1 × 1, their samples at ±¼ of their centres: in the bin centred at
    (3.5, 3.5), x and y of 3.25 and 3.75 give weights of ¾ and ¼ each, whose mean is ½ along each axis.
    """
    level = torch.zeros(1, 1, 9, 9)
    level[0, 0, 3, 3] = 1
    pooled = roi_align(level, boxes([1, 1, 8, 8]))[0, 0]
    assert pooled[2, 2].item() == pytest.approx(0.25)
    assert pooled[1, 2].item() == pytest.approx(0.25)
    assert pooled[4, 2].item() == 0


def test_a_small_box_counts_as_one_cell():
    small, one = roi_align(ramp(), boxes([5, 6, 5.1, 6.2], [5, 6, 6, 7]))
    torch.testing.assert_close(small, one)


def test_outside_the_map_its_border_is_repeated_for_one_cell_and_then_all_is_zero():
    left, far = roi_align(ramp() + 1, boxes([-0.9, 4, -0.1, 5], [-9, 4, -3, 5]))
    torch.testing.assert_close(left[0, :, 0], torch.ones(BINS))  # x is 0 there, plus 1
    assert not far.any()


def test_no_boxes_and_a_map_of_one_cell():
    assert roi_align(ramp(), boxes().reshape(0, 4)).shape == (0, 2, BINS, BINS)
    torch.testing.assert_close(
        roi_align(torch.full((1, 3, 1, 1), 5.0), boxes([0, 0, 1, 1])), torch.full((1, 3, 7, 7), 5.0)
    )


def test_the_level_of_a_box_is_that_of_its_size():
    sides = [10, 111, 112, 223, 224, 447, 448, 4000]
    squares = boxes(*([0, 0, side, side] for side in sides))
    assert pyramid_levels(squares).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert pyramid_levels(boxes([0, 0, 56, 896])).tolist() == [2]  # of the same area as 224²


def test_boxes_are_read_from_their_levels_in_their_order():
    levels = [torch.full((1, 1, 1024 // stride, 1024 // stride), float(stride)) for stride in STRIDES]
    given = boxes([0, 0, 500, 500], [0, 0, 20, 20], [0, 0, 224, 224], [0, 0, 120, 120])
    assert pool_regions(levels, given)[:, 0, 3, 3].tolist() == [32, 4, 16, 8]


def test_gradients():
    """Of maps and boxes; no sample lies at a whole coordinate, where bilinear interpolation has a kink."""
    torch.manual_seed(0)
    level = torch.randn(1, 2, 9, 11, dtype=torch.float64, requires_grad=True)
    given = torch.tensor([[1.13, 2.21, 7.77, 6.66], [0.4, 0.3, 5.9, 7.2]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(roi_align, (level, given))
