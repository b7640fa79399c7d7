"""What several tests share."""

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from idfree.core.threads import thread_environment

os.environ.update(thread_environment(os.environ))  # as the command line does; here for tests beside other programs


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts: a shell has its background jobs ignore it, and whatever these start inherits that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
def mutations() -> Iterator[ModuleType]:
    """The module mutations: damaged versions of files."""
    yield from beside("mutations")


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

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    few = dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with few, distributed.LocalCluster(**options) as made:
        yield made.scheduler_address
