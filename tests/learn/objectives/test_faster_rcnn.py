"""Losses of Faster R-CNN: identities, and a case worked by hand."""

import math

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.networks.anchors import decode_boxes
from idfree.learn.networks.faster_rcnn import VARIANCES
from idfree.learn.networks.proposals import SIDE, all_anchors
from idfree.learn.objectives.anchors import IGNORED, NEGATIVE, encode_boxes
from idfree.learn.objectives.faster_rcnn import REGION_WEIGHTS, FasterRcnnLoss, box_loss, region_losses


def test_a_box_loss_worked_by_hand():
    """The truth is 2 px to the right of a box 20 wide and e times as high: deltas of 0.1, 0, 0 and 1. Smooth L1 of an
    error of 0.1 is 0.1² / (2/9), that of 1 is 1 − 1/18.
    """
    boxes, truth = torch.tensor([[0.0, 0, 20, 10]]), torch.tensor([[2.0, 5 - 5 * math.e, 22, 5 + 5 * math.e]])
    loss = box_loss(torch.zeros(1, 4), boxes, truth, (1.0, 1.0, 1.0, 1.0))
    assert loss.item() == pytest.approx(0.01 * 4.5 + 1 - 1 / 18)
    deltas = torch.tensor([[1.0, 0, 0, 5]])
    assert box_loss(deltas, boxes, truth, REGION_WEIGHTS).item() == pytest.approx(0, abs=1e-9)


def test_weights_are_the_inverse_of_what_the_box_head_multiplies_by():
    assert [weight * variance for weight, variance in zip(REGION_WEIGHTS, VARIANCES, strict=True)] == [1, 1, 1, 1]
    boxes, truth = torch.tensor([[10.0, 20, 30, 60]]), torch.tensor([[12.0, 15, 40, 50]])
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    deltas = encode_boxes(truth, centre, size) * torch.tensor(REGION_WEIGHTS)
    torch.testing.assert_close(decode_boxes(centre, size, deltas * torch.tensor(VARIANCES)), truth)


@pytest.fixture
def several(makers):
    make_batch, make_output = makers["regions"]
    batch = make_batch()
    return batch, make_output(batch)


def test_uniform_scores_cost_their_entropy(several):
    batch, output = several
    losses = FasterRcnnLoss()(output | {name: 0 * output[name] for name in ("objectness", "region_logits")}, batch)
    assert losses["objectness"].item() == pytest.approx(math.log(2))
    assert losses["class"].item() == pytest.approx(math.log(output["region_logits"].shape[1]))


def test_exact_deltas_cost_nothing(several):
    batch, output = several
    matched = batch["matched_anchor"]
    image, anchor = (matched >= 0).nonzero(as_tuple=True)
    assert len(image) > 0
    anchors = all_anchors(batch["image"].shape[2:], SIDE)[anchor]
    centre, size = (anchors[:, :2] + anchors[:, 2:]) / 2, anchors[:, 2:] - anchors[:, :2]
    exact = torch.zeros_like(output["anchor_deltas"])
    exact[image, anchor] = encode_boxes(batch["xyxy"][image, matched[image, anchor]], centre, size)
    losses = FasterRcnnLoss()(output | {"anchor_deltas": exact}, batch)
    assert losses["anchor_box"].item() == pytest.approx(0, abs=1e-9)


def test_only_the_deltas_of_the_true_class_count(several):
    batch, output = several
    matched = output["matched_region"]
    of_rows = matched[matched != IGNORED]
    is_positive = of_rows >= 0
    region_losses(output, batch)["region_box"].backward()
    gradient = output["region_deltas"].grad.abs().sum(dim=2)
    assert (gradient[is_positive, 1] > 0).all()  # class 0, after the background
    assert (gradient[:, 0] == 0).all()
    assert (gradient[~is_positive] == 0).all()


def test_ignored_anchors_cost_nothing(several):
    batch, output = several
    losses = FasterRcnnLoss()(output, batch)
    ignored = (batch["matched_anchor"] == IGNORED)[..., None]
    changed = {name: output[name] + 9 * (ignored if name == "anchor_deltas" else ignored[..., 0]) for name in (
        "objectness", "anchor_deltas"
    )}  # fmt: skip
    other = FasterRcnnLoss()(output | changed, batch)
    assert all(torch.equal(losses[name], other[name]) for name in losses)
    assert (batch["matched_anchor"] == NEGATIVE).any()
