"""Named pipes as files that are read once."""

import logging
import os
import threading

import pytest

from idfree.core import pipes
from idfree.core.errors import UserError
from idfree.core.pipes import PipeReader, is_pipe, read_bytes

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.fixture
def pipe(tmp_path, monkeypatch):
    """A pipe; readers say at once that they wait."""
    monkeypatch.setattr(pipes, "SILENCE", 0.001)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


class Writer(threading.Thread):
    """Writes into a pipe as soon as a reader has said that it waits."""

    def __init__(self, path, content):
        super().__init__()
        self.path, self.content, self.waiting = path, content, threading.Event()
        handler = logging.Handler()
        handler.emit = lambda record: self.waiting.set()
        self.handler = handler

    def run(self):
        assert self.waiting.wait(300)
        self.path.write_bytes(self.content)

    def __enter__(self):
        logging.getLogger("idfree").addHandler(self.handler)
        self.start()
        return self

    def __exit__(self, *_):
        logging.getLogger("idfree").removeHandler(self.handler)
        self.join()


def test_reading_waits_for_a_writer_and_says_so(pipe, caplog):
    content = bytes(range(256)) * 1000
    with Writer(pipe, content):
        assert read_bytes(pipe) == content
    assert [record.getMessage() for record in caplog.records] == [
        f"{pipe} is a pipe: waiting for somebody to write into it"
    ]


def test_a_writer_without_a_word_is_an_empty_file(pipe):
    with Writer(pipe, b""):
        assert read_bytes(pipe) == b""


def test_what_is_a_pipe(pipe, tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert is_pipe(pipe)
    assert not any(is_pipe(path) for path in (tmp_path, tmp_path / "file", tmp_path / "none", "a\0b"))
    assert read_bytes(tmp_path / "file") == b"abc"
    with pytest.raises(UserError, match=r"cannot read .*none: No such file"):
        PipeReader(tmp_path / "none")


def test_an_interrupt_while_reading_is_kept_for_the_caller(pipe, monkeypatch):
    """FFmpeg, which calls `read`, would swallow it."""
    monkeypatch.setattr(PipeReader, "wait_for_data", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    reader = PipeReader(pipe)
    assert (reader.read(), reader.interrupted) == (b"", True)
    monkeypatch.setattr(PipeReader, "wait_for_data", lambda self: pytest.fail("waits again"))
    assert reader.read() == b""
    reader.close()
    reader.close()
    monkeypatch.setattr(PipeReader, "wait_for_data", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        read_bytes(pipe)
