"""Detection losses: golden values, and examples calculated by hand."""

import json
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.objectives.detection import DetectionLoss, focal_loss, masked_l1_loss
from idfree.learn.objectives.gather import gather_centres

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "heatmap.json").read_text(encoding="utf-8"))["focal"]
PROBABILITY, TARGET = (torch.tensor(GOLDEN[name], dtype=torch.float64) for name in ("pred", "target"))


def test_focal_loss_golden():
    assert focal_loss(PROBABILITY.logit(), TARGET).item() == pytest.approx(GOLDEN["loss"], rel=1e-6)
    assert focal_loss(PROBABILITY.logit(), torch.zeros_like(TARGET)).item() == pytest.approx(
        GOLDEN["loss_no_objects"], rel=1e-6
    )


def test_focal_loss_by_hand():
    logits = torch.tensor([0.8, 0.3, 0.1]).logit().view(1, 1, 1, 3)
    target = torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3)
    expected = 0.2**2 * math.log(0.8) + 0.5**4 * 0.3**2 * math.log(0.7) + 0.1**2 * math.log(0.9)
    assert focal_loss(logits, target).item() == pytest.approx(-expected)


def test_ignored_cells_have_no_false_positives_but_their_peaks_count():
    ignore = torch.zeros(1, 6, 8, dtype=torch.bool)
    ignore[0, 2, 3:5] = True  # a peak and the 0.6 beside it
    logits = PROBABILITY.logit().requires_grad_()
    focal_loss(logits, TARGET, ignore).backward()
    assert logits.grad[0, 0, 2, 4] == 0
    assert logits.grad[0, 0, 2, 3] != 0
    assert (logits.grad == 0).sum() == 1
    beside = PROBABILITY.clone()
    beside[0, 0, 2, 4] = 0.9999
    assert focal_loss(beside.logit(), TARGET, ignore) == focal_loss(logits, TARGET, ignore)


@pytest.mark.parametrize("size", [0.0, 30.0, 1e4])
def test_focal_loss_is_finite_for_large_logits(size):
    logits = torch.where(TARGET == 1, -size, size).float().requires_grad_()  # all wrong
    loss = focal_loss(logits, TARGET)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    if size:
        assert focal_loss(-logits.detach(), (TARGET == 1).float()).item() == pytest.approx(0, abs=1e-6)  # all right


def test_l1_loss_is_a_mean_over_existing_objects():
    prediction, target = torch.tensor([[[1.0, 2], [3, 4], [9, 9]]]), torch.tensor([[[0.0, 4], [3, 3], [0, 0]]])
    assert masked_l1_loss(prediction, target, torch.tensor([[True, True, False]])) == (1 + 2 + 0 + 1) / 4
    assert masked_l1_loss(prediction, target, torch.tensor([[False] * 3])) == 0


def test_cells_are_numbered_row_by_row():
    maps = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    index = torch.tensor([[0, 7], [19, 7]])
    values = gather_centres(maps, index)
    assert values.shape == (2, 2, 3)
    for b in range(2):
        for m in range(2):
            assert (values[b, m] == maps[b, :, index[b, m] // 5, index[b, m] % 5]).all()
    assert (gather_centres(maps.to(memory_format=torch.channels_last), index) == values).all()


def test_box_losses_have_gradients_at_centres_only(centres):
    batch_of, output_of = centres
    batch = batch_of((2, 1, 0))
    output = output_of(batch)
    losses = DetectionLoss()(output, batch)
    (losses["offset"] + losses["size"]).backward()
    for name in ("offset", "size"):
        with_gradient = (output[name].grad != 0).all(dim=1).flatten(1)
        assert [row.nonzero().flatten().tolist() for row in with_gradient] == [
            sorted(index[mask].tolist()) for index, mask in zip(batch["index"], batch["mask"], strict=True)
        ]


def test_a_perfect_prediction_has_zero_loss(centres):
    batch = centres[0]()
    peak = batch["heat"] == 1
    batch["heat"] = peak.float()
    maps = {"heat": torch.where(peak, 40.0, -40.0)}
    for name in ("offset", "size"):
        maps[name] = torch.zeros(3, batch[name].shape[2], 24)
        for b, m in batch["mask"].nonzero().tolist():
            maps[name][b, :, batch["index"][b, m]] = batch[name][b, m]
        maps[name] = maps[name].unflatten(2, (4, 6))
    losses = DetectionLoss()(maps, batch)
    assert losses.keys() == {"heat", "offset", "size"}
    assert all(loss.abs() < 1e-6 for loss in losses.values())


def test_weights(centres):
    batch_of, output_of = centres
    batch = batch_of()
    output = output_of(batch)
    errors = {
        name: (gather_centres(output[name], batch["index"]) - batch[name]).abs()[batch["mask"]]
        for name in ("offset", "size")
    }
    losses = DetectionLoss()(output, batch)
    assert torch.isclose(losses["offset"], errors["offset"].mean())
    assert torch.isclose(losses["size"], 0.1 * errors["size"].mean())
    assert torch.isclose(losses["heat"], focal_loss(output["heat"], batch["heat"]))
