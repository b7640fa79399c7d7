"""Features of the boxes of pseudo-labels in a detector's maps, collected while the videos are labelled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.colour import ColourHistogram
from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.reading import MALFORMED
from idfree.core.stripes import STRIPES, read_stripes
from idfree.core.types import Floats, Image, Integers
from idfree.core.workers import PicklableFactory
from idfree.detectors.taught import DetectorWithMaps
from idfree.pipelines.labelling.videos import Labelling
from idfree.pipelines.manifest import make_once
from idfree.pipelines.training.teacher_embeddings import Teacher
from idfree.pipelines.video_jobs import Report

Parts = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

COLUMNS = ("features", "colour", "teacher", "tracklet", "frame", "video", "xyxy")


@dataclass(frozen=True)
class BoxFeatures:
    """K boxes of tracklets as parallel arrays.

    features: (K, F), the maps' channels in all stripes. colour: (K, E), its histogram. teacher: (K, T) unit embeddings,
    T = 0 without a teacher. tracklet, frame, video: (K,), as of CropSet. xyxy: (K, 4), pixels.
    """

    features: NDArray[np.float32]
    colour: NDArray[np.float32]
    teacher: NDArray[np.float32]
    tracklet: Integers
    frame: Integers
    video: Integers
    xyxy: Floats

    def __len__(self) -> int:
        return len(self.tracklet)

    @property
    def tracklet_count(self) -> int:
        """T, the number of tracklets."""
        return len(np.unique(self.tracklet))

    def save(self, path: Path) -> None:
        """Write an .npz file atomically. Raises UserError."""
        with atomic_write(path) as partial_file, partial_file.open("wb") as file:
            np.savez(file, **{name: getattr(self, name) for name in COLUMNS})

    @classmethod
    def load(cls, path: Path) -> "BoxFeatures":
        """Read a file written by `save`. Raises UserError."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(**{name: stored[name] for name in COLUMNS})
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        except MALFORMED as error:
            raise UserError(f"{path}: is damaged; delete it to make it again") from error


def concatenate_features(parts: Sequence[BoxFeatures]) -> BoxFeatures:
    """Concatenate the boxes of several videos; video n of the result is parts[n]. Those without boxes do not count."""
    first = np.cumsum([0, *(part.tracklet.max(initial=-1) + 1 for part in parts)])
    parts = [
        replace(part, tracklet=part.tracklet + first[n], video=np.full(len(part), n)) for n, part in enumerate(parts)
    ]
    used = [part for part in parts if len(part)] or parts[:1]
    return BoxFeatures(**{name: np.concatenate([getattr(part, name) for part in used]) for name in COLUMNS})


class BoxReader:
    """Reads features, colour and the teacher's embedding of boxes of the image that a detector has seen last.

    Called as a crop function of `label_sequence`: the rows (N, F + E + T) are kept in place of crops.
    """

    def __init__(self, detector: DetectorWithMaps, teacher: PicklableFactory[Any] | None):
        self.detector, self.teacher, self.colour = detector, teacher, ColourHistogram()
        self.widths = (
            STRIPES * len(detector.map),
            self.colour.dimension,
            0 if teacher is None else teacher.instance.dimension,
        )

    def __call__(self, image: Image, xyxy: Floats) -> NDArray[Any]:
        assert self.detector.letterbox is not None
        boxes = self.detector.letterbox.to_input(xyxy)
        parts = [
            read_stripes(self.detector.map, boxes, self.detector.size_hw).reshape(len(xyxy), -1),
            self.colour(image, xyxy),
        ]
        if self.teacher is not None:
            parts.append(self.teacher.instance(image, xyxy))
        return np.hstack(parts).astype(np.float32)

    def split(self, rows: NDArray[Any]) -> Parts:
        """Features (K, F), colour (K, E) and embeddings of the teacher (K, T) of rows."""
        table = rows if rows.ndim == 2 else np.zeros((0, sum(self.widths)))  # the buffer's shape without boxes
        features, colour, teacher = np.split(table.astype(np.float32), np.cumsum(self.widths)[:-1], axis=1)
        return features, colour, teacher


def collect_features(labelling: Labelling, teacher: Teacher | None) -> tuple[BoxFeatures, dict[str, Report]]:
    """Features of the pseudo-labels of all videos that can be read, and the reports on these labels by video.

    labelling: by the file with maps. The features of each video are kept in files (see `features_file`). Raises
    UserError if no video can be read.
    """
    opened = None if teacher is None else PicklableFactory(teacher.open, labelling.jobs.threads)
    reports = labelling.run(
        partial(collect_video_features, labelling=labelling, teacher=teacher, opened_teacher=opened)
    )
    return concatenate_features([BoxFeatures.load(features_file(labelling.out, name)) for name in reports]), reports


def collect_video_features(
    path: Path, labelling: Labelling, teacher: Teacher | None, opened_teacher: PicklableFactory[Any] | None
) -> Report:
    """Write the features of one video's pseudo-labels, unless that is done; return the report on the labels."""
    sequence, detector = labelling.open_video(path)
    file = features_file(labelling.out, sequence.name)
    assert isinstance(detector, DetectorWithMaps)

    def make() -> Report:
        reader = BoxReader(detector, opened_teacher)
        found = labelling.label(sequence, detector, reader)
        boxes = found.boxes[found.crop_rows]
        tracklet = np.unique(boxes.id, return_inverse=True)[1].astype(np.int64)
        video = np.zeros(len(boxes), dtype=np.int64)
        features, colour, embeddings = reader.split(found.crops)
        BoxFeatures(features, colour, embeddings, tracklet, boxes.frame, video, boxes.xyxy).save(file)
        return found.report

    inputs = labelling.inputs(sequence, detector) | {"teacher": teacher.fingerprint if teacher else None}
    return make_once(file, inputs, make)


def features_file(out: Path, name: str) -> Path:
    """The file of a video's features; beside it lies the manifest."""
    return out / "features" / name / "features.npz"
