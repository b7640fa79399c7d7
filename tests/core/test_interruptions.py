"""Signals within blocks that must not be interrupted."""

import os
import signal
import threading

import pytest

from idfree.core.command_line import run_command
from idfree.core.interruptions import deferred_interruptions


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_waits_for_the_end_of_the_block(number, status, capsys):
    done = []

    def command():
        with deferred_interruptions("the export"):
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            done.append("block")
        done.append("rest")

    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert run_command("program", command) == status
    assert done == ["block"]
    told = capsys.readouterr().err.splitlines()
    assert told == ["program: interrupted: ends after the export"] * 2 + ["program: interrupted"]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_signals_that_are_ignored_stay_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_interruptions("the export"):
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_have_no_signals():
    ran = []

    def run():
        with deferred_interruptions("the export"):
            ran.append(threading.current_thread().name)

    thread = threading.Thread(target=run, name="other")
    thread.start()
    thread.join()
    assert ran == ["other"]
