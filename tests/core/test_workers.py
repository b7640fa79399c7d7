"""map_items in this process, in several processes and on a local Dask cluster: same outcomes, also if workers die."""

import multiprocessing
import os
import select
import signal
import subprocess
import sys
from functools import partial

import pytest

from idfree.core import workers
from idfree.core.errors import MissingExtra, UserError
from idfree.core.workers import WorkerPool, map_items

PATIENCE = 300  # seconds, for failures alone


@pytest.fixture(params=["serial", "processes", "dask"])
def pool(request):
    if request.param == "dask":
        return WorkerPool(dask=request.getfixturevalue("cluster"))
    return WorkerPool(2 if request.param == "processes" else 1)


def outcomes_of(function, items, pool):
    """Outcomes by name, errors as their text."""
    outcomes = dict(map_items(function, items, pool))
    return {name: str(outcomes[name]) if isinstance(outcomes[name], UserError) else outcomes[name] for name in items}


def test_each_item_has_its_outcome(tasks, pool):
    items = {"one": 1, "two": [2], "no": "refused", "gone": "missing", "large": "large"}
    outcomes = outcomes_of(tasks.double, items, pool)
    assert (outcomes["one"], outcomes["two"]) == (2, [2, 2])
    assert "needs the package torch: pip install 'idfree[train]'" in outcomes["no"]
    assert "No such file" in outcomes["gone"]
    assert "too little memory" in outcomes["large"]


def test_no_items(tasks, pool):
    assert outcomes_of(tasks.double, {}, pool) == {}


@pytest.mark.parametrize("pool", ["processes", "dask"], indirect=True)
def test_items_of_a_killed_worker_are_tried_again(tasks, pool, tmp_path):
    names = ("a", "fragile", "b", "c")
    outcomes = outcomes_of(partial(tasks.die_once, str(tmp_path)), dict(zip(names, names, strict=True)), pool)
    assert outcomes == {name: name.upper() for name in names}
    assert (tmp_path / "fragile.tried").exists()


def test_an_item_that_kills_dask_workers_is_reported(tasks, cluster):
    outcomes = outcomes_of(tasks.die, {"a": "a", "deadly": "deadly", "wrong": "wrong"}, WorkerPool(dask=cluster))
    assert outcomes["a"] == "A"
    assert outcomes["deadly"].startswith("workers died of it")
    assert outcomes["wrong"] == "a mistake of idfree's own: ZeroDivisionError: a mistake"


def test_an_item_that_kills_processes_is_reported_and_the_others_succeed(tasks, capfd):
    names = ("a", "deadly", "b", "wrong", "c")
    outcomes = outcomes_of(tasks.die, dict(zip(names, names, strict=True)), WorkerPool(2))
    assert [outcomes[name] for name in "abc"] == ["A", "B", "C"]
    assert outcomes["deadly"].startswith("its process died (SIGKILL), 2 times, perhaps of too little memory")
    assert outcomes["wrong"].startswith("its process ended with exit status 1")
    assert "ZeroDivisionError: a mistake" in capfd.readouterr().err


def test_processes_ignore_ctrl_c(tasks):
    assert outcomes_of(tasks.interrupt_itself, {"a": 1, "b": 2}, WorkerPool(2)) == {"a": 1, "b": 2}


def test_closing_terminates_running_processes(tasks, tmp_path):
    names = ("first", "second", "third")
    others = set(multiprocessing.active_children())  # those of the cluster
    outcomes = map_items(partial(tasks.wait_for, str(tmp_path)), dict(zip(names, names, strict=True)), WorkerPool(2))
    assert next(outcomes) == ("first", None)
    (child,) = set(multiprocessing.active_children()) - others
    outcomes.close()  # as an exception of the consumer does
    child.join()
    assert child.exitcode == -signal.SIGTERM


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("tasks_of_both", [("polite", "patient"), ("rude", "stuck")])
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_processes_end_with_their_parent(tasks, tmp_path, tasks_of_both, sent):
    """However it ends, and whatever they do, unpickling included. The FIFO ends when the last of them has ended."""
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with subprocess.Popen([sys.executable, tasks.__file__, fifo, *tasks_of_both], stderr=subprocess.PIPE) as parent:
        assert read(reader, 2) == b".."
        parent.send_signal(sent)
        assert b"Traceback" not in parent.communicate()[1]
    assert read(reader, 1) == b""
    os.close(reader)
    if "rude" not in tasks_of_both:
        assert list(tmp_path.iterdir()) == [fifo]  # no temporary file


def read(reader, size):
    """Read bytes from a FIFO as they come, fewer only at its end."""
    content = b""
    while len(content) < size:
        assert select.select([reader], [], [], PATIENCE)[0], f"nothing more after {content!r}"
        if not (part := os.read(reader, size - len(content))):
            break
        content += part
    return content


def test_invalid_pools_and_addresses(monkeypatch):
    with pytest.raises(UserError, match="--workers 0: expected 1 or more"):
        WorkerPool(0)
    with pytest.raises(UserError, match="say one"):
        WorkerPool(2, "tcp://there:8786")
    monkeypatch.setattr(workers, "DASK_TIMEOUT", 0.1)
    with pytest.raises(UserError, match=r"--dask tcp://127\.0\.0\.1:1: no Dask scheduler answers there"):
        next(map_items(str, {"one": 1}, WorkerPool(dask="tcp://127.0.0.1:1")))
    with pytest.raises(UserError, match="--dask nonsense://x: no Dask scheduler"):
        next(map_items(str, {"one": 1}, WorkerPool(dask="nonsense://x")))


def time_out():
    raise TimeoutError


def test_a_scheduler_without_workers(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed.Client, "wait_for_workers", lambda *arguments, **options: time_out())
    empty = distributed.LocalCluster(n_workers=0, processes=False, protocol="tcp://", dashboard_address=":0")
    with empty, pytest.raises(UserError, match="the scheduler has no workers: start some with `dask worker tcp://"):
        next(map_items(str, {"one": 1}, WorkerPool(dask=empty.scheduler_address)))


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"--dask needs the package distributed: pip install 'idfree\[dask\]'"):
        next(map_items(str, {"one": 1}, WorkerPool(dask="tcp://127.0.0.1:1")))
