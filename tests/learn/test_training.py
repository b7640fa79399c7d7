"""The loop with a network of a few numbers: schedule, checkpoints, resuming, and stopping in time."""

import json
import resource
from contextlib import contextmanager

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.checkpoint import load
from idfree.learn.devices import open_device
from idfree.learn.fit import Validation, fit
from idfree.learn.schedule import Schedule
from idfree.learn.training import Training

CPU = torch.device("cpu")


class Network(nn.Module):
    """Learns, keeps statistics, and draws numbers: all that a checkpoint must bring back."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(4 * 36, 2)
        )

    def forward(self, batch):
        return {"embedding": self.layers(batch["crops"])}


class Objective(nn.Module):
    """Has a parameter of its own, as a classifier has. NaN from a batch on whose number is `poison`."""

    def __init__(self, poison=None):
        super().__init__()
        self.centre, self.poison = nn.Parameter(torch.zeros(2)), poison

    def forward(self, output, batch):
        bad = self.poison is not None and batch["number"].item() >= self.poison
        loss = (output["embedding"] - self.centre - batch["target"]).square().mean()
        return {"square": loss * (torch.nan if bad else 1), "small": self.centre.square().sum()}


def batches(step):
    random = torch.Generator().manual_seed(step)
    crops = torch.rand(8, 3, 8, 8, generator=random)
    return {"crops": crops, "target": crops.mean((2, 3))[:, :2], "number": torch.tensor(step)}


def training(iterations=20, save_every=5, poison=None, precision="fp32", ema=0.0, **settings):
    torch.manual_seed(3)
    schedule = Schedule(iterations, 0.01, decay=0.05, clip=10.0, precision=precision, save_every=save_every, ema=ema)
    return Training(Network(), Objective(poison), schedule, {"name": "tiny", **settings}, CPU)


def stop_after(count):
    """A progress bar that is interrupted when so many iterations are done."""

    def steps(these):
        for step in these:
            if step == count:
                raise KeyboardInterrupt
            yield step

    return steps


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("options", [{}, {"ema": 0.9, "precision": "fp16"}], ids=["plain", "mean of fp16"])
def test_resumed_is_as_never_interrupted(tmp_path, one_thread, options):
    whole = training(**options)
    fit(whole, batches, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):  # two iterations after the last checkpoint
        fit(training(**options), batches, tmp_path / "halves", progress=stop_after(12))
    assert load(tmp_path / "halves" / "last.pt")["step"] == 10
    halves = training(**options)
    fit(halves, batches, tmp_path / "halves", resume=True)
    assert equal(whole.network.state_dict(), halves.network.state_dict())
    assert equal(whole.product.state_dict(), halves.product.state_dict())
    assert whole.scaler.state_dict() == halves.scaler.state_dict()
    assert equal(whole.objective.state_dict(), halves.objective.state_dict())
    one, two = ([{**line, "seconds": 0} for line in metrics(tmp_path / name)] for name in ("whole", "halves"))
    assert one == two
    assert [line["iteration"] for line in one] == list(range(1, 21))


def test_resuming_what_is_done_does_nothing(tmp_path, one_thread):
    fit(training(), batches, tmp_path)
    before, again = load(tmp_path / "last.pt"), training()
    fit(again, batches, tmp_path, resume=True)
    assert equal(before["network"], again.network.state_dict())
    assert len(metrics(tmp_path)) == 20


def test_resuming_nothing_begins(tmp_path):
    run = training(iterations=3)
    fit(run, batches, tmp_path, resume=True)
    assert run.step == 3


def test_a_log_cut_off_in_its_last_line_is_mended(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(training(), batches, tmp_path, progress=stop_after(7))
    with (tmp_path / "metrics.jsonl").open("a") as log:
        log.write('{"iteration": 8, "lo')
    fit(training(), batches, tmp_path, resume=True)
    assert [line["iteration"] for line in metrics(tmp_path)] == list(range(1, 21))


def test_a_run_is_not_overwritten(tmp_path):
    fit(training(iterations=2), batches, tmp_path)
    with pytest.raises(UserError, match="--resume"):
        fit(training(iterations=2), batches, tmp_path)


def test_another_run_is_not_resumed(tmp_path):
    fit(training(iterations=2, lr=0.1, threads=1), batches, tmp_path)
    with pytest.raises(UserError, match=r"lr was 0\.1, now 0\.2"):
        fit(training(iterations=2, lr=0.2, threads=2), batches, tmp_path, resume=True)
    assert json.loads((tmp_path / "settings.json").read_text())["lr"] == 0.1


def test_nan_stops_and_the_last_good_checkpoint_stays(tmp_path):
    run = training(poison=13)
    with pytest.raises(UserError, match=r"iteration 14: .*square is nan.*last.pt is of iteration 10"):
        fit(run, batches, tmp_path)
    state = load(tmp_path / "last.pt")
    assert state["step"] == 10
    assert all(torch.isfinite(value).all() for value in state["network"].values())
    assert all(torch.isfinite(value).all() for value in run.parameters)
    assert len(metrics(tmp_path)) == 13


def test_nan_before_any_checkpoint_says_so(tmp_path):
    with pytest.raises(UserError, match="no checkpoint was written yet"):
        fit(training(poison=0), batches, tmp_path)


def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path):
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"state_dict": {}}, tmp_path / "weights.pt")
    for name, message in (
        ("none.pt", "no such file"),
        ("text.pt", "cannot be read"),
        ("weights.pt", "expected"),
    ):
        with pytest.raises(UserError, match=message):
            load(tmp_path / name)


def test_the_losses_fall_and_are_told(tmp_path):
    fit(training(iterations=60), batches, tmp_path)
    lines = metrics(tmp_path)
    assert set(lines[0]) == {"iteration", "loss", "square", "small", "gradient", "lr", "seconds"}
    assert lines[0]["loss"] == pytest.approx(lines[0]["square"] + lines[0]["small"])
    assert lines[-1]["loss"] < lines[0]["loss"] / 4


def test_the_gradient_is_clipped():
    torch.manual_seed(0)
    schedule = Schedule(10, lr=1.0, decay=0.0, clip=1e-3, precision="fp32")
    run = Training(Network(), Objective(), schedule, {}, CPU)
    run.learn(batches(0))
    assert sum(p.grad.square().sum().item() for p in run.parameters) ** 0.5 == pytest.approx(1e-3, rel=1e-3)


def test_devices():
    assert open_device("cpu") == CPU
    assert open_device("auto").type in ("cpu", "cuda")
    for name in ("cuda:99", "gpu"):
        with pytest.raises(UserError, match=f"--device {name}"):
            open_device(name)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_about_the_same(precision):
    def losses(precision):
        run = training(precision=precision)
        return [run.learn(batches(step))["loss"] for step in range(3)]

    whole, half = losses("fp32"), losses(precision)
    assert whole == pytest.approx(half, rel=0.05)
    assert whole != half


def test_a_gradient_too_large_for_fp16_costs_an_iteration_and_no_harm():
    run = training(precision="fp16")
    run.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126)
    before = [parameter.clone() for parameter in run.parameters]
    said = run.learn(batches(0))
    assert "gradient" not in said
    assert run.step == 1
    assert all(map(torch.equal, before, run.parameters))
    assert run.scaler.get_scale() < 2.0**126


def judging(figures, every=5):
    """A validation that finds these, one after the other, and sees that the network is not learning meanwhile."""
    found = iter(figures)

    def judge(network):
        assert not network.training
        return {"MOTA": next(found), "limit": 0.25}

    return Validation(judge, "MOTA", every)


def test_the_best_network_is_kept_of_equals_the_last(tmp_path):
    run = training(iterations=22, ema=0.9)
    fit(run, batches, tmp_path, validation=judging([0.1, 0.6, 0.6, 0.5, 0.2]))
    best = load(tmp_path / "best.pt")
    assert (best["step"], best["figures"]) == (15, {"MOTA": 0.6, "limit": 0.25})
    assert best["settings"] == {"name": "tiny"}
    judged = [(line["iteration"], line["validation"]["MOTA"]) for line in metrics(tmp_path) if "validation" in line]
    assert judged == [(5, 0.1), (10, 0.6), (15, 0.6), (20, 0.5), (22, 0.2)]
    assert run.network.training
    assert equal(load(tmp_path / "last.pt")["ema"], run.product.state_dict())
    assert not equal(load(tmp_path / "last.pt")["network"], run.product.state_dict())


def test_resuming_remembers_the_best(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(training(), batches, tmp_path, progress=stop_after(7), validation=judging([0.9, 0.1]))
    fit(training(), batches, tmp_path, resume=True, validation=judging([0.3, 0.4, 0.5]))
    assert load(tmp_path / "best.pt")["step"] == 5


def test_the_best_network_is_no_run_to_go_on_from(tmp_path):
    fit(training(), batches, tmp_path, validation=judging([0.1, 0.2, 0.3, 0.4]))
    (tmp_path / "best.pt").replace(tmp_path / "last.pt")
    with pytest.raises(UserError, match=r"holds a network, but not the rest of a run"):
        fit(training(), batches, tmp_path, resume=True)


@contextmanager
def small_disc(size):
    """No file may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disc_leaves_the_checkpoint_before(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(training(), batches, tmp_path, progress=stop_after(7))
    whole = (tmp_path / "last.pt").read_bytes()
    with (
        small_disc(5000),
        pytest.raises(UserError, match=r"cannot write .*last.pt, is the disc full\?: what was there"),
    ):
        fit(training(), batches, tmp_path, resume=True)
    assert (tmp_path / "last.pt").read_bytes() == whole
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "metrics.jsonl", "settings.json"}
    with small_disc(1000), pytest.raises(UserError, match=r"cannot write into .*: File too large"):
        fit(training(), batches, tmp_path, resume=True)
    fit(training(), batches, tmp_path, resume=True)
    assert len(metrics(tmp_path)) == 20
