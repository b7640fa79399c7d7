"""A growing file is written by one process at a time; one that was killed does not block it."""

import os
import signal
import subprocess
import sys

import pytest

from idfree.core import file_lock
from idfree.core.errors import UserError
from idfree.core.growing_file import GrowingFile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files are not locked on Windows")

WRITER = """
import sys, time
from idfree.core.growing_file import GrowingFile
file = GrowingFile(__import__("pathlib").Path(sys.argv[1]))
file.append(b"half")
print("begun", flush=True)
time.sleep(600)
"""


@pytest.fixture
def other(start, tmp_path):
    """A process that writes a.txt and does not end."""
    process = start([sys.executable, "-c", WRITER, tmp_path / "a.txt"], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    return process


def test_a_file_that_another_process_writes_is_refused_and_unharmed(other, tmp_path):
    with pytest.raises(UserError, match=r"a\.txt is being written by another run") as caught:
        GrowingFile(tmp_path / "a.txt")
    if file_lock.LOCKS.is_file():
        assert f"(process {other.pid})" in str(caught.value)
    assert (tmp_path / "a.txt.partial").read_bytes() == b"half"


def test_a_killed_process_does_not_block(other, tmp_path):
    other.send_signal(signal.SIGKILL)
    other.wait()
    file = GrowingFile(tmp_path / "a.txt")
    file.append(b"whole")
    file.finish()
    assert (tmp_path / "a.txt").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("end", ["finish", "discard"])
def test_a_file_that_is_renamed_or_deleted_before_it_is_locked_is_not_written(tmp_path, monkeypatch, end):
    """As when another process ends just then: its result stays whole."""
    first = GrowingFile(tmp_path / "a.txt")
    first.append(b"first")

    def end_first(file):
        if not first.file.closed:
            getattr(first, end)()
        return file_lock.try_to_lock(file)

    monkeypatch.setattr("idfree.core.growing_file.try_to_lock", end_first)
    second = GrowingFile(tmp_path / "a.txt")
    written = tmp_path / "a.txt"
    assert (written.read_bytes() if written.exists() else b"") == (b"first" if end == "finish" else b"")
    second.append(b"second")
    second.finish()
    assert written.read_bytes() == b"second"


def test_an_interruption_while_it_is_opened_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("idfree.core.growing_file.file_identity", interrupt)
    with pytest.raises(KeyboardInterrupt):
        GrowingFile(tmp_path / "a.txt")
    assert not [*tmp_path.iterdir()]


def test_file_systems_without_locks_are_written_all_the_same(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(file_lock.fcntl, "flock", no_locks)
    GrowingFile(tmp_path / "a.txt").discard()
    monkeypatch.setattr(file_lock, "LOCKS", tmp_path / "missing")
    with (tmp_path / "b").open("wb") as file:
        assert file_lock.process_with_lock(file) is None
