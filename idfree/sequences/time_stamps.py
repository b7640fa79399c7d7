"""Frame rate and time stamps of a video, measured on its packets.

The rate that containers declare may be an average, that of their own clock (1000 for the milliseconds of WebM), wrong,
or missing.
"""

import logging
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from idfree.core.types import FRAME_RATES, Floats
from idfree.sequences.ffmpeg import demux_packets, is_shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

LOG = logging.getLogger("idfree")

FRAME_RATE = 30.0  # per second, if unknown: that of most sequences of MOT16 to MOT20
PAUSE = 10.0  # × the median step: longer steps are pauses, and do not count in the rate
CUT_OFF = 1.0  # seconds that a file may end earlier than it declares: last frames are shown for unlike times
RATE_TOLERANCE = 0.02  # relative difference up to which two frame rates are the same
DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # Matroska's tag of a stream, HH:MM:SS.nnnnnnnnn
MICROSECONDS = 1e6  # in a second: the unit of a container's duration (AV_TIME_BASE)
RAW_FORMATS = ("h264", "hevc", "m4v", "mpegvideo", "mjpeg", "vvc", "obu")  # FFmpeg's; they have no time stamps


@dataclass(frozen=True)
class StampTable:
    """Time stamps of the displayed frames, in display order.

    seconds: (K,) on the container's clock, not sorted where that was set back. tick: of that clock, in seconds.
    frames: number of frames that there are, K if each has a stamp. missing: at the end of a truncated file.
    """

    seconds: Floats
    tick: float
    frames: int
    missing: int = 0

    @property
    def length(self) -> int:
        """Number of frames, with those that are missing."""
        return self.frames + self.missing


@dataclass(frozen=True)
class Timing:
    """Frame rate and times of the frames of a video.

    times: (length,) seconds since the first frame; None if the rate is constant: (n − 1) / frame_rate. stamped: the
    stamps of frames can be used. slack: rounding error of stamps, in seconds.
    """

    frame_rate: float
    times: Floats | None = None
    stamped: bool = False
    slack: float = 0.0


class FrameClock:
    """Converts the time stamps of decoded frames, in display order, to seconds since the first frame, as Timing.times.

    Stamps of a constant rate lose the rounding of the container's clock. A clock that was set back goes on one frame
    later. Frames without a stamp have the time of their number.
    """

    def __init__(self, timing: Timing):
        self.timing = timing
        self.offset: float | None = None
        self.last = 0.0

    def __call__(self, number: int, stamp: float | None) -> float:
        """Seconds of frame `number`; stamp: the one of the container, None if it has none."""
        rate, times = self.timing.frame_rate, self.timing.times
        by_number = (number - 1) / rate if times is None or number > len(times) else float(times[number - 1])
        if stamp is None or not self.timing.stamped:
            return by_number
        if self.offset is None:
            self.offset = by_number - stamp
        if stamp + self.offset < self.last - self.timing.slack:
            self.offset = self.last + 1 / rate - stamp
        self.last = max(self.last, stamp + self.offset)
        even = round(self.last * rate) / rate
        return even if times is None and abs(self.last - even) <= self.timing.slack else self.last


def indexed_stamps(stream: "VideoStream") -> StampTable | None:
    """Decoding times from the container's index, which MP4 and AVI files have; None if it is not complete."""
    index = getattr(stream, "index_entries", ())  # since PyAV 17
    if not stream.frames or len(index) != stream.frames or stream.time_base is None:
        return None
    shown = np.array([entry.timestamp for entry in index if entry.size and not entry.is_discard], dtype=np.float64)
    tick = float(stream.time_base)
    return StampTable(shown * tick, tick, len(shown))


def read_stamps(stream: "VideoStream", is_whole: bool) -> StampTable:
    """Time stamps of all packets, read without decoding. is_whole: what is missing in an AVI are repeated frames."""
    table = stamps_of(stream, demux_packets(stream))
    declared = declared_length(stream)
    if stream.container.format.name == "avi":  # repeated frames have no packets, only a place in time
        places = round(float(np.ptp(table.seconds)) / table.tick) + 1 if len(table.seconds) else 0
        declared = 0 if is_whole else declared - max(0, places - table.frames)
    return StampTable(table.seconds, table.tick, table.frames, max(0, declared - table.frames))


def stamps_of(stream: "VideoStream", packets: "Iterable[Packet[VideoStream]]", partial: bool = False) -> StampTable:
    """Time stamps of packets. Where AVI has no display times, those of decoding, which are as far apart.

    partial: more packets follow, so that frames shown after the last decoding time may lack some between them.
    """
    shown = [(p.dts, p.dts if p.pts is None else p.pts) for p in packets if is_shown(p)]
    decoding, display = np.array(shown, dtype=np.float64).reshape(-1, 2).T  # None becomes NaN
    order = np.flatnonzero(np.isfinite(decoding))
    set_back = order[1:][np.diff(decoding[order]) < 0]  # files strung together
    segment = np.searchsorted(set_back, np.arange(len(shown)), side="right")
    order = np.lexsort((display, segment))
    tick = float(stream.time_base or 0)
    if partial and len(shown) and np.isfinite(decoding[-1]):
        order = order[display[order] <= decoding[-1]]
        return StampTable(display[order] * tick, tick, len(order))
    return StampTable(display[order][np.isfinite(display[order])] * tick, tick, len(shown))


def declared_length(stream: "VideoStream") -> int:
    """Number of displayed frames according to the container (without those hidden by an edit list), 0 if unknown."""
    index = getattr(stream, "index_entries", ())
    return max(stream.frames - sum(bool(entry.is_discard) for entry in index), 0)


def declared_end(stream: "VideoStream") -> float:
    """Seconds at which the stream ends according to a header of Matroska, WebM or FLV, 0 if unknown.

    They declare no number of frames. FLV has one duration for all its streams.
    """
    if match := DURATION.match(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(float, match.groups())
        return 3600 * hours + 60 * minutes + seconds
    container = cast("InputContainer", stream.container)
    is_alone = container.format.name == "flv" and len(container.streams) == 1
    return (container.duration or 0) / MICROSECONDS if is_alone else 0.0


def warn_of_cut_off(stream: "VideoStream", stamps: StampTable, path: Path | str) -> None:
    """Log a warning if the last frame comes much earlier than the end that the file declares."""
    end, last = declared_end(stream), float(stamps.seconds.max(initial=0))
    if last < end - CUT_OFF:
        warn(path, f"declares {end:.4g} s, but its last frame is at {last:.4g} s: was it cut off?")


def declared_rates(stream: "VideoStream") -> tuple[float | None, float | None]:
    """The rate that the file declares, and FFmpeg's guess, which may be the container's tick; None if there is none."""
    declared, guess = stream.average_rate, stream.guessed_rate
    if stream.container.format.name in RAW_FORMATS:  # FFmpeg's default; the codec's header may know better
        declared, guess = stream.codec_context.framerate, stream.average_rate
    return (float(declared) if declared else None), (float(guess) if guess else None)


def find_timing(stamps: StampTable, declared: float | None, guess: float | None, path: Path | str) -> Timing:
    """Frame rate and times of a video. The logger "idfree" warns of what the file says wrongly, or not at all.

    A declared or guessed rate that agrees with the time stamps is kept, because it is exact.
    """
    measured = [rate for rate in measured_rates(np.diff(stamps.seconds)) if is_plausible(rate)]
    stated = [rate for rate in (declared, guess) if rate is not None and is_plausible(rate)]
    if not measured:
        rate = stated[0] if stated else FRAME_RATE
        if stamps.length > 1 and rate != declared:
            fault = f"declares {declared:.6g} frames/s" if declared else "has neither a frame rate nor time stamps"
            warn(path, f"{fault}: taken as {rate:g} frames/s; --fps overrules")
        return Timing(rate)
    tolerance = RATE_TOLERANCE + 2 * stamps.tick / float(np.ptp(stamps.seconds))
    rate = next((s for s in stated if min(abs(s / m - 1) for m in measured) <= tolerance), measured[0])
    if declared is not None and abs(rate / declared - 1) > tolerance:
        warn(path, f"declares {declared:.6g} frames/s, its time stamps say {rate:.4g}: used; --fps overrules")
    if len(stamps.seconds) < stamps.frames:
        return Timing(rate)
    slack = 1.5 * stamps.tick + 0.01 / rate
    return Timing(rate, variable_times(stamps, rate, slack), True, slack)


def measured_rates(steps: Floats) -> list[float]:
    """Frames per second by the mean step without pauses, and by the median one; [] if no time passes."""
    if not (steps > 0).any():
        return []
    median = float(np.median(steps[steps > 0]))
    kept = steps[(steps >= 0) & (steps <= PAUSE * median)]
    return [len(kept) / float(kept.sum()), 1 / median]


def variable_times(stamps: StampTable, rate: float, slack: float) -> Floats | None:
    """Seconds (length,) since the first frame, not decreasing; None if they fit a constant rate, up to `slack`."""
    seconds, steps = stamps.seconds, np.diff(stamps.seconds)
    deviation = seconds - seconds[0] - np.arange(len(seconds)) / rate
    if np.abs(deviation).max() <= slack:
        return None
    return np.cumsum([0.0, *np.where(steps < 0, 1 / rate, steps), *[1 / rate] * stamps.missing])


def is_plausible(frame_rate: float) -> bool:
    """Whether a number of frames per second is one that a camera could have (False for NaN)."""
    return FRAME_RATES[0] <= frame_rate <= FRAME_RATES[1]


@cache
def warn(path: Path | str, message: str) -> None:
    """Log a warning of a video once for each path, as it is opened several times in one run; the name is shown."""
    LOG.warning("%s %s", Path(path).name, message)
