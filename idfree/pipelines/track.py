"""Track videos: `track` yields the tracks of each frame, `track_videos` writes files; TrackingRun has the loop."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting, write_text
from idfree.core.progress import progress
from idfree.core.settings import split_assignments
from idfree.core.types import Annotation, Detections, Detector, Frame, Sequence, Tracks, View
from idfree.core.version import __version__
from idfree.detectors import PrecomputedDetector
from idfree.detectors.scores import ScoreScale
from idfree.pipelines.camera_motion import open_camera_motion
from idfree.pipelines.open_appearance import default_tracker, open_appearance
from idfree.pipelines.open_detector import CallableDetector, DetectorConfig
from idfree.pipelines.run_summary import summarise
from idfree.pipelines.selection import Selection
from idfree.pipelines.tracker_settings import read_settings, with_min_score
from idfree.pipelines.tracking_run import TrackingRun
from idfree.sequences import open_source
from idfree.sequences.motchallenge import write_results
from idfree.sequences.tables import write_table
from idfree.show.video_output import VideoOutput
from idfree.trackers.registry import Tracker, make_tracker

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

Format = Literal["mot", "csv", "json", "parquet"]
Source = str | int | Path

SUFFIXES: dict[Format, str] = {"mot": "txt", "csv": "csv", "json": "json", "parquet": "parquet"}


def track(
    source: Source,
    detector: str | Callable[[Frame], Detections | View] = "hog",
    tracker: str | Tracker | None = None,
    *,
    set: tuple[str, ...] = (),
    images: bool = True,
    camera: str = "none",
    appearance: str = "own",
    **selection: Any,
) -> Iterator[tuple[Frame, Tracks]]:
    """Track one video or camera: yield each frame with its tracks.

    detector: as the option `--detector`, or a function from a Frame to Detections. tracker: a name or an instance; by
    default `fused` with embeddings, otherwise `bytetrack`. set: `name=value` overrides of the tracker's settings.
    images: False leaves images unread if nothing needs them. camera, appearance: as the options of these names.
    selection: start, frames, every, classes, min_score and min_area of Selection.
    Raises UserError, also if the source has several sequences.
    """
    sequences = open_source(source)
    if len(sequences) > 1:
        raise UserError(f"{source}: holds {len(sequences)} sequences; track them one by one")
    if isinstance(detector, str):
        opened: Detector = DetectorConfig(detector).open()(sequences[0])
    else:
        opened = CallableDetector(detector)
    encoder = open_appearance(appearance)
    selected = Selection(**selection, appearance=appearance)
    return iter(prepare(sequences[0], opened, tracker, set, selected, images, camera, encoder))


def track_videos(
    sources: Source | Iterable[Source],
    out: str | Path | None = None,
    *,
    detector: str = "hog",
    detector_format: str | None = None,
    scores: ScoreScale = "auto",
    classes: str = "",
    tracker: str | None = None,
    settings: Path | None = None,
    set: Iterable[str] = (),
    appearance: str = "own",
    camera: str = "none",
    start: int = 1,
    frames: int | None = None,
    every: int = 1,
    min_score: float = float("-inf"),
    min_area: float = 0.0,
    frame_rate: float | None = None,
    video: bool = False,
    show: bool = False,
    format: Format = "mot",
    device: str = "auto",
    quiet: bool = True,
    on_result: Callable[[Path, dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Track all sequences of the sources; write OUT/NAME.txt and OUT/summary.json, and return the summary.

    out: by default runs/track/NAME. settings: file of `idfree tune`, overridden by `set`: `name=value` for the tracker,
    `detector.name=value` for the detector. frame_rate: overrides the source's. video: also write OUT/NAME.mp4 with the
    tracks drawn. show: also show it in a window. on_result: called with the result file and summary of each sequence.
    The other arguments are as the options of `idfree track`. Raises UserError; also after an error or Ctrl-C,
    summary.json lists the sequences that are complete.
    """
    sequences = open_sequences([sources] if isinstance(sources, str | int | Path) else sources)
    out = Path("runs") / "track" / sequences[0].name if out is None else Path(out)
    assignments = split_assignments(set, ("detector",))
    config = DetectorConfig(detector, detector_format, classes, tuple(assignments["detector"]), device, scores)
    detector_of = config.open()
    selection = Selection(start, frames, every, config.class_numbers(), min_score, min_area, appearance)
    encoder = open_appearance(appearance, device)
    outputs = [out / f"{s.name}.{suffix}" for s in sequences for suffix in (SUFFIXES[format], *["mp4"] * video)]
    read = [path for s in sequences for path in (s.source, s.folder, settings) if path is not None]
    refuse_overwriting([*outputs, out / "summary.json"], [*read, *config.inputs(), appearance, camera])
    make_folder(out)
    summaries: list[dict[str, Any]] = []
    try:
        for sequence in sequences:
            if frame_rate is not None:
                sequence = sequence.at_rate(frame_rate)
            name, overrides = choose_tracker(tracker, settings, tuple(assignments[""]))
            images = video or show
            run = prepare(sequence, detector_of(sequence), name, overrides, selection, images, camera, encoder)
            summaries.append(track_to_files(run, out, format, video, show, quiet))
            if on_result is not None:
                on_result(out / f"{sequence.name}.{SUFFIXES[format]}", summaries[-1])
    finally:
        summary = {"idfree": __version__, "complete": len(summaries) == len(sequences), "sequences": summaries}
        if summaries:
            write_text(out / "summary.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")
    return summary


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
    """Assemble a TrackingRun. Raises UserError for an unknown tracker, setting or camera motion.

    tracker, assignments: as `tracker` and `set` of `track`. camera: as the option `--camera`. encoder: embeds the
    detections, in place of their own embeddings. images: whether the caller needs images; if neither the caller nor the
    detector, camera motion or encoder does, they are not read.
    """
    selection = selection or Selection()
    motion = open_camera_motion(camera, sequence)
    motion_needs_images = motion is not None and motion.needs_images
    uses_images = images or detector.needs_images or motion_needs_images or encoder is not None
    if not uses_images:
        sequence = sequence.without_images()
    frame_rate = sequence.frame_rate  # of the source: trackers count the time of skipped frames, too
    sequence = selection.select_frames(sequence)
    if not isinstance(tracker, Tracker):
        name = tracker or default_tracker(detector, selection, encoder)
        tracker = make_tracker(name, with_min_score(name, assignments, detector), frame_rate)
    score_range = detector.score_range if isinstance(detector, PrecomputedDetector) else None
    return TrackingRun(sequence, detector, tracker, selection, motion, score_range, encoder, parallel=uses_images)


def track_to_files(
    run: TrackingRun, out: Path, format: Format = "mot", video: bool = False, show: bool = False, quiet: bool = True
) -> dict[str, Any]:
    """Track one sequence, write its results, and return its summary.

    Ctrl-C ends a live camera (of unknown length), whose results are written; for other sequences nothing is written and
    KeyboardInterrupt raised.
    """
    sequence, interrupted = run.sequence, False
    name, length = sequence.name, sequence.length
    film = out / f"{name}.mp4" if video else None
    with VideoOutput(film, sequence.frame_rate, name if show else None, sequence.is_irregular) as output:
        try:
            for frame, tracks in progress(run, name, length, quiet):
                with run.timer.time("writing"):
                    output.add(frame, tracks)
        except KeyboardInterrupt:
            if length is not None:
                raise KeyboardInterrupt(f"{name} is unfinished, nothing of it was written") from None
            interrupted = True
    with run.timer.time("writing"):
        write_tracks(out / f"{name}.{SUFFIXES[format]}", run.result(), format)
    return {**summarise(run), "interrupted": interrupted}


def write_tracks(path: Path, tracks: Annotation, format: Format) -> None:
    """Write tracks in MOTChallenge format or as a table. Raises UserError, MissingExtra for Parquet without pyarrow."""
    if format == "mot":
        write_results(path, tracks)
    else:
        write_table(path, tracks, format)


def open_sequences(sources: Iterable[Source]) -> list[Sequence]:
    """Open the sequences of all sources. Raises UserError if two have the same name, as they would share a file."""
    sequences = [sequence for source in sources for sequence in open_source(source)]
    names = [sequence.name for sequence in sequences]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{names.count(name)} sources are called {name}: their results would overwrite each other")
    return sequences


def choose_tracker(
    tracker: str | None, settings: Path | None, assignments: tuple[str, ...]
) -> tuple[str | None, tuple[str, ...]]:
    """The tracker's name, and the `name=value` of the settings file followed by `assignments`, which override them.

    Raises UserError if the file is invalid or for another tracker than `tracker`.
    """
    if settings is None:
        return tracker, assignments
    name, from_file = read_settings(settings)
    if tracker not in (None, name):
        raise UserError(f"--tracker {tracker}: {settings} is for {name}")
    return name, from_file + assignments
