"""Many items, worked on here, in processes, or on a Dask cluster of this machine: the same outcomes, whatever dies."""

import multiprocessing
import signal
import sys
from functools import partial

import pytest

from idfree.core import workers
from idfree.core.errors import MissingExtra, UserError
from idfree.core.workers import WorkerPool, map_items


@pytest.fixture(params=["here", "processes", "dask"])
def crew(request):
    if request.param == "dask":
        return WorkerPool(dask=request.getfixturevalue("cluster"))
    return WorkerPool(2 if request.param == "processes" else 1)


def told(function, items, crew):
    """The outcomes, errors as their text."""
    found = dict(map_items(function, items, crew))
    return {name: str(found[name]) if isinstance(found[name], UserError) else found[name] for name in items}


def test_each_item_has_its_outcome(tasks, crew):
    items = {"one": 1, "two": [2], "no": "refused", "gone": "missing", "large": "large"}
    found = told(tasks.double, items, crew)
    assert (found["one"], found["two"]) == (2, [2, 2])
    assert "needs the package torch: pip install 'idfree[train]'" in found["no"]
    assert "No such file" in found["gone"]
    assert "too little memory" in found["large"]


def test_no_items(tasks, crew):
    assert told(tasks.double, {}, crew) == {}


@pytest.mark.parametrize("crew", ["processes", "dask"], indirect=True)
def test_a_worker_killed_midway_costs_nothing(tasks, crew, tmp_path):
    names = ("a", "fragile", "b", "c")
    found = told(partial(tasks.die_once, str(tmp_path)), dict(zip(names, names, strict=True)), crew)
    assert found == {name: name.upper() for name in names}
    assert (tmp_path / "fragile.tried").exists()


def test_an_item_that_kills_its_workers_is_named(tasks, cluster):
    found = told(tasks.die, {"a": "a", "deadly": "deadly", "wrong": "wrong"}, WorkerPool(dask=cluster))
    assert found["a"] == "A"
    assert found["deadly"].startswith("workers died of it")
    assert found["wrong"] == "a mistake of idfree's own: ZeroDivisionError: a mistake"


def test_an_item_that_kills_its_processes_is_named_and_the_others_count(tasks, capfd):
    names = ("a", "deadly", "b", "wrong", "c")
    found = told(tasks.die, dict(zip(names, names, strict=True)), WorkerPool(2))
    assert [found[name] for name in "abc"] == ["A", "B", "C"]
    assert found["deadly"].startswith("its process died (SIGKILL), 2 times, perhaps of too little memory")
    assert found["wrong"].startswith("its process ended with exit status 1")
    assert "ZeroDivisionError: a mistake" in capfd.readouterr().err


def test_ctrl_c_is_not_for_the_processes(tasks):
    assert told(tasks.interrupt_itself, {"a": 1, "b": 2}, WorkerPool(2)) == {"a": 1, "b": 2}


def test_nobody_waits_for_what_is_under_way_when_interrupted(tasks, tmp_path):
    names = ("first", "second", "third")
    others = set(multiprocessing.active_children())  # the cluster's
    found = map_items(partial(tasks.wait_for, str(tmp_path)), dict(zip(names, names, strict=True)), WorkerPool(2))
    assert next(found) == ("first", None)
    (child,) = set(multiprocessing.active_children()) - others
    found.close()  # as an exception does, of whoever listens
    child.join()
    assert child.exitcode == -signal.SIGTERM


def test_crews_that_cannot_be(monkeypatch):
    with pytest.raises(UserError, match="--workers 0: expected 1 or more"):
        WorkerPool(0)
    with pytest.raises(UserError, match="say one"):
        WorkerPool(2, "tcp://there:8786")
    monkeypatch.setattr(workers, "PATIENCE", 0.1)
    with pytest.raises(UserError, match=r"--dask tcp://127\.0\.0\.1:1: no Dask scheduler answers there"):
        next(map_items(str, {"one": 1}, WorkerPool(dask="tcp://127.0.0.1:1")))
    with pytest.raises(UserError, match="--dask nonsense://x: no Dask scheduler"):
        next(map_items(str, {"one": 1}, WorkerPool(dask="nonsense://x")))


def test_a_scheduler_without_workers(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "PATIENCE", 0.2)
    empty = distributed.LocalCluster(n_workers=0, processes=False, protocol="tcp://", dashboard_address=":0")
    with empty, pytest.raises(UserError, match="the scheduler has no workers: start some with `dask worker tcp://"):
        next(map_items(str, {"one": 1}, WorkerPool(dask=empty.scheduler_address)))


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"--dask needs the package distributed: pip install 'idfree\[dask\]'"):
        next(map_items(str, {"one": 1}, WorkerPool(dask="tcp://127.0.0.1:1")))
