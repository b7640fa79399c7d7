"""Writing of tracks while they come."""

from types import SimpleNamespace

import pytest

from idfree.core.errors import UserError
from idfree.pipelines.tracking.run_counts import StageTimer
from idfree.pipelines.tracking.write_tracks import TrackWriter


def test_an_error_closes_the_frames():
    """Their threads were left in native code, and aborted the process when it ended."""
    closed = []

    def frames():
        try:
            yield 1, "tracks"
        finally:
            closed.append(True)

    def add(frame, tracks):
        raise UserError("no window")

    writer = TrackWriter.__new__(TrackWriter)
    writer.run, writer.results = SimpleNamespace(timer=StageTimer()), SimpleNamespace(add=add)
    with pytest.raises(UserError, match="no window") as kept:
        writer.write(frames(), None)
    assert (closed, kept.type) == ([True], UserError)
