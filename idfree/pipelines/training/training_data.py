"""Labelled footage for training and validation: opened, with cached video frames, and identities by motion alone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.frame_cache import cache_images
from idfree.datasets.open_footage import open_all
from idfree.datasets.reid_crops import is_reid
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.labelling.label_sequence import label_sequence
from idfree.pipelines.labelling.motion_tracklets import find_rows
from idfree.pipelines.labelling.pseudolabels import LabelSettings
from idfree.pipelines.training.missing_images import drop_without_images
from idfree.pipelines.training.validate import footage_as_sequence, ground_truth_of

# For annotated boxes: each shows one person even where two overlap, unlike boxes of a detector.
LINK_SETTINGS = LabelSettings(max_overlap=1.0)

TERMS = "; terms of that footage apply"  # the end of the notice about training data

FrameProgress = Callable[[str, list[int]], Iterable[int]]  # (footage name, frame numbers) → the frame numbers


@dataclass(frozen=True)
class TrainingData:
    """Labelled data on disk, in any format of `open_footage`; half, images, identities: as in `train`.

    paths, val: to train and to validate on. settings: how they are read. labels: `name=value` overrides of
    LINK_SETTINGS, for identities="tracklets".
    """

    paths: Sequence[str | Path]
    val: Sequence[str | Path]
    settings: FootageSettings
    half: Literal["none", "train"] = "none"
    images: str | Path | None = None
    identities: Literal["labels", "tracklets"] = "labels"
    labels: Sequence[str] = ()

    def reid_folders(self) -> list[Path]:
        """Those of `paths` that hold crops, such as Market-1501. Raises UserError if tracklets are asked for, too."""
        folders = [Path(path) for path in self.paths if is_reid(path)]
        if folders and self.identities == "tracklets":
            raise UserError(f"{folders[0]} has crops, no video to link tracklets in: leave --identities tracklets out")
        return folders

    def footages(self, leave_out: Sequence[Path] = ()) -> list[Footage]:
        """The footage to train on, without the folders of crops `leave_out`. Raises UserError."""
        paths = [path for path in self.paths if Path(path) not in leave_out]
        footages = drop_without_images(open_all(paths, self.half, self.images, self.settings), self.images)
        if self.identities == "labels":
            return footages
        settings = override(LINK_SETTINGS, self.labels)
        return [link_by_motion(footage, settings) for footage in footages]

    def validation_footages(self) -> list[Footage]:
        """The footage to validate on: `val`, or the second halves of `paths` if their first halves are trained on.

        Raises UserError if it has no identities, before anything is trained.
        """
        if not self.val and self.half == "none":
            return []
        paths = self.val or self.paths
        footages = open_all(paths, "none" if self.val else "val", self.images, self.settings)
        footages = drop_without_images(footages, self.images)
        for footage in footages:
            ground_truth_of(footage)
        return footages


def cache_videos(
    footages: Sequence[Footage], folder: Path, height: int, frame_progress: FrameProgress
) -> list[Footage]:
    """Replace footage in video files by JPEG images below `folder`, at most `height` px high, for random access.

    Raises UserError if a frame cannot be decoded or written.
    """
    return [
        cache_images(footage, folder, height, progress=partial(frame_progress, footage.name))
        if footage.in_video
        else footage
        for footage in footages
    ]


def link_by_motion(footage: Footage, settings: LabelSettings) -> Footage:
    """Replace the identities of a footage by tracklets of motion-only tracking; annotated identities are not used.

    settings: which boxes and tracklets are kept. The id of all other boxes, and of still images, is −1.
    """
    rows = np.flatnonzero((footage.boxes.score != 0) & footage.is_sequence)
    objects = footage.boxes[rows]
    tracklets = label_sequence(
        footage_as_sequence(footage), PrecomputedDetector(objects, score_range=None), settings
    ).boxes
    identity = np.full(len(footage.boxes), -1)
    identity[rows[find_rows(tracklets, objects)]] = tracklets.id
    return replace(footage, boxes=replace(footage.boxes, id=identity))


def trained_on_notice(names: Iterable[str], prefix: str = "") -> str:
    """Metadata `trained_on` of a model: the names of its training data and a reminder of their licences."""
    return f"{prefix}{', '.join(names)}{TERMS}"
