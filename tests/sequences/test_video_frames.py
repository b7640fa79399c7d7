"""Frames of a video by number."""

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Frame, Sequence
from idfree.sequences import video_frames
from idfree.sequences.video_frames import VideoFrames


def test_the_video_is_read_again_only_for_earlier_frames(tmp_path, monkeypatch):
    """The video has frames 1, 2, 5 and 6: ascending requests read it once, going back reads it again."""
    readings = []

    def open_video(path):
        readings.append(path)
        frames = [Frame(n, np.full((1, 1, 3), n, np.uint8)) for n in (1, 2, 5, 6)]
        return Sequence("a", lambda: iter(frames))

    monkeypatch.setattr(video_frames, "open_video", open_video)
    frames, decoded = VideoFrames(tmp_path / "a.mp4"), []
    for number in range(1, 9):
        try:
            decoded.append(int(frames(number)[0, 0, 0]))
        except UserError as error:
            assert f"a.mp4: frame {number} cannot be decoded" in str(error)  # noqa: PT017
    assert decoded == [1, 2, 5, 6]
    assert len(readings) == 1
    assert [int(frames(number)[0, 0, 0]) for number in (2, 5)] == [2, 5]
    assert len(readings) == 2
