"""RetinaNet's losses: scenes calculated by hand, and identities."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import binary_cross_entropy_with_logits

from idfree.learn.networks.pyramid_anchors import map_sizes, pyramid_anchors, to_corners
from idfree.learn.objectives import retinanet as module
from idfree.learn.objectives.retinanet import RetinaLoss, focal_loss

SIZE_HW = (64, 96)
ANCHORS = pyramid_anchors(map_sizes(SIZE_HW))
POSITIVE, IGNORED = 7, 11  # numbers of anchors


def scene(shift=(0.0, 0.0), positives=1):
    """A batch of one image whose box is the positive anchor, shifted by parts of its width and height."""
    box = to_corners(ANCHORS[POSITIVE][None]) + torch.tensor([*shift, *shift]) * ANCHORS[POSITIVE, 2:].repeat(2)
    matched_box = torch.full((1, len(ANCHORS)), -1)
    matched_box[0, POSITIVE : POSITIVE + positives] = 0
    matched_box[0, IGNORED] = -2
    image = torch.zeros(1, 3, *SIZE_HW, dtype=torch.uint8)
    return {"image": image, "matched_box": matched_box, "xyxy": box[None], "class": torch.tensor([[1]])}


def zeros(**logits):
    return {"score": torch.zeros(1, len(ANCHORS), 2), "box": torch.zeros(1, len(ANCHORS), 4)}


def test_focal_loss_by_hand():
    """Of probability 1/2: α_t · 0.5^1.5 · ln 2, α 0.25 for the positive class and 0.75 for all else."""
    losses = RetinaLoss()(zeros(), scene())
    others = 2 * (len(ANCHORS) - 1) - 1  # two classes of all anchors but the ignored one
    assert losses["score"].item() == pytest.approx((0.25 + 0.75 * others) * 0.5**1.5 * math.log(2), rel=1e-5)


def test_focal_loss_of_a_confident_prediction():
    """p = 0.9 of a positive: −0.25 · 0.1^1.5 · ln 0.9; of a negative: −0.75 · 0.9^1.5 · ln 0.1."""
    logit = torch.tensor([math.log(9)])
    assert focal_loss(logit, torch.tensor([1.0])).item() == pytest.approx(-0.25 * 0.1**1.5 * math.log(0.9), rel=1e-5)
    assert focal_loss(logit, torch.tensor([0.0])).item() == pytest.approx(-0.75 * 0.9**1.5 * math.log(0.1), rel=1e-5)


def test_focal_loss_without_focus_is_cross_entropy(monkeypatch):
    monkeypatch.setattr(module, "GAMMA", 0.0)
    monkeypatch.setattr(module, "ALPHA", 0.5)
    logits, target = 5 * torch.randn(50), (torch.rand(50) > 0.5).float()
    expected = binary_cross_entropy_with_logits(logits, target, reduction="sum") / 2
    assert focal_loss(logits, target).item() == pytest.approx(expected.item(), rel=1e-5)


def test_box_loss_by_hand():
    """Huber with δ 0.1: 0.05² / 2 below it, 0.1 · (0.4 − 0.05) above."""
    losses = RetinaLoss()(zeros(), scene(shift=(0.05, -0.4)))
    assert losses["box"].item() == pytest.approx(50 * (0.05**2 / 2 + 0.1 * (0.4 - 0.05)), rel=1e-3)


def test_losses_are_divided_by_the_number_of_positive_anchors():
    output = zeros()
    output["box"][..., 0] = 1.0  # an error of 1 of every anchor
    first = RetinaLoss()(output, scene())["box"].item()
    assert first == pytest.approx(50 * 0.1 * 0.95, rel=1e-4)
    batch = scene(positives=2)
    batch["matched_box"][0, POSITIVE + 1] = -1
    batch["matched_box"][0, POSITIVE] = 0
    twice = {name: torch.cat([each, each]) for name, each in batch.items()}
    output = {name: torch.cat([each, each]) for name, each in output.items()}
    assert RetinaLoss()(output, twice)["box"].item() == pytest.approx(first, rel=1e-5)


def test_ignored_anchors_do_not_count():
    output = zeros()
    before = RetinaLoss()(output, scene())["score"]
    output["score"][0, IGNORED] = 20.0
    assert RetinaLoss()(output, scene())["score"] == before
