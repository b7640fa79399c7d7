"""Order of the processes of a distributed run, without any."""

import pytest

pytest.importorskip("torch")

from idfree.learn.parallel import Distributed


@pytest.mark.parametrize(("rank", "order"), [(0, ["block", "barrier"]), (1, ["barrier", "block"])])
def test_the_main_process_goes_first(rank, order, monkeypatch):
    done = []
    monkeypatch.setattr(Distributed, "barrier", lambda self: done.append("barrier"))
    with Distributed(rank, 2).main_first():
        done.append("block")
    assert done == order


def test_after_an_error_the_main_process_does_not_wait(monkeypatch):
    monkeypatch.setattr(Distributed, "barrier", lambda self: pytest.fail("waits for processes that wait for it"))
    with pytest.raises(OSError, match="full"), Distributed(0, 2).main_first():
        raise OSError("full")
