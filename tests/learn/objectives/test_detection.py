"""The detection losses against golden figures, against cross-entropy, and by hand."""

import json
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.objectives.detection import DetectionLoss, distance, focal
from idfree.learn.objectives.gather import gather

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "heatmap.json").read_text(encoding="utf-8"))["focal"]
CHANCE, TARGET = (torch.tensor(GOLDEN[name], dtype=torch.float64) for name in ("pred", "target"))


def test_focal_golden():
    assert focal(CHANCE.logit(), TARGET).item() == pytest.approx(GOLDEN["loss"], rel=1e-6)
    assert focal(CHANCE.logit(), torch.zeros_like(TARGET)).item() == pytest.approx(GOLDEN["loss_no_objects"], rel=1e-6)


def test_focal_by_hand():
    logits = torch.tensor([0.8, 0.3, 0.1]).logit().view(1, 1, 1, 3)
    target = torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3)
    expected = 0.2**2 * math.log(0.8) + 0.5**4 * 0.3**2 * math.log(0.7) + 0.1**2 * math.log(0.9)
    assert focal(logits, target).item() == pytest.approx(-expected)


def test_what_lies_in_an_ignored_cell_is_no_mistake_but_a_peak_there_counts():
    ignore = torch.zeros(1, 6, 8, dtype=torch.bool)
    ignore[0, 2, 3:5] = True  # a peak and the 0.6 beside it
    logits = CHANCE.logit().requires_grad_()
    focal(logits, TARGET, ignore).backward()
    assert logits.grad[0, 0, 2, 4] == 0
    assert logits.grad[0, 0, 2, 3] != 0
    assert (logits.grad == 0).sum() == 1
    beside = CHANCE.clone()
    beside[0, 0, 2, 4] = 0.9999
    assert focal(beside.logit(), TARGET, ignore) == focal(logits, TARGET, ignore)


@pytest.mark.parametrize("size", [0.0, 30.0, 1e4])
def test_focal_is_finite_however_sure_the_network_is(size):
    logits = torch.where(TARGET == 1, -size, size).float().requires_grad_()  # all wrong
    loss = focal(logits, TARGET)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    if size:
        assert focal(-logits.detach(), (TARGET == 1).float()).item() == pytest.approx(0, abs=1e-6)  # all right


def test_distance_is_a_mean_over_the_numbers_that_there_are():
    found, target = torch.tensor([[[1.0, 2], [3, 4], [9, 9]]]), torch.tensor([[[0.0, 4], [3, 3], [0, 0]]])
    assert distance(found, target, torch.tensor([[True, True, False]])) == (1 + 2 + 0 + 1) / 4
    assert distance(found, target, torch.tensor([[False] * 3])) == 0


def test_gather_reads_cells_row_by_row():
    maps = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    index = torch.tensor([[0, 7], [19, 7]])
    found = gather(maps, index)
    assert found.shape == (2, 2, 3)
    for b in range(2):
        for m in range(2):
            assert (found[b, m] == maps[b, :, index[b, m] // 5, index[b, m] % 5]).all()
    assert (gather(maps.to(memory_format=torch.channels_last), index) == found).all()


def test_gradients_of_boxes_flow_into_the_centres_alone(centres):
    batch_of, output_of = centres
    batch = batch_of((2, 1, 0))
    output = output_of(batch)
    losses = DetectionLoss()(output, batch)
    (losses["offset"] + losses["size"]).backward()
    for name in ("offset", "size"):
        touched = (output[name].grad != 0).all(dim=1).flatten(1)
        assert [row.nonzero().flatten().tolist() for row in touched] == [
            sorted(index[mask].tolist()) for index, mask in zip(batch["index"], batch["mask"], strict=True)
        ]


def test_a_perfect_answer_costs_nothing(centres):
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
    off = {
        name: (gather(output[name], batch["index"]) - batch[name]).abs()[batch["mask"]] for name in ("offset", "size")
    }
    losses = DetectionLoss()(output, batch)
    assert torch.isclose(losses["offset"], off["offset"].mean())
    assert torch.isclose(losses["size"], 0.1 * off["size"].mean())
    assert torch.isclose(losses["heat"], focal(output["heat"], batch["heat"]))
