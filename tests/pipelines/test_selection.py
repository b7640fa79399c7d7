"""Selection of frames: what is said of a start after the end."""

from idfree.core.types import Sequence
from idfree.pipelines.tracking.selection import Selection


def test_a_start_after_the_end_is_told(caplog):
    sequence = Sequence("street", lambda: iter(()), length=9)
    assert Selection(start=12).select_frames(sequence).count == 0
    assert "street: ends with frame 9: --start 12 leaves nothing of it" in caplog.text
