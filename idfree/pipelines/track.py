"""A frame's way from its file to its tracks: sequence → detector → tracker → result."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.prefetch import prefetch
from idfree.core.types import Annotation, Detections, Detector, Frame, Sequence, Tracks, View
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.camera_motion import CameraMotionSource, camera_for
from idfree.pipelines.open_detector import CallableDetector, detectors_for
from idfree.pipelines.selection import Selection
from idfree.sequences import open_source
from idfree.trackers.registry import Tracker, make_tracker

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

STAGES = ("reading", "detecting", "associating", "writing")


class StageTimer:
    """Seconds spent in each stage; the `whole`, from first to last, is less than their sum where stages overlap."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.first = self.last = 0.0

    @property
    def whole(self) -> float:
        return self.last - self.first

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the time that the block takes to `stage`."""
        start = time.perf_counter()
        self.first = self.first or start
        try:
            yield
        finally:
            self.last = time.perf_counter()
            self.seconds[stage] += self.last - start


@dataclass
class TrackingRun:
    """One sequence being tracked: iterate for (frame, tracks); `result` and `summary` say what came of it so far.

    pictured: pictures are read; then the next one is read, and what is in this one detected, in threads of their own
    while the tracker follows what was in the last.
    """

    sequence: Sequence
    detector: Detector
    tracker: Tracker
    selection: Selection = field(default_factory=Selection)
    camera: CameraMotionSource | None = None
    score_range: tuple[float, float] | None = None
    encoder: "Encoder | None" = None
    pictured: bool = False
    clock: StageTimer = field(default_factory=StageTimer)
    seen: list[tuple[int, Tracks]] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Frame, Tracks]]:
        frames = prefetch(self.frames()) if self.pictured else self.frames()
        views = self.views(frames)
        if self.pictured and not isinstance(
            self.detector, CallableDetector
        ):  # who knows what threads the user's own can bear
            views = prefetch(views)
        with closing(views):
            for frame, view in views:
                with self.clock.time("associating"):
                    tracks = self.tracker.update(view)
                self.seen.append((frame.number, tracks))
                yield frame, tracks
        if self.camera is not None:
            self.camera.finish()

    def frames(self) -> Generator[Frame]:
        """The frames as they are read."""
        frames = iter(self.sequence)
        while True:
            with self.clock.time("reading"):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame

    def views(self, frames: Generator[Frame]) -> Generator[tuple[Frame, View]]:
        """Each frame, and what is seen in it."""
        with closing(frames):
            for frame in frames:
                with self.clock.time("detecting"):
                    view = self.view(frame)
                yield frame, view

    def view(self, frame: Frame) -> View:
        """What the detector sees in `frame`, as far as it is selected, with scores that trackers' thresholds fit."""
        view = self.detector(frame)
        detections = self.selection.of_detections(view.detections)
        if self.score_range is not None:
            low, high = self.score_range
            detections = replace(detections, score=np.clip((detections.score - low) / (high - low), 0, 1))
        detections = self.embedded(frame, detections)
        motion = None if self.camera is None else self.camera(frame, detections)
        view = replace(view, detections=detections, camera=motion)
        if self.encoder is None:
            return view
        return replace(view, match_threshold=self.encoder.match_threshold, upper_threshold=self.encoder.upper_threshold)

    def embedded(self, frame: Frame, detections: Detections) -> Detections:
        """The detections with the encoder's embeddings, of those that the tracker wants; zeros for the others."""
        if self.encoder is None or self.tracker.published_threshold is None or frame.image is None:
            return detections
        wanted = detections.score > self.tracker.least_embedded
        embedding = np.zeros((len(detections), self.encoder.dimension), dtype=np.float32)
        embedding[wanted] = self.encoder(frame.image, detections.xyxy[wanted])
        return replace(detections, embedding=embedding)

    def result(self) -> Annotation:
        """All tracks of all frames so far, sorted by frame, then id."""
        return gather(self.seen)

    def appearance(self) -> dict[str, Any] | None:
        """Whose embeddings are compared, and their limit; None where nobody's are."""
        if self.encoder is not None:
            return {"name": self.encoder.name, "limit": self.encoder.match_threshold}
        if not self.detector.has_embeddings or self.selection.appearance == "none":
            return None
        return {"name": "own", "limit": self.tracker.match_threshold}

    def lost(self) -> int:
        """How many frames the sequence should have had and did not give."""
        return max(0, (self.sequence.length or 0) - len(self.seen))

    def summary(self) -> dict[str, Any]:
        """Frames, tracks, frames per second by stage, and what decided the matches, ready for JSON."""
        frames, seconds = len(self.seen), self.clock.seconds
        return {
            "name": self.sequence.name,
            "frames": frames,
            "frames_lost": self.lost(),
            "tracks": len({i for _, tracks in self.seen for i in tracks.id.tolist()}),
            "boxes": sum(len(tracks) for _, tracks in self.seen),
            "detections_dropped": self.tracker.dropped,
            "seconds": {stage: round(s, 3) for stage, s in seconds.items()},
            "frames_per_second": {
                stage: round(frames / s, 1) for stage, s in {**seconds, "all": self.clock.whole}.items() if s > 0
            },
            "matches": shares(self.tracker.decided),
            "detector": self.detector.name,
            "score_range": self.score_range,
            "appearance": self.appearance(),
            "tracker": type(self.tracker).__name__,
            "settings": plain(asdict(self.tracker.settings)),
        }


def gather(seen: list[tuple[int, Tracks]]) -> Annotation:
    """The tracks of many frames (number, tracks) as one table, sorted by frame, then id."""
    tracks = [t for _, t in seen]
    empty = Annotation.empty()
    frame = np.repeat([n for n, _ in seen], [len(t) for t in tracks]).astype(np.int64)
    ids = np.concatenate([empty.id, *(t.id for t in tracks)])
    order = np.lexsort((ids, frame))
    return Annotation(
        frame=frame,
        id=ids,
        xyxy=np.concatenate([empty.xyxy, *(t.xyxy for t in tracks)]),
        score=np.concatenate([empty.score, *(t.score for t in tracks)]),
        class_id=np.concatenate([empty.class_id, *(t.class_id for t in tracks)]),
        visibility=np.ones(len(ids)),
    )[order]


def shares(decided: Counter[str]) -> dict[str, float]:
    """Of all matches, the share that each thing decided."""
    total = max(1, decided.total())
    return {by: round(count / total, 4) for by, count in sorted(decided.items())}


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as JSON can say them: it knows no infinity."""
    return {name: str(v) if isinstance(v, float) and not np.isfinite(v) else v for name, v in settings.items()}


def encoder_for(spec: str, device: str = "auto", threads: int | None = None) -> "Encoder | None":
    """What `--appearance` says: none and own need no encoder. Raises UserError for what is not known."""
    if spec in ("none", "own"):
        return None
    from idfree.appearance import open_encoder

    if spec != "colour" and not spec.endswith(".onnx"):
        raise UserError(f"--appearance {spec}: expected none, own, colour or a file MODEL.onnx")
    return open_encoder(spec, device=device, threads=threads)


def default_tracker(detector: Detector, selection: Selection, encoder: "Encoder | None" = None) -> str:
    """`fused` where there are embeddings to use, else `bytetrack`."""
    own = detector.has_embeddings and selection.appearance != "none"
    return "fused" if own or encoder is not None else "bytetrack"


def prepare(
    sequence: Sequence,
    detector: Detector,
    tracker: str | Tracker | None = None,
    assignments: tuple[str, ...] = (),
    selection: Selection | None = None,
    images: bool = True,
    camera: str = "none",
    encoder: "Encoder | None" = None,
) -> TrackingRun:
    """A run ready to go. camera: as `--camera` says; encoder: of the detections' looks, in place of their own.

    Images are left unread where neither the detector, nor the camera, nor the encoder, nor the caller (`images`) wants
    them.
    """
    selection = selection or Selection()
    motion = camera_for(camera, sequence)
    asked = (images, detector.needs_images, motion is not None and motion.needs_images, encoder is not None)
    if not any(asked):
        sequence = sequence.without_images()
    rate = sequence.frame_rate  # a tracker's clock counts the source's frames, also those that are skipped
    sequence = selection.of_frames(sequence)
    if not isinstance(tracker, Tracker):
        name = tracker or default_tracker(detector, selection, encoder)
        tracker = make_tracker(name, assignments, rate)
    score_range = detector.score_range if isinstance(detector, PrecomputedDetector) else None
    return TrackingRun(sequence, detector, tracker, selection, motion, score_range, encoder, pictured=any(asked))


def track(
    source: str | int | Path,
    detector: str | Callable[[Frame], Detections | View] = "hog",
    tracker: str | Tracker | None = None,
    *,
    set: tuple[str, ...] = (),
    images: bool = True,
    camera: str = "none",
    appearance: str = "own",
    **selection: Any,
) -> Iterator[tuple[Frame, Tracks]]:
    """Track one source: yields (frame, tracks) as they come.

    detector: as `--detector` says, or any function of yours from a Frame to Detections. tracker: a name or an instance.
    set: `name=value` overrides of the tracker's settings. images: False leaves images unread where the detector needs
    none. camera, appearance: as `--camera` and `--appearance` say. Further keywords are those of `Selection`: start,
    frames, every, classes, min_score, min_area.
    Raises UserError, also for a source that holds several sequences.
    """
    sequences = open_source(source)
    if len(sequences) > 1:
        raise UserError(f"{source}: holds {len(sequences)} sequences; track them one by one")
    found = detectors_for(detector)(sequences[0]) if isinstance(detector, str) else CallableDetector(detector)
    encoder = encoder_for(appearance)
    chosen = Selection(**selection, appearance=appearance)
    return iter(prepare(sequences[0], found, tracker, set, chosen, images, camera, encoder))
