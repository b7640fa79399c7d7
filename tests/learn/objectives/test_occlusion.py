"""Occlusion targets and loss, by hand."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.data.occlusion_targets import occlusion_targets
from idfree.learn.objectives.detection import focal_sum
from idfree.learn.objectives.occlusion import OcclusionLoss

STRIDE = 4


def batch(*boxes, size=(32, 64)):
    """One image with these boxes, and its occlusion targets."""
    xyxy = torch.tensor([list(boxes)], dtype=torch.float32).reshape(1, -1, 4)
    plain = {"xyxy": xyxy, "mask": torch.ones(xyxy.shape[:2], dtype=torch.bool)}
    plain["image"] = torch.zeros((1, 3, *size), dtype=torch.uint8)
    return plain | occlusion_targets(plain, STRIDE)


def output(batch, offset=0.0):
    maps = {"occlusion": torch.zeros_like(batch["occlusion"])}
    return maps | {"occlusion_offset": torch.full((1, 2, *batch["occlusion"].shape[2:]), offset)}


PAIR = ((10.0, 4, 20, 24), (12.0, 4, 22, 24))  # the region is 12, 4, 20, 24: its centre (16, 14) is cell (4, 3)


def test_a_pair_is_a_peak_at_the_centre_of_its_region():
    targets = batch(*PAIR)
    assert (targets["occlusion"] == 1).nonzero().tolist() == [[0, 0, 3, 4]]
    assert targets["occlusion_index"].tolist() == [[3 * 16 + 4]]
    assert targets["occlusion_offset"].tolist() == [[[0.0, 0.5]]]


def test_the_sums_are_divided_once_by_the_number_of_occlusions():
    """Three boxes at nearly one place are three pairs, two of whose centres share a cell: divided by 3 all the same."""
    targets = batch(*PAIR, PAIR[0])
    assert targets["occlusion_mask"].sum() == 3
    losses = OcclusionLoss(weight=0.5)(output(targets, offset=0.5), targets)
    focal = focal_sum(torch.zeros_like(targets["occlusion"]), targets["occlusion"])
    error = (0.5 - targets["occlusion_offset"]).abs().sum()
    torch.testing.assert_close(losses["occlusion"], 0.5 * focal / 3)
    torch.testing.assert_close(losses["occlusion_offset"], 0.5 * error / 3)


def test_without_occlusions_the_sum_is_undivided():
    targets = batch(PAIR[0])
    losses = OcclusionLoss(weight=1.0)(output(targets), targets)
    torch.testing.assert_close(losses["occlusion"], focal_sum(*[torch.zeros_like(targets["occlusion"])] * 2))
    assert losses["occlusion_offset"] == 0


def test_centres_outside_the_image_are_left_out():
    assert not batch((60.0, 0, 80, 20), (62.0, 0, 82, 20))["occlusion_mask"].any()
