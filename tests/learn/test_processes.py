"""Trainings in processes of their own: killed at any moment, and several at once."""

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

LONGEST = 60  # seconds that a process may take to begin


def begun(narrow, *words, **environment):
    """A process that trains."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, narrow.__file__, *map(str, words)], env=os.environ | environment, **quiet)


def lines(run):
    path = run / "metrics.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def untimed(run):
    return [{**json.loads(line), "seconds": 0} for line in lines(run)]


def same(one, two):
    """Whether two trees of tensors and numbers are equal, bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return one == two


def test_killed_at_a_random_moment_and_resumed_is_as_never_stopped(narrow, tmp_path, one_thread, monkeypatch):
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)  # which takes seconds
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = begun(narrow, "learn", killed)
    wanted = int(np.random.default_rng().integers(1, 12))  # of 9 iterations and 3 validations
    deadline = time.monotonic() + LONGEST
    while len(lines(killed)) < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.communicate()[1] == b""
    narrow.learn(whole)
    narrow.learn(killed, resume=True)
    for name in ("last.pt", "best.pt"):
        one, two = (load(run / name) for run in (whole, killed))
        assert same(one, two), f"{name}, killed after {wanted} lines"
    assert untimed(whole) == untimed(killed)


def test_two_processes_learn_as_one(narrow, tmp_path, one_thread):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    both = [begun(narrow, "shared", tmp_path / "two", RANK=str(rank), **address) for rank in (0, 1)]
    narrow.shared_training(tmp_path / "one")
    for process in both:
        _, said = process.communicate(timeout=LONGEST)
        assert process.returncode == 0, said
    one, two = (load(tmp_path / name / "last.pt") for name in ("one", "two"))
    for part in ("network", "objective"):
        for name, value in one[part].items():
            torch.testing.assert_close(two[part][name], value, rtol=1e-4, atol=1e-6)
    for line, other in zip(untimed(tmp_path / "one"), untimed(tmp_path / "two"), strict=True):
        assert other == pytest.approx(line, rel=1e-4)
