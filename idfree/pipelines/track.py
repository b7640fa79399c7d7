"""Track videos: `track` yields the tracks of each frame, `track_videos` writes files; TrackingRun has the loop."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.core.arrays import describe
from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting, write_text
from idfree.core.progress import progress
from idfree.core.settings import Assignments, parse_assignments, split_assignments
from idfree.core.types import Detector, Frame, Sequence, Tracks
from idfree.core.version import __version__
from idfree.detectors import PrecomputedDetector
from idfree.detectors.classes import drawn_class_names
from idfree.detectors.scores import ScoreScale
from idfree.pipelines.camera_motion import open_camera_motion
from idfree.pipelines.finished_tracks import SUMMARY, describe_request, file_sizes, is_finished, read_finished
from idfree.pipelines.open_appearance import default_tracker, leave_out_embeddings, open_appearance
from idfree.pipelines.open_detector import (
    CallableDetector,
    ClassesLike,
    DetectorConfig,
    DetectorFunction,
    join_classes,
    parse_class_numbers,
)
from idfree.pipelines.refine import refine_written
from idfree.pipelines.results_stream import Format, ResultsStream
from idfree.pipelines.run_summary import summarise
from idfree.pipelines.selection import Selection
from idfree.pipelines.tracker_settings import read_settings, with_min_score
from idfree.pipelines.tracking_run import TrackingRun
from idfree.sequences import open_source
from idfree.show.video_output import VideoOutput
from idfree.trackers.registry import Tracker, make_tracker, tracker_name

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

Source = str | int | Path

SUFFIXES: dict[Format, str] = {"mot": "txt", "csv": "csv", "json": "json", "parquet": "parquet"}


def track(
    source: Source,
    detector: str | Path | Detector | DetectorFunction = "hog",
    tracker: str | Tracker | type[Tracker] | None = None,
    *,
    set: Assignments = (),
    images: bool = True,
    camera: str | Path | None = "auto",
    appearance: str | Path | None = "own",
    classes: ClassesLike = "",
    scores: ScoreScale = "auto",
    start: int = 1,
    frames: int | None = None,
    every: int = 1,
    min_score: float = float("-inf"),
    min_area: float = 0.0,
) -> Iterator[tuple[Frame, Tracks]]:
    """Track one video or camera: yield each frame with its tracks.

    detector: as the option `--detector`, or a function from a Frame to Detections or to anything that
    `Detections.convert` accepts. tracker: a name, a class or an instance; by default `fused` with embeddings,
    otherwise `bytetrack`. set:
    `name=value` overrides of the tracker's settings, or a dict. images: False leaves images unread if nothing needs
    them. classes: numbers, or names that the model knows; one or several. The others are as the options of these
    names. Raises UserError, also if the source has several sequences.
    """
    sequences = open_source(source)
    if len(sequences) > 1:
        raise UserError(f"{source}: holds {len(sequences)} sequences; track them one by one")
    opened, numbers = open_any_detector(detector, classes, scores, sequences[0])
    appearance, camera = ("none" if spec is None else str(spec) for spec in (appearance, camera))
    encoder = open_appearance(appearance)
    selection = Selection(start, frames, every, numbers, min_score, min_area, appearance)
    return iter(prepare(sequences[0], opened, tracker, set, selection, images, camera, encoder))


def open_any_detector(
    detector: str | Path | Detector | DetectorFunction, classes: ClassesLike, scores: ScoreScale, sequence: Sequence
) -> tuple[Detector, tuple[int, ...]]:
    """The detector of a sequence, and the class numbers to select in its detections. Raises UserError."""
    if isinstance(detector, str | Path):
        config = DetectorConfig.from_options(detector, classes=classes, scores=scores)
        return config.open()(sequence), config.class_numbers()
    if isinstance(detector, type) or not callable(detector):
        raise UserError(
            f"detector is {describe(detector)}, expected hog, det, the path of a file or folder, or a function from a"
            " Frame to Detections"
        )
    numbers = parse_class_numbers(join_classes(classes))
    if isinstance(detector, Detector):
        if scores not in ("auto", "raw"):
            raise UserError(f"scores={scores!r}: has no effect on a detector that is made: {detector.name}")
        return detector, numbers
    return CallableDetector(detector, scores=scores), numbers


def track_videos(
    sources: Source | Iterable[Source],
    out: str | Path | None = None,
    *,
    detector: str | Path = "hog",
    detector_format: str | None = None,
    scores: ScoreScale = "auto",
    classes: ClassesLike = "",
    tracker: str | None = None,
    settings: Path | None = None,
    set: Assignments = (),
    appearance: str = "own",
    camera: str = "auto",
    start: int = 1,
    frames: int | None = None,
    every: int = 1,
    min_score: float = float("-inf"),
    min_area: float = 0.0,
    frame_rate: float | None = None,
    video: bool = False,
    show: bool = False,
    format: Format = "mot",
    offline: bool = False,
    device: str = "auto",
    force: bool = False,
    quiet: bool = True,
    on_result: Callable[[Path, dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Track all sequences of the sources; write OUT/NAME.txt and OUT/summary.json, and return the summary.

    out: by default runs/track/NAME. settings: file of `idfree tune`, overridden by `set`: `name=value` for the tracker,
    `detector.name=value` for the detector. frame_rate: overrides the source's. video: also write OUT/NAME.mp4 with the
    tracks drawn. show: also show it in a window. offline: at the end of each sequence, make whole-video tracks of its
    tracks, as `refine` does, and draw these. on_result: called with the result file and summary of each sequence.
    force: repeat finished work; otherwise, of several sequences, those whose results are complete and from the same
    request are skipped. The other arguments are as the options of `idfree track`. Raises UserError; also after an error
    or Ctrl-C, what was tracked is written, and summary.json lists each sequence, and whether it is "complete".
    """
    sequences = open_sequences([sources] if isinstance(sources, str | int | Path) else sources)
    out = Path("runs") / "track" / sequences[0].name if out is None else Path(out)
    assignments = split_assignments(set, ("detector",))
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    detector_of = config.open()
    selection = Selection(start, frames, every, config.class_numbers(), min_score, min_area, appearance)
    encoder = open_appearance(appearance, device)
    suffixes = [SUFFIXES[format], *["mp4"] * video]
    outputs = [out / f"{s.name}.{suffix}" for s in sequences for suffix in suffixes]
    read = [path for s in sequences for path in (s.source, s.folder, settings) if path is not None]
    refuse_overwriting([*outputs, out / SUMMARY], [*read, *config.inputs(), appearance, camera])
    make_folder(out)
    earlier = {} if force or show or len(sequences) == 1 else read_finished(out)
    summaries: list[dict[str, Any]] = []
    for sequence in sequences:
        if frame_rate is not None:
            sequence = sequence.at_rate(frame_rate)
        name, overrides = choose_tracker(tracker, settings, tuple(assignments[""]))
        images = video or show
        run = prepare(sequence, detector_of(sequence), name, overrides, selection, images, camera, encoder)
        files = [out / f"{sequence.name}.{suffix}" for suffix in suffixes]
        request = describe_request(run, config, appearance, camera, [*suffixes, *["offline"] * offline])
        found, failure = earlier.get(sequence.name), None
        if found is not None and is_finished(found, request, files):
            summary: dict[str, Any] | None = {**found, "skipped": True}
        else:
            summary, failure = write_tracks(run, out, format, video and not offline, show, quiet)
            if offline and summary is not None and failure is None:
                film = files[1] if video else None
                summary |= refine_written(files[0], run.sequence, drawn_class_names(run.detector), encoder, film, quiet)
            if summary is not None:
                summary |= {"skipped": False, "request": request, "bytes": file_sizes(files)}
        if summary is not None:
            summaries.append(summary)
            is_complete = failure is None and len(summaries) == len(sequences)
            whole = {"idfree": __version__, "complete": is_complete, "sequences": summaries}
            with suppress(*[UserError] * (failure is not None)):  # the first error is told
                write_text(out / SUMMARY, json.dumps(whole, indent=2, allow_nan=False) + "\n")
        if failure is not None:
            raise failure
        if on_result is not None and summary is not None:
            on_result(files[0], summary)
    return whole


def prepare(
    sequence: Sequence,
    detector: Detector,
    tracker: str | Tracker | type[Tracker] | None = None,
    assignments: Assignments = (),
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
    detector = leave_out_embeddings(detector, selection.appearance, encoder)
    uses_images = images or detector.needs_images or encoder is not None
    motion = open_camera_motion(camera, sequence, uses_images)
    uses_images |= motion is not None and motion.needs_images
    if not uses_images:
        sequence = sequence.without_images()
    frame_rate = sequence.frame_rate  # of the source: trackers count the time of skipped frames, too
    sequence = selection.select_frames(sequence)
    texts = tuple(parse_assignments(assignments))
    if isinstance(tracker, Tracker) and texts:
        raise UserError(f"{', '.join(texts)}: the tracker is made already, with its own settings")
    if not isinstance(tracker, Tracker):
        name = tracker_name(tracker or default_tracker(detector, selection, encoder))
        tracker = make_tracker(name, with_min_score(name, texts, detector), frame_rate)
    score_range = detector.score_range if isinstance(detector, PrecomputedDetector | CallableDetector) else None
    return TrackingRun(sequence, detector, tracker, selection, motion, score_range, encoder, parallel=uses_images)


def track_to_files(
    run: TrackingRun, out: Path, format: Format = "mot", video: bool = False, show: bool = False, quiet: bool = True
) -> dict[str, Any]:
    """Track one sequence, write its results, and return its summary. Raises what `write_tracks` returns as failure."""
    summary, failure = write_tracks(run, out, format, video, show, quiet)
    if failure is not None:
        raise failure
    return summary or {}


def write_tracks(
    run: TrackingRun, out: Path, format: Format, video: bool, show: bool, quiet: bool
) -> tuple[dict[str, Any] | None, BaseException | None]:
    """Track one sequence and write its results as they come; its summary, and the error that ended it, or None.

    The summary is None if nothing was tracked, or none of it could be written.

    What was tracked before an error or Ctrl-C is written, and "complete" is False. A live camera (of unknown length) is
    complete when Ctrl-C ends it, without an error.
    """
    sequence, interrupted = run.sequence, False
    name, length = sequence.name, sequence.length
    film = out / f"{name}.mp4" if video else None
    title, names = name if show else None, drawn_class_names(run.detector)
    results = ResultsStream(out / f"{name}.{SUFFIXES[format]}", format, names)
    failure: BaseException | None = None
    try:
        with VideoOutput(film, sequence.frame_rate, title, sequence.is_irregular, names) as output:
            try:
                for frame, tracks in progress(run, name, length, quiet):
                    with run.timer.time("writing"):
                        results.add(frame, tracks)
                        output.add(frame, tracks, run.motion)
            except KeyboardInterrupt:  # the film is finished, too
                interrupted = True
                if length is not None and not run.counts.frames:
                    raise KeyboardInterrupt(f"nothing of {name} was tracked yet") from None
        with run.timer.time("writing"):
            results.finish()
    except BaseException as error:
        failure = error
        results.finish_after_failure(can_be_repeated=length is not None)
    if interrupted and failure is None and length is not None:
        failure = KeyboardInterrupt(f"the {run.counts.frames} frames of {name} until then are in {results.path}")
    if not results.is_finished:
        return None, failure
    was_interrupted = interrupted or isinstance(failure, KeyboardInterrupt)
    return {**summarise(run), "interrupted": was_interrupted, "complete": failure is None}, failure


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
