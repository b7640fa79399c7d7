"""Wrappers that also report lost tracks, round any tracker with a motion model; and the "keep predicting" baseline."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Detections, DetectionsLike, Floats, Integers, Tracks, View
from idfree.trackers.tracker import Tracker

PREDICTED_SCORE = 0.0  # of boxes that no detector found, as of the rows that `refine` fills in


@dataclass
class Reported:
    """ids: of all tracks that were reported so far and still live, ascending. count: boxes added since the reset."""

    ids: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    count: int = 0


class LostTracks:
    """A tracker whose reports are added to; whatever else is asked for is the tracker's own.

    Added boxes have the score PREDICTED_SCORE and detection −1. Raises UserError for a tracker without motion model.
    """

    adds = "predicted"  # what the added boxes are, for summaries

    def __init__(self, tracker: Tracker):
        if not hasattr(tracker, "motion") or not hasattr(tracker.tracks, "state"):
            raise UserError(f"{type(tracker).__name__} has no motion model: lost tracks cannot be predicted; use fused")
        if getattr(tracker, "second", None) is not None:
            raise UserError(
                "reassociate=true: its tracks are DeepSORT's, which are not predicted: leave one of both out"
            )
        self.tracker = tracker
        self.reported = Reported()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["tracker"], name)

    @property
    def class_agnostic(self) -> bool:
        """That of the tracker, see `Tracker`."""
        return self.tracker.class_agnostic

    @class_agnostic.setter
    def class_agnostic(self, value: bool) -> None:
        self.tracker.class_agnostic = value

    @property
    def detected_boxes(self) -> bool:
        """That of the tracker, see `Tracker`."""
        return self.tracker.detected_boxes

    @detected_boxes.setter
    def detected_boxes(self, value: bool) -> None:
        self.tracker.detected_boxes = value

    def own_settings(self) -> dict[str, Any]:
        """Settings of the wrapper, as `name=value` of `idfree track`."""
        raise NotImplementedError

    def reset(self) -> None:
        """Restore the state of a new instance."""
        self.tracker.reset()
        self.reported = Reported()

    def update(self, evidence: View | DetectionsLike) -> Tracks:
        """As `Tracker.update`, with boxes of lost tracks."""
        view = evidence if isinstance(evidence, View) else View(Detections.convert(evidence))
        tracks = self.tracker.update(view)
        rows, boxes = self.find(self.lost_rows(tracks), tracks, view)
        known = np.union1d(self.reported.ids, tracks.id)
        self.reported.ids = np.intersect1d(known, self.tracker.tracks.id)
        self.reported.count += len(rows)
        own = tracks[~np.isin(tracks.id, self.tracker.tracks.id[rows])] if len(rows) else tracks
        return append_rows(own, self.tracker, rows, boxes)

    def lost_rows(self, tracks: Tracks) -> Integers:
        """Rows of the tracks that were reported before, and are not in this frame."""
        ids = self.tracker.tracks.id
        return np.flatnonzero(np.isin(ids, self.reported.ids) & ~np.isin(ids, tracks.id))

    def find(self, rows: Integers, tracks: Tracks, view: View) -> tuple[Integers, Floats]:
        """Which of the lost tracks `rows` to report, and their boxes (R, 4). tracks: those reported already."""
        raise NotImplementedError

    def predicted(self, rows: Integers) -> Floats:
        """Predicted boxes (R, 4) of tracks `rows` in this frame."""
        boxes: Floats = self.tracker.motion.to_boxes(self.tracker.tracks.state[rows])
        return boxes

    def lost_seconds(self, rows: Integers) -> Floats:
        """Time (R,) since the last detection; frames in which a track was found again do not count."""
        return np.asarray((self.tracker.now - self.tracker.tracks.last_seen[rows]) / self.tracker.frame_rate)


class KeepPredicting(LostTracks):
    """Lost tracks are reported at their predicted boxes for `seconds`, while their centres lie in the image.

    They end with the tracker's own patience. Raises UserError if that is shorter.
    """

    def __init__(self, tracker: Tracker, seconds: float):
        super().__init__(tracker)
        self.seconds = seconds
        if (patience := tracker.settings.patience) < seconds:
            raise UserError(
                f"predict={seconds:g}: {type(tracker).__name__} keeps a lost track for {patience:.3g} s only; "
                f"set patience={seconds:g}, too"
            )

    def own_settings(self) -> dict[str, Any]:
        """`predict`, in seconds."""
        return {"predict": self.seconds}

    def find(self, rows: Integers, tracks: Tracks, view: View) -> tuple[Integers, Floats]:
        """The predictions of tracks that are lost for no longer than `seconds`, in the image."""
        boxes = self.predicted(rows)
        keep = (self.lost_seconds(rows) <= self.seconds + 1e-9) & is_in_image(boxes, view)
        return rows[keep], boxes[keep]


def layers(tracker: Tracker | LostTracks) -> tuple[Tracker, list[LostTracks]]:
    """The tracker itself, and the wrappers round it."""
    wrappers = []
    while isinstance(tracker, LostTracks):
        wrappers.append(tracker)
        tracker = tracker.tracker
    return tracker, wrappers


def is_in_image(boxes: Floats, view: View) -> Any:
    """Mask (N,) of the boxes whose centre lies in the image, as far as its size is known."""
    size_hw = view.size_hw or (view.frame.image.shape[:2] if view.frame and view.frame.image is not None else None)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if size_hw is not None:
        inside &= ((centre >= 0) & (centre < [size_hw[1], size_hw[0]])).all(axis=1)
    return inside


def append_rows(tracks: Tracks, tracker: Tracker, rows: Integers, boxes: Floats) -> Tracks:
    """The tracks with the rows of the tracker's table added, at these boxes (R, 4), marked as not detected."""
    if not len(rows):
        return tracks
    added = tracker.tracks.report(rows, boxes)
    return Tracks(
        np.concatenate([tracks.xyxy, added.xyxy]),
        np.concatenate([tracks.id, added.id]),
        np.concatenate([tracks.score, np.full(len(rows), PREDICTED_SCORE)]),
        np.concatenate([tracks.class_id, added.class_id]),
        np.concatenate([tracks.detection, np.full(len(rows), -1)]),
    )
