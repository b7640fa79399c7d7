"""Track one sequence, frame by frame: read, detect, select, embed, track; with the time of each stage."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from idfree.core.prefetch import PATIENCE, prefetch
from idfree.core.types import Annotation, Detections, Detector, Floats, Frame, Sequence, Tracks, View
from idfree.detectors.scores import to_unit_range
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.pipelines.detection.callable_detector import CallableDetector
from idfree.pipelines.tracking.camera_motion import CameraMotionSource
from idfree.pipelines.tracking.run_counts import StageTimer, TrackCounts
from idfree.pipelines.tracking.selection import Selection
from idfree.trackers.registry import Tracker

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder


@dataclass
class TrackingRun:
    """Tracking of one sequence: iterate for (frame, tracks), which are not kept.

    selection: of detections (the sequence has the selected frames only). camera: source of camera motion, or None.
    score_range: detection scores that are mapped to 0 and 1, None to keep scores. encoder: embeds the detections,
    None to keep their own embeddings. parallel: read the next frame and detect in this one in threads of their own
    while the tracker processes the previous one; worthwhile if images are read. public: gives the public detections,
    near which alone tracks start; None: they start anywhere. kept_embeddings: of the tracks, to link them offline;
    None: they are not kept.

    Meanwhile, `timer` and `counts` have the seconds by stage and the numbers of frames, boxes and tracks so far. Of the
    last frame are `motion` (2, 3), the camera's since the previous frame, None if unknown, `occlusions` (K, 3), as in
    View, and `detections`.
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
        with closing(self.views()) as views:
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

    def views(self) -> Generator[tuple[Frame, View]]:
        """Each frame with its view; if `parallel`, reading and detecting have a thread each."""
        if not self.parallel:
            return self.detect(self.read())
        patience = PATIENCE if self.sequence.length is None else None  # files always give their next frame, or end
        views = self.detect(prefetch(self.read(), patience=patience))
        is_function = isinstance(self.detector, CallableDetector)  # of the user, which may not be thread-safe
        return views if is_function else prefetch(views, patience=patience)

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
