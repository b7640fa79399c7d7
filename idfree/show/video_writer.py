"""Annotated video out: H.264 in MP4 that plays in a browser while it loads."""

from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import whole
from idfree.core.types import Image

BT709 = 1  # colour primaries, transfer and matrix in ISO/IEC 23091-2: what browsers take an untagged video to be
LIMITED = 1  # FFmpeg's AVCOL_RANGE_MPEG: luma 16…235


@dataclass(frozen=True)
class VideoWriterSettings:
    crf: int = 23  # x264's default; 18 is nearly lossless, 28 small
    preset: str = "veryfast"  # x264's presets trade speed for bytes; its default is "medium"


class VideoWriter:
    """Writes BGR images of one size as an MP4 file, whole or not at all.

    `with VideoWriter(path, frame_rate, size_hw) as video: video.write(image)`. An odd width or height gets one more
    column or row (yuv420p needs even ones), a copy of the last. An exception inside the block leaves no file.
    """

    def __init__(
        self, path: Path | str, frame_rate: float, size_hw: tuple[int, int], settings: VideoWriterSettings | None = None
    ):
        self.path = Path(path)
        self.frame_rate = Fraction(frame_rate).limit_denominator(1001)  # 29.97002997… is 30000/1001
        self.size_hw = size_hw
        self.settings = settings or VideoWriterSettings()
        self.written = 0

    def __enter__(self) -> "VideoWriter":
        import av

        with ExitStack() as stack:
            partial = stack.enter_context(whole(self.path))
            self.container = stack.enter_context(av.open(str(partial), "w", options={"movflags": "+faststart"}))
            stack.push(self.flush)
            options = {"crf": str(self.settings.crf), "preset": self.settings.preset}
            self.stream = self.container.add_stream("libx264", rate=self.frame_rate, options=options)
            self.stream.height, self.stream.width = (side + side % 2 for side in self.size_hw)
            self.stream.pix_fmt = "yuv420p"
            self.stream.color_primaries = self.stream.color_trc = self.stream.colorspace = BT709
            self.stream.color_range = LIMITED
            self.unwind = stack.pop_all().__exit__
        return self

    def write(self, bgr: Image) -> None:
        """Append one image (H, W, 3) BGR. Raises UserError where it has another size than the video."""
        import av

        if bgr.shape[:2] != self.size_hw:
            (height, width), (video_height, video_width) = bgr.shape[:2], self.size_hw
            raise UserError(f"{self.path}: a frame of {width}×{height} in a video of {video_width}×{video_height}")
        odd_height, odd_width = (side % 2 for side in self.size_hw)
        if odd_height or odd_width:
            bgr = np.pad(bgr, ((0, odd_height), (0, odd_width), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24")
        yuv = frame.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED)
        self.container.mux(self.stream.encode(yuv))
        self.written += 1

    def flush(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what the encoder still holds back, unless an exception is on its way."""
        if kind is not None:
            return
        if not self.written:
            raise UserError(f"cannot write {self.path}: there was no frame to write")
        self.container.mux(self.stream.encode())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.unwind(kind, error, traceback)
