"""Learning rates computed by hand, precisions, and the moving average of weights."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.ema import Ema
from idfree.learn.schedule import Schedule, cosine, half_precision, one_cycle, steps

CPU = torch.device("cpu")


def make_schedule(**changes):
    return Schedule(**{"iterations": 30, "lr": 1.0, "decay": 0.0, "clip": 1.0, **changes})


def test_one_cycle_by_hand():
    rates = [one_cycle(i / 100) for i in range(101)]
    assert rates[0] == pytest.approx(1 / 25)
    assert max(rates) == rates[30] == 1
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)
    assert rates[-1] == pytest.approx(1e-5)


def test_one_cycle_agrees_with_pytorch():
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0, total_steps=101, div_factor=25, final_div_factor=4000)
    for step in range(101):  # theirs ends its rise one step early, and has its last rate within the run
        assert one_cycle(step / 100) == pytest.approx(optimiser.param_groups[0]["lr"], abs=0.04)
        optimiser.step()
        theirs.step() if step < 100 else None


def test_steps_drop_at_the_start_of_an_epoch():
    fairmot = make_schedule(shape="steps", drops=(20 / 30, 27 / 30))  # an iteration an epoch
    rates = [fairmot.learning_rate(step) for step in range(30)]
    assert rates == pytest.approx([1.0] * 20 + [0.1] * 7 + [0.01] * 3)
    longer = make_schedule(shape="steps", drops=(20 / 30, 27 / 30), iterations=30 * 7)
    assert [longer.learning_rate(step) for step in (139, 140, 188, 189)] == pytest.approx([1.0, 0.1, 0.1, 0.01])
    assert steps(0.9, ()) == 1


def test_cosine_by_hand():
    assert [cosine(done) for done in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])


def test_warm_up_is_linear():
    tdt = make_schedule(shape="cosine", warm_up=4, iterations=1000)
    assert [tdt.learning_rate(step) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1, 1], rel=1e-4)


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
def test_optimisers_take_steps_of_the_learning_rate(optimiser):
    parameter = nn.Parameter(torch.ones(1))
    made = make_schedule(optimiser=optimiser, lr=0.01).make_optimiser([parameter])
    parameter.square().sum().backward()
    made.step()
    assert parameter.item() == pytest.approx(
        0.98 if optimiser == "sgd" else 0.99
    )  # Adam's first step is the rate itself


def test_precision():
    assert half_precision("bf16", CPU) == torch.bfloat16
    assert half_precision("fp16", CPU) == torch.float16
    assert half_precision("fp32", CPU) is None
    assert half_precision("auto", torch.device("mps")) is None


def test_auto_is_not_bf16_where_it_is_only_emulated(monkeypatch):
    """As on GPUs before Ampere: supported by default, but not without emulation."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert half_precision("auto", torch.device("cuda")) is None
    assert half_precision("bf16", torch.device("cuda")) == torch.bfloat16


def test_auto_is_bf16_on_processors_with_amx_alone(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert half_precision("auto", CPU) is None
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert half_precision("auto", CPU) == torch.bfloat16


def test_moving_average_by_hand():
    network = nn.BatchNorm1d(1)
    mean = Ema(network, decay=0.5)
    for step, weight in enumerate((4.0, 1.0, 2.0), start=1):
        nn.init.constant_(network.weight, weight)
        network.num_batches_tracked.fill_(step)
        mean.update(network, step)
    after = 1 * 2 / 11 + 4 * 9 / 11  # 1 − min(½, (1 + 1)/(10 + 1)) is new
    after = after * 3 / 12 + 1 * 9 / 12
    after = after * 4 / 13 + 2 * 9 / 13
    assert mean.network.weight.item() == pytest.approx(after)
    assert mean.network.num_batches_tracked == 3
    assert not mean.network.training
    assert not mean.network.weight.requires_grad
