"""Order of the processes of a distributed run, without any."""

import pytest

pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.parallel import Distributed


@pytest.mark.parametrize(("rank", "order"), [(0, ["block", ""]), (1, ["", "block"])])
def test_the_main_process_goes_first(rank, order, monkeypatch):
    done = []
    monkeypatch.setattr(Distributed, "from_main", lambda self, text="": done.append(text) or text)
    with Distributed(rank, 2).main_first():
        done.append("block")
    assert done == order


def test_an_error_of_the_main_process_is_told_to_the_others(monkeypatch):
    told = []
    monkeypatch.setattr(Distributed, "from_main", lambda self, text="": told.append(text) or text)
    with pytest.raises(OSError, match="full"), Distributed(0, 2).main_first():
        raise OSError("full")
    assert told == ["full"]


def test_others_do_not_go_on_without_the_main_process(monkeypatch):
    monkeypatch.setattr(Distributed, "from_main", lambda self, text="": "full")
    with pytest.raises(UserError, match="process 0 of 2 failed: full"), Distributed(1, 2).main_first():
        pytest.fail("ran the block")


def test_processes_that_have_ended_do_not_hide_the_error(monkeypatch):
    def closed(*_):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(Distributed, "from_main", closed)
    with pytest.raises(OSError, match="full"), Distributed(0, 2).main_first():
        raise OSError("full")
