"""Detections computed before: from a file or an array."""

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Frame, View
from idfree.detectors.scores import Range, scale_scores

ALL = range(1, sys.maxsize)  # frame numbers of a whole sequence of any length


class PrecomputedDetector:
    """A detector that looks its boxes up by frame number; it needs no image.

    annotation: rows sorted by frame, with or without embeddings; a frame without rows gives an empty view.
    size_hw: (height, width) of the frames, if known. name: for reports.
    match_threshold, upper_threshold: of the embeddings, see View; None if not calibrated.
    frames: numbers of the frames on which the detector was run; any other frame is refused.
    score_range: the scores that are scaled to 0 and 1 before tracking, as trackers' thresholds lie in 0…1; None if no
    scaling is needed; "measured" computes it from these boxes (see `scale_scores`).
    is_network: they are the unthresholded output of a network, as `idfree detect` stores it. names: of the classes, by
    number.
    """

    needs_images = False

    def __init__(
        self,
        annotation: Annotation,
        size_hw: tuple[int, int] | None = None,
        name: str = "given",
        *,
        match_threshold: float | None = None,
        upper_threshold: float | None = None,
        frames: range = ALL,
        score_range: Range | Literal["measured"] | None = "measured",
        is_network: bool = False,
        names: Mapping[int, str] = MappingProxyType({}),
    ):
        self.annotation = annotation
        self.size_hw = size_hw
        self.name = name
        self.has_embeddings = annotation.embedding is not None
        self.match_threshold, self.upper_threshold = match_threshold, upper_threshold
        self.frames, self.is_network, self.names = frames, is_network, names
        self.score_range = scale_scores(annotation.score).range if score_range == "measured" else score_range

    def __call__(self, frame: Frame) -> View:
        """Boxes of a frame. Raises UserError if the detector was not run on that frame."""
        if self.frames != ALL and frame.number not in self.frames:
            raise UserError(
                f"frame {frame.number} has no detections: only frames {describe_frames(self.frames)} were processed:"
                f" add {frame_options(self.frames)}, or detect again without"
            )
        return View(
            self.annotation.detections_at(frame.number),
            frame,
            self.size_of(frame),
            match_threshold=self.match_threshold,
            upper_threshold=self.upper_threshold,
        )

    def size_of(self, frame: Frame) -> tuple[int, int] | None:
        """(height, width) of a frame, also of an image that is larger than the others of its sequence."""
        if self.size_hw is None or frame.image is None:
            return self.size_hw
        height, width = frame.image.shape[:2]
        return max(height, self.size_hw[0]), max(width, self.size_hw[1])


def describe_frames(frames: range) -> str:
    """Frame numbers as text, for example "1, 4, 7 … 100"."""
    first, last = ", ".join(map(str, frames[:3])), f" {frames[-1]}" if frames.stop < ALL.stop else ""
    return first if len(frames) <= 3 else f"{first} …{last}"


def frame_options(frames: range) -> str:
    """Command line options that select these frames."""
    options = {"start": (frames.start, 1), "every": (frames.step, 1)}
    options["frames"] = (len(frames) if frames.stop < ALL.stop else 0, 0)
    return " ".join(f"--{name} {value}" for name, (value, default) in options.items() if value != default)
