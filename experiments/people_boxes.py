"""What a detector's maps, a colour histogram and the teacher say of its own boxes: what its head learns from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idfree.appearance import open_encoder
from idfree.core.types import Frame
from idfree.detectors import open_detector
from idfree.pipelines.label_sequence import label_sequence
from idfree.pipelines.selection import Selection
from idfree.pipelines.teach_features import BoxFeatures, BoxReader
from idfree.sequences import open_source

MIN_SCORE, MIN_HEIGHT = 0.5, 48.0  # of boxes of stills; px


@dataclass(frozen=True)
class BoxSource:
    """A video, of which `frames` frames are read (None: all), from number `start` on every n-th, or photographs.

    tracklets: link the boxes of neighbouring frames as `idfree label` does; without, each box stands alone.
    """

    name: str
    start: int = 1
    every: int = 1
    frames: int | None = None
    tracklets: bool = True

    def open(self, data: Path):
        """Its frames in order, as a Sequence."""
        path = data / self.name / "images" if self.name == "PennFudan" else data / "videos" / f"{self.name}.mp4"
        return open_source(path)[0]


class OpenedTeacher:
    """The teacher, as BoxReader takes it."""

    def __init__(self, path: Path):
        self.instance = open_encoder(str(path), (), "auto", 1)


def collect(source: BoxSource, data: Path, out: Path, maps: Path, teacher: Path) -> BoxFeatures:
    """The boxes of a source; kept in a file, and read from it the next time."""
    file = out / f"{source.name}.npz"
    if not file.is_file():
        reader = BoxReader(open_detector(maps, threads=1), OpenedTeacher(teacher))
        found = linked_boxes(source, data, reader) if source.tracklets else single_boxes(source, data, reader)
        out.mkdir(parents=True, exist_ok=True)
        found.save(file)
        print(f"{source.name}: {len(found)} boxes, {found.tracklet_count} tracklets", flush=True)
    return BoxFeatures.load(file)


def linked_boxes(source: BoxSource, data: Path, reader: BoxReader) -> BoxFeatures:
    """Boxes of tracklets."""
    selection = Selection(source.start, source.frames, source.every, appearance="none")
    found = label_sequence(source.open(data), reader.detector, None, reader, selection=selection)
    boxes = found.boxes[found.crop_rows]
    tracklet = np.unique(boxes.id, return_inverse=True)[1].astype(np.int64)
    return BoxFeatures(*reader.split(found.crops), tracklet, boxes.frame, np.zeros_like(tracklet), boxes.xyxy)


def single_boxes(source: BoxSource, data: Path, reader: BoxReader) -> BoxFeatures:
    """Boxes of single frames, each a tracklet of its own."""
    rows, boxes, frames = [], [], []
    for frame in source.open(data):
        if frame.number < source.start or (frame.number - source.start) % source.every:
            continue
        detections = reader.detector(Frame(frame.number, frame.image)).detections
        height = detections.xyxy[:, 3] - detections.xyxy[:, 1]
        xyxy = detections.xyxy[(detections.score >= MIN_SCORE) & (height >= MIN_HEIGHT)]
        rows.append(reader(frame.image, xyxy))
        boxes.append(xyxy)
        frames.append(np.full(len(xyxy), frame.number))
    number = np.concatenate(frames)
    tracklet = np.arange(len(number))
    return BoxFeatures(*reader.split(np.vstack(rows)), tracklet, number, np.zeros_like(tracklet), np.vstack(boxes))
