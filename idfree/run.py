"""A frame's way from its file to its tracks: sequence → detector → tracker → result."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from idfree.cameras import Camera, camera_for
from idfree.detectors import Given
from idfree.errors import UserError
from idfree.sequences import open_source
from idfree.trackers import Tracker, make_tracker
from idfree.types import Annotation, Detections, Detector, Frame, Sequence, Tracks, View

STAGES = ("reading", "detecting", "associating", "writing")


class Clock:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the time that the block takes to `stage`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start


@dataclass(frozen=True)
class Selection:
    """Which frames, and which of their detections, are tracked.

    start: the first frame's number. frames: how many at most. every: only each N-th from the first on. classes: ids,
    all if empty. min_area in px². appearance: "own" embeddings of the detections, or "none".
    """

    start: int = 1
    frames: int | None = None
    every: int = 1
    classes: tuple[int, ...] = ()
    min_score: float = -np.inf
    min_area: float = 0.0
    appearance: str = "own"

    def __post_init__(self) -> None:
        for name in ("start", "every", "frames"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"--{name} {value}: expected 1 or more")

    def of_frames(self, sequence: Sequence) -> Sequence:
        """The sequence cut to the frames selected, which keep their numbers; its rate falls as frames are skipped."""

        def read() -> Iterator[Frame]:
            frames = (f for f in sequence if f.number >= self.start and (f.number - self.start) % self.every == 0)
            return islice(frames, self.frames)

        length = sequence.length
        if length is not None:
            length = len(range(self.start, length + 1, self.every)[: self.frames])
        return replace(sequence, read=read, length=length, frame_rate=sequence.frame_rate / self.every)

    def of_detections(self, detections: Detections) -> Detections:
        """The detections selected."""
        if self.appearance == "none":
            detections = replace(detections, embedding=None)
        keep = detections.score >= self.min_score
        if self.classes:
            keep &= np.isin(detections.class_id, self.classes)
        if self.min_area > 0:
            width, height = (detections.xyxy[:, 2:] - detections.xyxy[:, :2]).T
            keep &= width * height >= self.min_area
        return detections.only(keep)


@dataclass
class Run:
    """One sequence being tracked: iterate for (frame, tracks); `result` and `summary` say what came of it so far."""

    sequence: Sequence
    detector: Detector
    tracker: Tracker
    selection: Selection = field(default_factory=Selection)
    camera: Camera | None = None
    score_range: tuple[float, float] | None = None
    clock: Clock = field(default_factory=Clock)
    seen: list[tuple[int, Tracks]] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Frame, Tracks]]:
        frames = iter(self.sequence)
        while True:
            with self.clock.time("reading"):
                frame = next(frames, None)
            if frame is None:
                break
            with self.clock.time("detecting"):
                view = self.view(frame)
            with self.clock.time("associating"):
                tracks = self.tracker.update(view)
            self.seen.append((frame.number, tracks))
            yield frame, tracks
        if self.camera is not None:
            self.camera.finish()

    def view(self, frame: Frame) -> View:
        """What the detector sees in `frame`, as far as it is selected, with scores that trackers' thresholds fit."""
        view = self.detector(frame)
        detections = self.selection.of_detections(view.detections)
        if self.score_range is not None:
            low, high = self.score_range
            detections = replace(detections, score=np.clip((detections.score - low) / (high - low), 0, 1))
        motion = None if self.camera is None else self.camera(frame, detections)
        return replace(view, detections=detections, camera=motion)

    def result(self) -> Annotation:
        """All tracks of all frames so far, sorted by frame, then id."""
        return gather(self.seen)

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
                stage: round(frames / s, 1) for stage, s in {**seconds, "all": sum(seconds.values())}.items() if s > 0
            },
            "matches": shares(self.tracker.decided),
            "detector": self.detector.name,
            "score_range": self.score_range,
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


def detectors_for(spec: str, **options: Any) -> Callable[[Sequence], Detector]:
    """What finds the boxes of each sequence, by the words of `--detector`; a network is loaded once for all.

    options: what `open_detector` takes for a network. Raises UserError where a model or file is missing, or is not what
    it seems.
    """
    from idfree.detectors import open_detector

    if spec == "hog" or spec.endswith(".onnx"):
        detector = open_detector(spec, **options)
        return lambda sequence: detector
    return lambda sequence: Given(stored(spec, sequence), sequence.size_hw)


def stored(spec: str, sequence: Sequence) -> Annotation:
    """The detections of a sequence in `det` (its own det/det.txt), a file, or a folder of NAME.txt / NAME.npy …"""
    from idfree.sequences.motchallenge import names_of
    from idfree.sequences.tables import SUFFIXES, read_boxes

    path = Path(spec)
    if spec == "det":
        if sequence.folder is None:
            raise UserError(f"--detector det: {sequence.name} is no MOTChallenge folder, so it has no det/det.txt")
        path = sequence.folder / "det" / "det.txt"
    elif path.is_dir():
        candidates = (path / (name + suffix) for name in names_of(sequence.name) for suffix in SUFFIXES)
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
        if found is None:
            raise UserError(f"--detector {path}: no file for {sequence.name} ({', '.join(SUFFIXES)})")
        path = found
    boxes = read_boxes(path)
    if sequence.length is not None and len(boxes) and boxes.frame[-1] > sequence.length:
        raise UserError(
            f"{path}: has detections of frame {boxes.frame[-1]}, but {sequence.name} has {sequence.length} frames:"
            " are they of another video?"
        )
    return boxes


def default_tracker(detector: Detector, appearance: str = "own") -> str:
    """`fairmot` where there are embeddings to use, `bytetrack` where there are none."""
    return "fairmot" if detector.has_embeddings and appearance != "none" else "bytetrack"


def prepare(
    sequence: Sequence,
    detector: Detector,
    tracker: str | Tracker | None = None,
    assignments: tuple[str, ...] = (),
    selection: Selection | None = None,
    images: bool = True,
    camera: str = "none",
) -> Run:
    """A run ready to go; camera: as `--camera` says.

    Images are left unread where neither the detector, nor the camera, nor the caller (`images`) wants them.
    """
    selection = selection or Selection()
    motion = camera_for(camera, sequence)
    if not (images or detector.needs_images or (motion is not None and motion.needs_images)):
        sequence = sequence.without_images()
    rate = sequence.frame_rate  # a tracker's clock counts the source's frames, also those that are skipped
    sequence = selection.of_frames(sequence)
    if not isinstance(tracker, Tracker):
        name = tracker or default_tracker(detector, selection.appearance)
        tracker = make_tracker(name, assignments, rate)
    score_range = detector.score_range if isinstance(detector, Given) else None
    return Run(sequence, detector, tracker, selection, motion, score_range)


def track(
    source: str | int | Path,
    detector: str | Callable[[Frame], Detections | View] = "hog",
    tracker: str | Tracker | None = None,
    *,
    set: tuple[str, ...] = (),
    images: bool = True,
    camera: str = "none",
    **selection: Any,
) -> Iterator[tuple[Frame, Tracks]]:
    """Track one source: yields (frame, tracks) as they come.

    detector: as `--detector` says, or any function of yours from a Frame to Detections. tracker: a name or an instance.
    set: `name=value` overrides of the tracker's settings. images: False leaves images unread where the detector needs
    none. camera: as `--camera` says. Further keywords are those of `Selection`: start, frames, every, classes,
    min_score, min_area, appearance.
    Raises UserError, also for a source that holds several sequences.
    """
    sequences = open_source(source)
    if len(sequences) > 1:
        raise UserError(f"{source}: holds {len(sequences)} sequences; track them one by one")
    found = detectors_for(detector)(sequences[0]) if isinstance(detector, str) else Yours(detector)
    return iter(prepare(sequences[0], found, tracker, set, Selection(**selection), images, camera))


@dataclass(frozen=True)
class Yours:
    """A detector made of the user's own function from a Frame to Detections (or to a View)."""

    function: Callable[[Frame], Detections | View]
    name: str = "yours"
    needs_images: bool = True
    has_embeddings: bool = True  # it may have; a tracker with appearance works without, too

    def __call__(self, frame: Frame) -> View:
        found = self.function(frame)
        if isinstance(found, View):
            return found
        return View(found, frame, None if frame.image is None else frame.image.shape[:2])
