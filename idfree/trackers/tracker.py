"""Base class of trackers: `update` with one frame after the other, `reset`, invalid boxes, ids and time."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from idfree.core.detections import warn_of_inverted
from idfree.core.types import Detections, DetectionsLike, Floats, Frame, Integers, Tracks, View
from idfree.trackers.association import Matches
from idfree.trackers.class_vote import ClassVote
from idfree.trackers.public_detections import rows_near
from idfree.trackers.track_table import TrackTable

SearchRanges = dict[str, tuple[float, float]]  # least and greatest value of each setting that `idfree tune` searches


class Tracker(ABC):
    """Base class of trackers. An instance owns its tracks and ids; `reset` restores the state of a new instance.

    Counted since the last reset: dropped, invalid boxes (not finite, without area, outside the image); tracks_started;
    match_counts, matches by deciding cue ("appearance" or "overlap").

    Time is counted in frames of the source: `elapsed` since the last update, `now` since the first. `elapsed` is 1
    unless frames were skipped or dropped, or have uneven time stamps, according to the View's frame.

    class_agnostic: associate detections whatever their class, and report the class voted by a track's detections.
    detected_boxes: report the detections' boxes in place of the tracker's estimates. Both may be set before the first
    frame, and stay as they are at `reset`.
    """

    settings: Any  # the tracker's settings dataclass
    tracks: Any  # a TrackTable with columns of the tracker's own
    class_agnostic = False
    detected_boxes = False
    uses_embeddings = False
    uses_refiner = False  # its Views must have one
    published_threshold: float | None = None  # cosine distance, for the authors' encoder; None: it has none

    def __init__(self, frame_rate: float) -> None:
        self.frame_rate = frame_rate
        self.reset()

    def reset(self) -> None:
        """Restore the state of a new instance: the next frame is the first, the next id 1."""
        self.frame = 0
        self.now, self.elapsed = 0.0, 1.0
        self.previous_frame: Frame | None = None
        self.tracks_started = 0
        self.dropped = 0
        self.match_counts: Counter[str] = Counter()
        self.public: Floats | None = None
        self.match_threshold: float | None = None
        self.upper_threshold: float | None = None
        self.class_vote = ClassVote()
        self.clear()

    def update(self, evidence: View | DetectionsLike) -> Tracks:
        """Track one frame: return its tracks, given its detections. Call it for frames without detections, too.

        evidence: a View, or anything that `Detections.convert` accepts: Detections, an array (N, 4 to 6) of
        x1, y1, x2, y2[, score[, class]], supervision.Detections, or None. Raises UserError for anything else.
        Invalid boxes are dropped and counted in `dropped`; a warning says if they look like x, y, width, height.
        """
        if isinstance(evidence, View):
            view = evidence
        else:
            view = View(Detections.convert(evidence))
            warn_of_inverted(view.detections.xyxy)
        embedding = view.detections.embedding if self.uses_embeddings else None
        detections = replace(view.detections, embedding=embedding, row=np.arange(len(view.detections)))
        is_valid = detections.valid_mask(view.size_hw)
        self.dropped += len(is_valid) - int(np.count_nonzero(is_valid))
        self.frame += 1
        self.advance_clock(view.frame)
        self.public = view.public
        self.match_threshold, self.upper_threshold = view.match_threshold, view.upper_threshold
        self.tracks.detection[:] = -1
        usable = detections.select(is_valid).with_finite_embeddings()
        if self.class_agnostic:
            usable = self.class_vote.without_classes(usable)
        return self.finish(self.step(usable, view), view.detections)

    def finish(self, tracks: Tracks, detections: Detections) -> Tracks:
        """The tracks of a frame with voted classes and detected boxes, if wanted. detections: all of the frame."""
        if self.class_agnostic:
            self.class_vote.keep(self.tracks.id)
            tracks = self.class_vote.count(tracks, detections)
        if self.detected_boxes:
            row = tracks.detection
            xyxy = np.where(row[:, None] >= 0, detections.xyxy[row], tracks.xyxy) if len(detections) else tracks.xyxy
            tracks = replace(tracks, xyxy=xyxy)
        return tracks

    def advance_clock(self, frame: Frame | None) -> None:
        """Set `elapsed` and `now` from the frame's time stamp if known, else from its number, else by one frame."""
        previous, self.previous_frame = self.previous_frame, frame
        self.elapsed = 1.0
        if frame is not None and previous is not None:
            self.elapsed = float(max(1, frame.number - previous.number))
            if frame.time is not None and previous.time is not None and frame.time > previous.time:
                self.elapsed = round((frame.time - previous.time) * self.frame_rate, 3)  # rounded: 1 is exactly 1
        self.now += self.elapsed

    def whole_frames(self, seconds: float, rounding: Callable[[float], Any] = np.round) -> float:
        """Number of source frames in `seconds`, rounded, but at least 1 unless `seconds` is 0; infinity stays."""
        if seconds <= 0:
            return 0.0
        return max(1.0, float(rounding(round(seconds * self.frame_rate, 6))))  # 0.29 s × 100 is 28.999999999999996

    @property
    def min_embedded_score(self) -> float:
        """Score above which the embeddings of detections are used."""
        return float("-inf")

    @property
    def distance_scale(self) -> float:
        """Factor of cosine distances that maps the encoder's match threshold to the tracker's published one.

        Encoders differ widely in the distances between people, so that a threshold calibrated for another encoder costs
        more than a worse encoder. 1 if the encoder is not calibrated.
        """
        return (
            self.published_threshold / self.match_threshold
            if self.published_threshold and self.match_threshold
            else 1.0
        )

    def new_matches(self, tracks: TrackTable, detections: Detections) -> Matches:
        """Matches between these tracks and detections, none yet."""
        return Matches(tracks.class_id, detections.class_id, self.match_counts)

    def new_ids(self, count: int) -> Integers:
        """Reserve `count` new ids (count,)."""
        self.tracks_started += count
        return np.arange(self.tracks_started - count + 1, self.tracks_started + 1)

    def startable(self, detections: Detections, new: Integers) -> Integers:
        """Of the detections `new`, those that may start a track: all, or those near public detections."""
        return new if self.public is None else new[rows_near(detections.xyxy[new], self.public)]

    @abstractmethod
    def clear(self) -> None:
        """Set `self.tracks` to an empty table."""

    @abstractmethod
    def step(self, detections: Detections, view: View) -> Tracks:
        """As `update`, with valid detections only."""
