"""The training loop with a tiny network: checkpoints, resuming, validation, errors."""

import json
import resource
from contextlib import contextmanager

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.checkpoint import load, write
from idfree.learn.devices import open_device
from idfree.learn.fit import Validation, fit
from idfree.learn.schedule import Schedule
from idfree.learn.training import Training

CPU = torch.device("cpu")


class Network(nn.Module):
    """Has weights, batch statistics and random layers: all that a checkpoint must restore."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(4 * 36, 2)
        )

    def forward(self, batch):
        return {"embedding": self.layers(batch["crops"])}


class Objective(nn.Module):
    """Has a parameter, as classifiers have. NaN from batch number `poison` on."""

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
    """A progress bar that is interrupted after so many iterations."""

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
def test_resuming_gives_the_same_result(tmp_path, one_thread, options):
    whole = training(**options)
    fit(whole, batches, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):  # two iterations after the last checkpoint
        fit(training(**options), batches, tmp_path / "halves", progress=stop_after(12))
    assert load(tmp_path / "halves" / "last.pt")["step"] == 10
    halves = training(**options)
    fit(halves, batches, tmp_path / "halves", resume=True)
    assert equal(whole.network.state_dict(), halves.network.state_dict())
    assert equal(whole.inference_network.state_dict(), halves.inference_network.state_dict())
    assert whole.scaler.state_dict() == halves.scaler.state_dict()
    assert (tmp_path / "whole" / "last.pt").read_bytes() == (tmp_path / "halves" / "last.pt").read_bytes()
    assert equal(whole.objective.state_dict(), halves.objective.state_dict())
    one, two = ([{**line, "seconds": 0} for line in metrics(tmp_path / name)] for name in ("whole", "halves"))
    assert one == two
    assert [line["iteration"] for line in one] == list(range(1, 21))


def test_the_name_of_a_checkpoint_is_not_in_it(tmp_path):
    for name in ("one.pt", "other.pt"):
        write({"network": {"a": torch.zeros(3)}, "settings": {}, "step": 1}, tmp_path / name)
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "other.pt").read_bytes()


def test_resuming_a_finished_run_does_nothing(tmp_path, one_thread):
    fit(training(), batches, tmp_path)
    before, again = load(tmp_path / "last.pt"), training()
    fit(again, batches, tmp_path, resume=True)
    assert equal(before["network"], again.network.state_dict())
    assert len(metrics(tmp_path)) == 20


def test_resuming_without_checkpoint_starts_a_run(tmp_path):
    run = training(iterations=3)
    fit(run, batches, tmp_path, resume=True)
    assert run.step == 3


def test_a_truncated_log_is_repaired(tmp_path):
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


def test_a_run_is_made_longer_and_that_is_said(tmp_path, caplog):
    fit(training(iterations=8, epochs=2), batches, tmp_path)
    longer = training(iterations=20, epochs=5)
    fit(longer, batches, tmp_path, resume=True)
    assert longer.step == 20
    rate = longer.schedule.learning_rate(8)
    assert "epochs was 2, now 5: from iteration 9 on the learning rate" in caplog.text
    assert f"({rate:.3g}) is that of a run of 20 iterations" in caplog.text
    assert metrics(tmp_path)[8]["lr"] == rate
    assert json.loads((tmp_path / "settings.json").read_text())["epochs"] == 5


def test_a_run_is_not_made_shorter_than_it_is(tmp_path):
    fit(training(iterations=8, epochs=4), batches, tmp_path)
    with pytest.raises(UserError, match=r"epochs was 4, now 1, which is 2 iterations, but 8 are done"):
        fit(training(iterations=2, epochs=1), batches, tmp_path, resume=True)


def test_nan_stops_and_keeps_the_last_checkpoint(tmp_path):
    run = training(poison=13)
    with pytest.raises(UserError, match=r"iteration 14: .*square is nan.*last.pt is of iteration 10"):
        fit(run, batches, tmp_path)
    state = load(tmp_path / "last.pt")
    assert state["step"] == 10
    assert all(torch.isfinite(value).all() for value in state["network"].values())
    assert all(torch.isfinite(value).all() for value in run.parameters)
    assert len(metrics(tmp_path)) == 13


def test_nan_before_any_checkpoint(tmp_path):
    with pytest.raises(UserError, match="no checkpoint was written yet"):
        fit(training(poison=0), batches, tmp_path)


def test_other_files_are_refused_as_checkpoints(tmp_path):
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"state_dict": {}}, tmp_path / "weights.pt")
    for name, message in (
        ("none.pt", "no such file"),
        ("text.pt", "cannot be read"),
        ("weights.pt", "expected"),
    ):
        with pytest.raises(UserError, match=message):
            load(tmp_path / name)


def foreign(**parts):
    """A checkpoint of which parts are replaced, or left out (None)."""
    state = {"network": {}, "settings": {"name": "tiny"}, "step": 5, **parts}
    return {name: part for name, part in state.items() if part is not None}


FOREIGN = {
    "a number": 7,
    "a network of another program": {"model": {"weight": torch.zeros(2)}, "epoch": 3},
    "no step": foreign(step=None),
    "a list of settings": foreign(settings=[1]),
    "numbers for tensors": foreign(network={"weight": 1.0}),
    "a list of figures": foreign(figures=[1]),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_refused_with_what_to_do(name, tmp_path):
    torch.save(FOREIGN[name], tmp_path / "last.pt")
    with pytest.raises(UserError, match=r"expected a checkpoint of idfree.*export"):
        load(tmp_path / "last.pt")
    with pytest.raises(UserError, match="checkpoint of idfree"):
        fit(training(), batches, tmp_path, resume=True)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "last.pt").touch()
    with pytest.raises(UserError, match="it is empty"):
        fit(training(), batches, tmp_path, resume=True)


class Pickled:
    """An object as other programs pickle their networks."""


def test_a_pickled_network_is_not_executed_and_the_export_is_named(tmp_path):
    torch.save(Pickled(), tmp_path / "yolo.pt")
    with pytest.raises(UserError, match=r"more than tensors.*yolo export model=") as caught:
        load(tmp_path / "yolo.pt")
    assert "weights_only" not in str(caught.value)


def test_a_checkpoint_with_missing_or_foreign_parts_is_refused(tmp_path):
    fit(training(iterations=2), batches, tmp_path)
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    for name in ("objective", "random", "optimiser", "network"):
        torch.save({**state, name: {"other": torch.zeros(1)}}, tmp_path / "last.pt")
        with pytest.raises(UserError, match=r"last\.pt: is damaged or of another version"):
            fit(training(iterations=2), batches, tmp_path, resume=True)


def test_losses_fall_and_are_logged(tmp_path):
    fit(training(iterations=60), batches, tmp_path)
    lines = metrics(tmp_path)
    assert set(lines[0]) == {"iteration", "loss", "square", "small", "gradient", "lr", "seconds"}
    assert lines[0]["loss"] == pytest.approx(lines[0]["square"] + lines[0]["small"])
    assert lines[-1]["loss"] < lines[0]["loss"] / 4


def test_the_gradient_is_clipped():
    torch.manual_seed(0)
    schedule = Schedule(10, lr=1.0, decay=0.0, clip=1e-3, precision="fp32")
    run = Training(Network(), Objective(), schedule, {}, CPU)
    run.iterate(batches(0))
    assert sum(p.grad.square().sum().item() for p in run.parameters) ** 0.5 == pytest.approx(1e-3, rel=1e-3)


def test_devices():
    assert open_device("cpu") == CPU
    assert open_device("auto").type in ("cpu", "cuda")
    for name in ("cuda:99", "gpu"):
        with pytest.raises(UserError, match=f"--device {name}"):
            open_device(name)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_reduced_precision_is_close(precision):
    def losses(precision):
        run = training(precision=precision)
        return [run.iterate(batches(step))["loss"] for step in range(3)]

    whole, half = losses("fp32"), losses(precision)
    assert whole == pytest.approx(half, rel=0.05)
    assert whole != half


def test_a_gradient_overflow_in_fp16_skips_the_iteration():
    run = training(precision="fp16")
    run.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126)
    before = [parameter.clone() for parameter in run.parameters]
    metrics = run.iterate(batches(0))
    assert "gradient" not in metrics
    assert run.step == 1
    assert all(map(torch.equal, before, run.parameters))
    assert run.scaler.get_scale() < 2.0**126


def test_a_run_stopped_before_its_first_checkpoint_says_so(tmp_path, caplog):
    with pytest.raises(KeyboardInterrupt):
        fit(training(), batches, tmp_path, progress=stop_after(3))
    fit(training(iterations=20), batches, tmp_path, resume=True)
    assert "stopped before its first checkpoint" in caplog.text


def test_a_validation_that_was_interrupted_is_made_up_for(tmp_path, one_thread):
    """The last iteration is saved before it is validated, so that nothing is trained twice."""

    def interrupted(network):
        raise KeyboardInterrupt

    for every, step in ((5, 5), (50, 20)):
        whole, halves = (tmp_path / f"{name} {every}" for name in ("whole", "halves"))
        fit(training(save_every=100), batches, whole, validation=make_validation([0.1, 0.2, 0.3, 0.4], every))
        with pytest.raises(KeyboardInterrupt):
            fit(training(save_every=100), batches, halves, validation=Validation(interrupted, "MOTA", every))
        assert load(halves / "last.pt")["step"] == step
        assert not (halves / "best.pt").exists()
        run = training(save_every=100)
        fit(run, batches, halves, resume=True, validation=make_validation([0.1, 0.2, 0.3, 0.4], every))
        assert equal(load(halves / "best.pt")["network"], load(whole / "best.pt")["network"])
        one, two = ([{**line, "seconds": 0} for line in metrics(folder)] for folder in (whole, halves))
        assert one == two
        fit(training(save_every=100), batches, halves, resume=True, validation=make_validation([], every))


def make_validation(values, every=5):
    """A validation with these values of MOTA in turn; asserts that the network is in evaluation mode."""
    values = iter(values)

    def evaluate(network):
        assert not network.training
        return {"MOTA": next(values), "limit": 0.25}

    return Validation(evaluate, "MOTA", every)


def test_the_best_network_is_saved_of_equals_the_last(tmp_path):
    run = training(iterations=22, ema=0.9)
    fit(run, batches, tmp_path, validation=make_validation([0.1, 0.6, 0.6, 0.5, 0.2]))
    best = load(tmp_path / "best.pt")
    assert (best["step"], best["figures"]) == (15, {"MOTA": 0.6, "limit": 0.25})
    assert best["settings"] == {"name": "tiny"}
    validations = [
        (line["iteration"], line["validation"]["MOTA"]) for line in metrics(tmp_path) if "validation" in line
    ]
    assert validations == [(5, 0.1), (10, 0.6), (15, 0.6), (20, 0.5), (22, 0.2)]
    assert run.network.training
    assert equal(load(tmp_path / "last.pt")["ema"], run.inference_network.state_dict())
    assert not equal(load(tmp_path / "last.pt")["network"], run.inference_network.state_dict())


def test_resuming_restores_the_best_value(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(training(), batches, tmp_path, progress=stop_after(7), validation=make_validation([0.9, 0.1]))
    fit(training(), batches, tmp_path, resume=True, validation=make_validation([0.3, 0.4, 0.5]))
    assert load(tmp_path / "best.pt")["step"] == 5


def test_a_run_is_not_resumed_from_the_best_network(tmp_path):
    fit(training(), batches, tmp_path, validation=make_validation([0.1, 0.2, 0.3, 0.4]))
    (tmp_path / "best.pt").replace(tmp_path / "last.pt")
    with pytest.raises(UserError, match=r"holds a network, but not the rest of a run"):
        fit(training(), batches, tmp_path, resume=True)


@contextmanager
def small_disc(size):
    """Limit the size of files in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disc_keeps_the_previous_checkpoint(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(training(), batches, tmp_path, progress=stop_after(7))
    whole = (tmp_path / "last.pt").read_bytes()
    with (
        small_disc(5000),
        pytest.raises(UserError, match=r"cannot write .*last.pt: File too large"),
    ):
        fit(training(), batches, tmp_path, resume=True)
    assert (tmp_path / "last.pt").read_bytes() == whole
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "metrics.jsonl", "settings.json"}
    with small_disc(1000), pytest.raises(UserError, match=r"cannot write into .*: File too large"):
        fit(training(), batches, tmp_path, resume=True)
    fit(training(), batches, tmp_path, resume=True)
    assert len(metrics(tmp_path)) == 20
