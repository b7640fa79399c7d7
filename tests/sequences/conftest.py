"""Small videos with time stamps of one's own."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


@pytest.fixture
def write_stamped(tmp_path) -> Callable[..., Path]:
    """Function that writes a video of grey frames, the level of frame n is 2n, with the given stamps in ticks.

    rate: what the encoder, and by it some containers, declare.
    """

    def write(
        name: str, codec: str, stamps: Sequence[int], ticks: int = 1000, rate: int | None = None, **options: str
    ) -> Path:
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream(codec, rate=rate or ticks, options=options)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.time_base = Fraction(1, ticks)
            for number, stamp in enumerate(stamps, 1):
                image = np.full((48, 64, 3), 2 * number % 256, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = int(stamp), Fraction(1, ticks)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return tmp_path / name

    return write
