"""Class-agnostic tracking: objects are associated whatever their class, which is voted over time.

Detectors call one object a car in this frame and a truck in the next; with classes apart, each change ends a track.
"""

from dataclasses import replace

import numpy as np

from idfree.core.types import Detections, Integers, Tracks


class ClassVote:
    """The sum of the scores of each track's detections, by class; the class with the greatest sum is the track's."""

    def __init__(self) -> None:
        self.score_sums: dict[int, dict[int, float]] = {}  # by id, then by class

    def without_classes(self, detections: Detections) -> Detections:
        """The detections, all of one class."""
        return replace(detections, class_id=np.zeros(len(detections), dtype=np.int64))

    def count(self, tracks: Tracks, detections: Detections) -> Tracks:
        """Add the votes of a frame; return its tracks with the classes voted so far.

        detections: of the frame, as they were before `without_classes`; tracks.detection are their rows.
        """
        for identity, row in zip(tracks.id.tolist(), tracks.detection.tolist(), strict=True):
            if row >= 0:
                sums = self.score_sums.setdefault(identity, {})
                class_id = int(detections.class_id[row])
                sums[class_id] = sums.get(class_id, 0.0) + float(detections.score[row])
        voted = [self.winner(identity) for identity in tracks.id.tolist()]
        return replace(tracks, class_id=np.array(voted, dtype=np.int64))

    def winner(self, identity: int) -> int:
        """The class of greatest sum; of equal ones the lowest; 0 if nothing was counted."""
        sums = self.score_sums.get(identity, {0: 0.0})
        return min(sums, key=lambda class_id: (-sums[class_id], class_id))

    def keep(self, ids: Integers) -> None:
        """Forget all tracks but these."""
        kept = set(ids.tolist())
        self.score_sums = {identity: sums for identity, sums in self.score_sums.items() if identity in kept}
