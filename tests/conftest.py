"""What several tests share."""

import contextlib
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest

from idfree.core.threads import thread_environment

os.environ.update(thread_environment(os.environ))  # as the command line does; here for tests beside other programs

# Nothing here may depend on how busy the machine is: time limits of tests only turn a hang into a failure.
UNHURRIED = 300  # seconds
hypothesis.settings.register_profile("idfree", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("idfree")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Signals act: shells have background jobs ignore Ctrl-C, nohup SIGHUP, and whatever these start inherits that."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """Each test ends the processes that it starts; those that it does not end are killed, and the test fails."""
    before = children()
    yield
    for _ in range(100):  # a process that ends or that the cluster starts just now is not left behind
        left = {pid: command for pid, command in children().items() if pid not in before}
        if not left:
            break
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"processes left behind: {left}"


def children() -> dict[int, str]:
    """Command lines of the running children of this process by pid (Linux), without the cluster's, which stay."""
    pids = []
    for file in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            pids += [int(pid) for pid in file.read_text().split()]
    cluster = {child.pid for child in multiprocessing.active_children() if child.name.startswith("Dask")}
    commands = {pid: command_line(pid) for pid in pids if pid not in cluster}
    return {pid: command for pid, command in commands.items() if command and "resource_tracker" not in command}


def command_line(pid: int) -> str:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[Any]"]]:
    """`start(command, **options)` starts a process as subprocess.Popen does; it is killed at the end of the test."""
    with ExitStack() as stack:

        def start_process(command: list[Any], **options: Any) -> "subprocess.Popen[Any]":
            process = stack.enter_context(subprocess.Popen([*map(str, command)], **options))
            stack.callback(process.kill)
            return process

        yield start_process


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and golden figures beside the project; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "golden").is_dir():
        pytest.skip("needs the folder ../shared (real sequences and golden figures), which lies beside the project")
    return folder


@pytest.fixture(scope="session")
def tasks() -> Iterator[ModuleType]:
    """The module tasks_of_workers, which other processes can import as well."""
    yield from beside("tasks_of_workers")


@pytest.fixture(scope="session")
def narrow() -> Iterator[ModuleType]:
    """The module narrow: a one-shot network, its training, and a street."""
    pytest.importorskip("torch", reason="training needs PyTorch")
    yield from beside("narrow")


@pytest.fixture(scope="session")
def made_up_detector() -> Iterator[ModuleType]:
    """The module made_up_detector: a detector in an ONNX file, and pictures of what it finds."""
    pytest.importorskip("onnx", reason="an ONNX file is written by the package onnx")
    yield from beside("made_up_detector")


@pytest.fixture(scope="session")
def mutations() -> Iterator[ModuleType]:
    """The module mutations: damaged versions of files."""
    yield from beside("mutations")


@pytest.fixture(scope="session")
def browser() -> Iterator[ModuleType]:
    """The module browser: a headless Chromium."""
    yield from beside("browser")


def beside(name: str) -> Iterator[ModuleType]:
    """A module that lies beside this file."""
    folder = str(Path(__file__).parent)
    sys.path.insert(0, folder)
    yield importlib.import_module(name)
    sys.path.remove(folder)


@pytest.fixture(scope="session")
def cluster(tasks: ModuleType) -> Iterator[str]:
    """The address of a Dask scheduler with two workers, processes of this machine."""
    distributed = pytest.importorskip("distributed")
    import dask

    from idfree.core import workers

    workers.DASK_TIMEOUT = UNHURRIED
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    timeouts = {f"distributed.comm.timeouts.{kind}": f"{UNHURRIED} s" for kind in ("connect", "tcp")}
    few = dask.config.set({"distributed.scheduler.allowed-failures": 1, **timeouts})
    with few, distributed.LocalCluster(**options) as made:
        yield made.scheduler_address
