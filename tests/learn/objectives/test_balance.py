"""Weighting of two objectives, calculated by hand."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.objectives.balance import LossBalance, total_loss


class ConstantLosses(nn.Module):
    """An objective of given losses."""

    def __init__(self, **losses):
        super().__init__()
        self.losses = {name: torch.tensor(loss, requires_grad=True) for name, loss in losses.items()}

    def forward(self, output, batch):
        return self.losses


def parts():
    return ConstantLosses(heat=1.5, size=0.5), ConstantLosses(identity=3.0)


@pytest.mark.parametrize("weighting", ["learned", "frozen"])
def test_uncertainty_weighting_by_hand(weighting):
    detection, appearance = parts()
    objective = LossBalance(detection, appearance, weighting)
    losses = objective({}, {})
    expected = (math.exp(1.85) * 2 + math.exp(1.05) * 3 - 1.85 - 1.05) / 2
    assert losses["loss"].item() == pytest.approx(expected, rel=1e-6)
    losses["loss"].backward()
    assert detection.losses["size"].grad.item() == pytest.approx(math.exp(1.85) / 2)
    assert appearance.losses["identity"].grad.item() == pytest.approx(math.exp(1.05) / 2)
    if weighting == "learned":
        assert objective.s.grad.tolist() == pytest.approx([(1 - math.exp(1.85) * 2) / 2, (1 - math.exp(1.05) * 3) / 2])
    else:
        assert objective.s.grad is None


def test_gradient_of_the_log_variances_is_zero_at_the_logarithms_of_the_losses():
    objective = LossBalance(*parts())
    with torch.no_grad():
        objective.s.copy_(torch.tensor([2.0, 3.0]).log())
    objective({}, {})["loss"].backward()
    assert objective.s.grad.abs().max() < 1e-6


def test_fixed_weighting_by_hand():
    detection, appearance = parts()
    losses = LossBalance(detection, appearance, "fixed")({}, {})
    losses["loss"].backward()
    assert losses["loss"].item() == pytest.approx(2.3)
    assert appearance.losses["identity"].grad.item() == pytest.approx(0.1)
    assert losses.keys() == {"loss", "heat", "size", "identity"}


def test_parts_are_metrics_without_gradient():
    losses = LossBalance(*parts())({}, {})
    assert losses.keys() == {"loss", "heat", "size", "identity", "s_detection", "s_appearance"}
    assert {name: round(losses[name].item(), 2) for name in ("heat", "identity", "s_detection", "s_appearance")} == {
        "heat": 1.5,
        "identity": 3.0,
        "s_detection": -1.85,
        "s_appearance": -1.05,
    }
    assert [name for name, loss in losses.items() if loss.requires_grad] == ["loss"]


def test_loss_takes_precedence_over_the_sum():
    detection = ConstantLosses(loss=1.0, heat=5.0)
    assert total_loss(detection.losses) == 1
    assert LossBalance(detection, parts()[1], "fixed")({}, {})["loss"].item() == pytest.approx(1.3)
