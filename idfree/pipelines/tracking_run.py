"""Track one sequence, frame by frame: read, detect, select, embed, track; with the time of each stage."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from idfree.core.prefetch import PATIENCE, prefetch
from idfree.core.types import Annotation, Detections, Detector, Floats, Frame, Sequence, Tracks, View
from idfree.detectors.scores import to_unit_range
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.pipelines.callable_detector import CallableDetector
from idfree.pipelines.camera_motion import CameraMotionSource
from idfree.pipelines.selection import Selection
from idfree.trackers.registry import Tracker

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

STAGES = ("reading", "detecting", "associating", "writing")


class StageTimer:
    """Seconds spent in each stage; `total`, from first to last, is less than their sum if stages run in parallel.

    Threads may measure at the same time, each its own stages.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.first = self.last = 0.0

    @property
    def total(self) -> float:
        """Seconds from the start of the first block to the end of the last."""
        return self.last - self.first

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the duration of the `with` block to `stage`."""
        start = time.perf_counter()
        self.first = self.first or start
        try:
            yield
        finally:
            self.last = time.perf_counter()
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self.last - start


class TrackCounts:
    """Numbers of frames, detections, boxes and tracks; memory grows by a bit for each track, not with the frames."""

    def __init__(self) -> None:
        self.frames = self.detections = self.boxes = self.tracks = 0
        self.classes: set[int] = set()
        self.current: set[int] = set()  # ids of the last frame
        self.seen: dict[int, int] = {}  # bits of 1024 ids each, by id // 1024

    def add(self, tracks: Tracks, detections: int = 0) -> None:
        """Count a frame. detections: their number in it."""
        self.frames += 1
        self.detections += detections
        self.boxes += len(tracks)
        self.classes.update(tracks.class_id.tolist())
        ids = set(tracks.id.tolist())
        for identity in ids - self.current:
            block, bit = identity >> 10, 1 << (identity & 1023)
            self.tracks += not self.seen.get(block, 0) & bit
            self.seen[block] = self.seen.get(block, 0) | bit
        self.current = ids


@dataclass
class TrackingRun:
    """Tracking of one sequence: iterate for (frame, tracks), which are not kept.

    Meanwhile, `counts` has the numbers of frames, boxes and tracks so far, and `motion` (2, 3; of the camera since the
    previous frame, None if unknown), `occlusions` and `detections` are those of the last frame.

    selection: of detections (the sequence has the selected frames only). camera: source of camera motion, or None.
    score_range: detection scores that are mapped to 0 and 1, None to keep scores. encoder: embeds the detections,
    None to keep their own embeddings. parallel: read the next frame and detect in this one in threads of their own
    while the tracker processes the previous one; worthwhile if images are read. public: gives the public detections,
    only near which tracks start; None: they start anywhere. kept_embeddings: of the tracks, to
    link them offline; None: they are not kept.
    """

    sequence: Sequence
    detector: Detector
    tracker: Tracker
    selection: Selection = field(default_factory=Selection)
    camera: CameraMotionSource | None = None
    score_range: tuple[float, float] | None = None
    encoder: "Encoder | None" = None
    parallel: bool = False
    public: Detector | None = None
    kept_embeddings: KeptEmbeddings | None = None
    timer: StageTimer = field(default_factory=StageTimer)
    counts: TrackCounts = field(default_factory=TrackCounts)
    motion: Floats | None = None
    occlusions: Floats | None = None
    detections: Detections | None = None

    def __iter__(self) -> Iterator[tuple[Frame, Tracks]]:
        patience = PATIENCE if self.sequence.length is None else None  # files always give their next frame, or end
        frames = prefetch(self.read(), patience=patience) if self.parallel else self.read()
        views = self.detect(frames)
        is_function = isinstance(self.detector, CallableDetector)  # of the user, which may not be thread-safe
        if self.parallel and not is_function:
            views = prefetch(views, patience=patience)
        with closing(views):
            for frame, view in views:
                with self.timer.time("associating"):
                    tracks = self.tracker.update(view)
                self.counts.add(tracks, len(view.detections))
                if self.kept_embeddings is not None:
                    self.kept_embeddings.add(frame.number, tracks, view.detections)
                self.motion, self.occlusions, self.detections = view.camera, view.occlusions, view.detections
                yield frame, tracks
        if self.camera is not None:
            self.camera.finish()

    def read(self) -> Generator[Frame]:
        """Yield the frames of the sequence."""
        frames = iter(self.sequence)
        while True:
            with self.timer.time("reading"):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame

    def detect(self, frames: Generator[Frame]) -> Generator[tuple[Frame, View]]:
        """Yield each frame with its view."""
        with closing(frames):
            for frame in frames:
                with self.timer.time("detecting"):
                    view = self.make_view(frame)
                yield frame, view

    def make_view(self, frame: Frame) -> View:
        """Make the tracker's input: detect, select, rescale scores, compute embeddings and camera motion."""
        view = self.detector(frame)
        detections = self.selection.select_detections(view.detections)
        if self.score_range is not None:
            detections = replace(detections, score=to_unit_range(detections.score, self.score_range))
        detections = self.embed(frame, detections)
        motion = None if self.camera is None else self.camera(frame, detections)
        public = None if self.public is None else self.public(frame).detections
        boxes = None if public is None else public.xyxy[public.valid_mask()]
        view = replace(view, detections=detections, camera=motion, public=boxes)
        if self.encoder is None:
            return view
        return replace(view, match_threshold=self.encoder.match_threshold, upper_threshold=self.encoder.upper_threshold)

    def embed(self, frame: Frame, detections: Detections) -> Detections:
        """The detections with embeddings of the encoder; zeros if the score is too low for the tracker to use them."""
        if self.encoder is None or not self.tracker.uses_embeddings or frame.image is None:
            return detections
        is_used = detections.score > self.tracker.min_embedded_score
        embedding = np.zeros((len(detections), self.encoder.dimension), dtype=np.float32)
        embedding[is_used] = self.encoder(frame.image, detections.xyxy[is_used])
        return replace(detections, embedding=embedding)

    def track_all(self) -> Annotation:
        """Track the whole sequence; all tracks, sorted by frame, then id."""
        results = [(frame.number, frame.time, tracks) for frame, tracks in self]
        times = [np.nan if time is None else time for _, time, _ in results]
        return concatenate_tracks([(number, tracks) for number, _, tracks in results], times)


def concatenate_tracks(results: list[tuple[int, Tracks]], times: list[float] | None = None) -> Annotation:
    """Concatenate the tracks of many frames (frame number, tracks) into one table, sorted by frame, then id.

    times: of these frames, in seconds, NaN if unknown; None for a table without times.
    """
    tracks = [t for _, t in results]
    empty = Annotation.empty()
    frame = np.repeat([number for number, _ in results], [len(t) for t in tracks]).astype(np.int64)
    ids = np.concatenate([empty.id, *(t.id for t in tracks)])
    order = np.lexsort((ids, frame))
    return Annotation(
        frame=frame,
        id=ids,
        xyxy=np.concatenate([empty.xyxy, *(t.xyxy for t in tracks)]),
        score=np.concatenate([empty.score, *(t.score for t in tracks)]),
        class_id=np.concatenate([empty.class_id, *(t.class_id for t in tracks)]),
        visibility=np.ones(len(ids)),
        time=None if times is None else np.repeat(np.array(times, dtype=np.float64), [len(t) for t in tracks]),
    )[order]
