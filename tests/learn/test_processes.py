"""Training in separate processes: killed and resumed; data-parallel."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.learn.checkpoint import load
from idfree.learn.methods import one_shot
from idfree.learn.parallel import Distributed

UNHURRIED = 600  # seconds after which a process counts as stuck; only failures take that long


@pytest.fixture
def start_training(narrow, start):
    """Start a process that trains (see narrow.py)."""

    def start_narrow(*arguments, **environment):
        command, quiet = [sys.executable, narrow.__file__, *arguments], {"stdout": subprocess.DEVNULL}
        return start(command, env=os.environ | environment, stderr=subprocess.PIPE, **quiet)

    return start_narrow


def lines(run):
    path = run / "metrics.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def without_time(run):
    return [{**json.loads(line), "seconds": 0} for line in lines(run)]


def is_equal(one, two):
    """Whether two nested structures of tensors and numbers are identical."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(is_equal(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(is_equal, one, two))
    return one == two


def test_a_run_killed_and_resumed_gives_the_same_result(narrow, start_training, tmp_path, one_thread, monkeypatch):
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)  # which takes seconds
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start_training("train", killed)
    wanted = int(np.random.default_rng().integers(1, 12))  # of 9 iterations and 3 validations
    deadline = time.monotonic() + UNHURRIED
    while len(lines(killed)) < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.communicate()[1] == b""
    narrow.train_fairmot(whole)
    narrow.train_fairmot(killed, resume=True)
    for name in ("last.pt", "best.pt"):
        one, two = (load(run / name) for run in (whole, killed))
        assert is_equal(one, two), f"{name}, killed after {wanted} lines"
    assert without_time(whole) == without_time(killed)


def start_two(start_training, *arguments):
    """Two processes that find each other, as torchrun starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    return [start_training(*arguments, RANK=str(rank), **address) for rank in (0, 1)]


def wait_for(processes):
    """Wait until all have ended without an error."""
    for process in processes:
        _, errors = process.communicate(timeout=UNHURRIED)
        assert process.returncode == 0, errors


def test_two_processes_give_the_result_of_one(narrow, start_training, tmp_path, one_thread):
    both = start_two(start_training, "distributed", tmp_path / "two")
    narrow.train_distributed(tmp_path / "one")
    wait_for(both)
    one, two = (load(tmp_path / name / "last.pt") for name in ("one", "two"))
    for part in ("network", "objective"):
        for name, value in one[part].items():
            torch.testing.assert_close(two[part][name], value, rtol=1e-4, atol=1e-6)
    for line, other in zip(without_time(tmp_path / "one"), without_time(tmp_path / "two"), strict=True):
        assert other == pytest.approx(line, rel=1e-4)


def test_if_the_main_process_fails_the_other_does_too(start_training, tmp_path):
    both = start_two(start_training, "fail", tmp_path / "run")
    errors = [process.communicate(timeout=UNHURRIED)[1].decode() for process in both]
    assert [process.returncode for process in both] == [1, 1], errors
    assert "UserError: the disk is full" in errors[0]
    assert "UserError: process 0 of 2 failed: the disk is full" in errors[1]
    assert not [*tmp_path.iterdir()]


def test_lopsided_shares_of_two_processes_give_the_gradient_of_one(narrow, start_training, tmp_path, one_thread):
    """Of the networks and losses of all methods, where one process has nearly all objects; and of batch norm."""
    both = start_two(start_training, "gradients", tmp_path / "two")
    dataset = narrow.LabelledImages.from_footages([narrow.make_lopsided()])
    objects = narrow.ImageBatches(dataset, narrow.ImageBatchShape(4, (64, 96)))(0)["mask"].sum(dim=1).tolist()
    assert objects[1] + objects[3] <= 3 < 8 < objects[0] + objects[2]
    wait_for(both)
    for name, two in torch.load(tmp_path / "two" / "gradients.pt").items():
        alone = Distributed()
        one = narrow.normed_gradient(alone) if name == "norms" else narrow.first_gradient(name, alone)
        assert two["metrics"] == pytest.approx(one["metrics"], rel=1e-4, abs=1e-6), name
        for key, gradient in one["gradient"].items():
            expected, given = (torch.zeros(1) if each is None else each for each in (gradient, two["gradient"][key]))
            tolerance = 1e-3 * max(expected.abs().max().item(), 1e-3)
            torch.testing.assert_close(given, expected, rtol=1e-3, atol=tolerance, msg=f"{name} {key}")
