"""Video encoder: H.264 in MP4 that plays in a browser while it loads."""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.types import Image

BT709 = 1  # colour primaries, transfer and matrix in ISO/IEC 23091-2: what browsers take an untagged video to be
LIMITED = 1  # FFmpeg's AVCOL_RANGE_MPEG: luma 16…235

MAX_FRAME_RATE = 10_000  # per second
MIN_TICK_RATE = 90_000  # ticks per second, or per step if that is longer, of a video with time stamps; as in MPEG
MAX_DURATION = 3600  # seconds of a frame; longer pauses are shortened
MAX_TICKS = 2**28  # of a frame; MP4 has 31 bits for the time from decoding a frame to displaying a later one
MIN_TIMESCALE = 20_000  # FFmpeg multiplies the ticks per second of MP4 until they are 10,000 to 20,000 or more


@dataclass(frozen=True)
class VideoWriterSettings:
    """Settings of the encoder x264. Studies: docs/video.md."""

    crf: int = 26  # x264's rate factor: 18 is nearly lossless, 30 small; at this preset, 26 is as good as 23 usually is
    preset: str = "ultrafast"  # x264's presets trade speed for bytes; its default is "medium"
    params: str = "cabac=1:no-deblock=0"  # on top of the preset: little time, fewer bytes and no blocks


class VideoWriter:
    """Writes BGR images of one size as an MP4 file, whole or not at all.

    `with VideoWriter(path, frame_rate, size_hw) as video: video.write(image)`. An odd width or height gets one more
    column or row (yuv420p needs even ones), a copy of the last. An exception inside the block leaves no file.
    timed: frames are shown at the times given to `write`, to 1/90000 of a second, or of a step where that is longer;
    else each lasts a whole number of steps of the frame rate. Raises UserError for a frame rate that cannot be.
    """

    def __init__(
        self,
        path: Path | str,
        frame_rate: float,
        size_hw: tuple[int, int],
        settings: VideoWriterSettings | None = None,
        timed: bool = False,
    ):
        self.path = Path(path)
        self.frame_rate = rational_rate(frame_rate, self.path)
        finer = math.ceil(MIN_TICK_RATE * min(1.0, float(self.frame_rate)) / self.frame_rate.numerator)
        self.step = finer * self.frame_rate.denominator if timed else 1  # in ticks
        self.ticks = self.frame_rate * self.step  # per second
        longest = min(MAX_DURATION, MAX_TICKS / max(self.ticks.numerator, MIN_TIMESCALE))
        self.longest = max(1, int(longest * self.ticks))  # ticks from one frame to the next
        self.first_time: float | None = None
        self.shown_at = -self.step  # when the last frame is shown, in ticks
        self.size_hw = size_hw
        self.settings = settings or VideoWriterSettings()
        self.written = 0

    def __enter__(self) -> "VideoWriter":
        """Open the file and the encoder. Raises UserError if the file cannot be written."""
        import av
        from av.video.reformatter import VideoReformatter

        with ExitStack() as stack:
            partial = stack.enter_context(atomic_write(self.path))
            self.container = stack.enter_context(av.open(f"file:{partial}", "w", options={"movflags": "+faststart"}))
            stack.push(self.flush)
            options = {"crf": str(self.settings.crf), "preset": self.settings.preset}
            options["x264-params"] = self.settings.params
            if self.step > 1:  # of irregular frames decoded ahead, FFmpeg writes a wrong duration
                options["bf"] = "0"
            self.stream = self.container.add_stream("libx264", rate=self.frame_rate, options=options)
            self.stream.height, self.stream.width = (side + side % 2 for side in self.size_hw)
            self.stream.codec_context.time_base = 1 / self.ticks
            self.stream.pix_fmt = "yuv420p"
            self.stream.color_primaries = self.stream.color_trc = self.stream.colorspace = BT709
            self.stream.color_range = LIMITED
            self.reformatter = VideoReformatter()  # one for all images keeps its tables
            self.unwind = stack.pop_all().__exit__
        return self

    def write(self, bgr: Image, time: float | None = None) -> None:
        """Append one image (H, W, 3) BGR, shown at `time` in seconds, or one step after the last.

        The first one is shown at once, whatever its time. Raises UserError if it has another size than the video.
        """
        import av

        if bgr.shape[:2] != self.size_hw:
            (height, width), (video_height, video_width) = bgr.shape[:2], self.size_hw
            raise UserError(f"{self.path}: a frame of {width}×{height} in a video of {video_width}×{video_height}")
        odd_height, odd_width = (side % 2 for side in self.size_hw)
        if odd_height or odd_width:
            bgr = np.pad(bgr, ((0, odd_height), (0, odd_width), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(bgr), format="bgr24")  # without a copy
        colours = {"dst_colorspace": BT709, "dst_color_range": LIMITED}
        yuv = self.reformatter.reformat(frame, format="yuv420p", interpolation="BILINEAR", **colours)
        yuv.pts, yuv.time_base = self.next_tick(time), 1 / self.ticks
        self.container.mux(self.stream.encode(yuv))
        self.written += 1

    def next_tick(self, time: float | None) -> int:
        """Time stamp of the next frame in ticks since the first, always later than that of the last one."""
        if time is not None and self.first_time is None:
            self.first_time = time - (self.shown_at + self.step) / float(self.ticks)
        if time is None or self.first_time is None:
            self.shown_at += self.step
        else:
            tick = max(self.shown_at + 1, round((time - self.first_time) * self.ticks))
            if tick > self.shown_at + self.longest:
                self.first_time += (tick - self.shown_at - self.longest) / float(self.ticks)
                tick = self.shown_at + self.longest
            self.shown_at = tick
        return self.shown_at

    def flush(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the frames that the encoder has buffered, unless an exception ended the block."""
        if kind is not None:
            return
        if not self.written:
            raise UserError(f"cannot write {self.path}: there was no frame to write")
        self.container.mux(self.stream.encode())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write what is buffered and close the file; after an exception, leave no file."""
        self.unwind(kind, error, traceback)


def rational_rate(frame_rate: float, path: Path) -> Fraction:
    """A frame rate as a fraction, at least 1 / MAX_DURATION: 29.97002997… is 30000/1001. Raises UserError."""
    if not 0 < frame_rate <= MAX_FRAME_RATE:  # also False for NaN
        raise UserError(f"cannot write {path} with {frame_rate:g} frames per second: expected 0 to {MAX_FRAME_RATE}")
    if frame_rate < 1:
        return 1 / Fraction(min(MAX_DURATION, 1 / frame_rate)).limit_denominator(1001)
    return Fraction(frame_rate).limit_denominator(1001)
