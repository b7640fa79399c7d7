"""Track videos: `track` yields the tracks of each frame, `track_videos` writes files; TrackingRun has the loop."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting
from idfree.core.progress import progress
from idfree.core.reading import exists
from idfree.core.settings import Assignments, parse_assignments, split_assignments
from idfree.core.types import Detector, Frame, Sequence, Tracks
from idfree.core.workers import PicklableFactory, WorkerPool
from idfree.counting.request import CountRequest
from idfree.counting.shapes import Shapes
from idfree.detectors import PrecomputedDetector
from idfree.detectors.classes import drawn_class_names
from idfree.detectors.scores import ScoreScale
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.pipelines.camera_motion import KeptCameraMotion, open_camera_motion
from idfree.pipelines.count import count_file
from idfree.pipelines.count_report import paths_of as count_paths
from idfree.pipelines.film import AS_SOURCE, Film, FilmSettings
from idfree.pipelines.finished_tracks import SUMMARY, describe_request, file_sizes, is_finished, read_finished
from idfree.pipelines.first_image import first_image
from idfree.pipelines.late_run import LateRun, check_lag
from idfree.pipelines.open_appearance import automatic_encoder, leave_out_embeddings, open_appearance
from idfree.pipelines.open_detector import (
    CallableDetector,
    ClassesLike,
    DetectorConfig,
    DetectorFunction,
    DetectorOf,
    open_any_detector,
)
from idfree.pipelines.refine import refine_written
from idfree.pipelines.results_stream import SUFFIXES, Format, ResultsStream
from idfree.pipelines.run_summary import summarise
from idfree.pipelines.selection import Selection
from idfree.pipelines.stored_detections import load_public
from idfree.pipelines.track_tasks import Outcome, SequenceTask, Source, check_pool, open_sequences, run_tasks
from idfree.pipelines.tracker_settings import choose_tracker, with_min_score, with_new_score
from idfree.pipelines.tracking_run import TrackingRun
from idfree.pipelines.video_jobs import VideoJobs
from idfree.sequences import open_source
from idfree.trackers.lost_tracks import LostTracks, layers
from idfree.trackers.refinding import Refinding
from idfree.trackers.registry import DEFAULT_TRACKER, Tracker, make_tracker, tracker_name

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder


def track(
    source: Source,
    detector: str | Path | Detector | DetectorFunction = "people",
    tracker: str | Tracker | type[Tracker] | None = None,
    *,
    set: Assignments = (),
    images: bool = True,
    camera: str | Path | None = "auto",
    appearance: str | Path | None = "auto",
    classes: ClassesLike = "",
    scores: ScoreScale = "auto",
    start: int = 1,
    frames: int | None = None,
    every: int = 1,
    min_score: float = float("-inf"),
    min_area: float = 0.0,
    public: str | Path | None = None,
    class_agnostic: bool = False,
    boxes: str = "filtered",
    lag: float | None = None,
) -> Iterator[tuple[Frame, Tracks]]:
    """Track one video or camera: yield each frame with its tracks.

    detector: as the option `--detector`, or a function from a Frame to Detections or to anything that
    `Detections.convert` accepts. tracker: a name, a class or an instance; by default `fused`. set: `name=value`
    overrides of the tracker's settings, or a dict. images: False leaves images unread if nothing needs them. classes:
    numbers, or names that the model knows; one or several. lag: seconds; the tracks are refined (as by `refine`) and
    frames come so much later. The others are as the options of these names. Raises UserError, also if the source has
    several sequences.
    """
    check_lag(lag)
    sequences = open_source(source)
    if len(sequences) > 1:
        raise UserError(f"{source}: holds {len(sequences)} sequences; track them one by one")
    opened, numbers = open_any_detector(detector, classes, scores, sequences[0])
    appearance, camera = ("none" if spec is None else str(spec) for spec in (appearance, camera))
    encoder = open_appearance(appearance)
    selection = Selection(start, frames, every, numbers, min_score, min_area, appearance, class_agnostic, boxes)
    near = load_public(None if public is None else str(public), sequences[0])
    run = prepare(sequences[0], opened, tracker, set, selection, images, camera, encoder, near)
    return iter(run if lag is None else LateRun(run, lag, keeps_images=images))


def track_videos(
    sources: Source | Iterable[Source],
    out: str | Path | None = None,
    *,
    detector: str | Path = "people",
    detector_format: str | None = None,
    scores: ScoreScale = "auto",
    classes: ClassesLike = "",
    tracker: str | None = None,
    settings: str | Path | None = None,
    set: Assignments = (),
    appearance: str | Path | None = "auto",
    camera: str | Path | None = "auto",
    start: int = 1,
    frames: int | None = None,
    every: int = 1,
    min_score: float = float("-inf"),
    min_area: float = 0.0,
    public: str | Path | None = None,
    class_agnostic: bool = False,
    boxes: str = "filtered",
    frame_rate: float | None = None,
    video: bool = False,
    video_height: int | None = None,
    show: bool = False,
    lines: Shapes = (),
    zones: Shapes = (),
    anchor: str = "bottom",
    scale: float | None = None,
    homography: Any = None,
    format: Format = "mot",
    offline: bool = False,
    lag: float | None = None,
    device: str = "auto",
    force: bool = False,
    workers: int = 1,
    dask: str | None = None,
    quiet: bool = True,
    on_result: Callable[[Path, dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Track all sequences of the sources; write OUT/NAME.txt and OUT/summary.json, and return the summary.

    out: by default runs/track/NAME. settings: file of `idfree tune`, overridden by `set`: `name=value` for the tracker,
    `detector.name=value` for the detector. public: as the option `--public`. frame_rate: overrides the source's. video:
    also write OUT/NAME.mp4 with the tracks drawn, video_height pixels high if that is less than the source. show: also
    show it in a window. lines, zones, anchor, scale, homography: count, as `count` does, drawn live, and write its
    files. offline: at the end of each sequence, make whole-video tracks of its tracks, as `refine` does, and draw
    these. lag: do so while frames come, each so many seconds late. on_result: called with the result file and
    summary of each sequence. force: repeat finished work; otherwise, of several sequences, those whose results are
    complete and from the same request are skipped. workers, dask: processes, or the address of a Dask scheduler,
    that track a sequence each. The other arguments are as the options of `idfree track`. Raises UserError; also
    after an error or Ctrl-C, what was tracked is written, and summary.json lists each sequence, and whether it is
    "complete".
    """
    check_lag(lag, offline)
    appearance, camera = ("none" if spec is None else str(spec) for spec in (appearance, camera))
    settings = None if settings is None else Path(settings)
    sequences, pool = open_sequences(sources), WorkerPool(workers, dask)
    check_pool(sequences, pool, show)
    film = FilmSettings(video_height, CountRequest.read(lines, zones, anchor, scale, homography))
    jobs = VideoJobs({sequence.name: sequence.source or Path(sequence.name) for sequence in sequences}, pool)
    out = Path("runs") / "track" / sequences[0].name if out is None else Path(out)
    assignments = split_assignments(set, ("detector",))
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    detector_of = jobs.open_detector(config)
    limits = (config.class_numbers(), min_score, min_area)
    selection = Selection(start, frames, every, *limits, appearance, class_agnostic, boxes)
    encoder = PicklableFactory(open_appearance, jobs.spec_for_workers(appearance), device, jobs.threads)
    suffixes = [SUFFIXES[format], *["mp4"] * video]
    near = None if public is None else jobs.spec_for_workers(str(public))
    outputs = output_files(sequences, out, suffixes, film)
    read = [path for s in sequences for path in (s.source, s.folder, settings) if path is not None]
    refuse_overwriting(outputs, [*read, *config.inputs(), appearance, camera, *filter(None, [near])])
    make_folder(out)
    name, overrides = choose_tracker(tracker, settings, tuple(assignments[""]))
    process = partial(
        track_sequence,
        out=jobs.path_for_workers(out),
        config=config,
        detector_of=detector_of,
        tracker=name,
        assignments=overrides,
        selection=selection,
        encoder=encoder,
        appearance=jobs.spec_for_workers(appearance),
        camera=jobs.spec_for_workers(camera) if exists(Path(camera)) else camera,
        public=near,
        frame_rate=frame_rate,
        suffixes=suffixes,
        format=format,
        show=show,
        film=film,
        offline=offline,
        lag=lag,
        quiet=quiet or jobs.uses_other_processes,
    )
    earlier = {} if force or show or len(sequences) == 1 else read_finished(out)
    tasks = [SequenceTask(sequence, earlier.get(sequence.name)) for sequence in sequences]
    return run_tasks(process, tasks, pool, out, SUFFIXES[format], quiet, on_result)


def output_files(sequences: Iterable[Sequence], out: Path, suffixes: list[str], film: FilmSettings) -> list[Path]:
    """All files that tracking the sequences writes."""
    counts = [path for s in sequences if film.count for path in count_paths(out, s.name)]
    return [*(out / f"{s.name}.{suffix}" for s in sequences for suffix in suffixes), *counts, out / SUMMARY]


def track_sequence(
    task: SequenceTask,
    out: Path,
    config: DetectorConfig,
    detector_of: PicklableFactory[DetectorOf],
    tracker: str | None,
    assignments: tuple[str, ...],
    selection: Selection,
    encoder: "PicklableFactory[Encoder | None]",
    appearance: str,
    camera: str,
    public: str | None,
    frame_rate: float | None,
    suffixes: list[str],
    format: Format,
    show: bool,
    film: FilmSettings,
    offline: bool,
    lag: float | None,
    quiet: bool,
) -> Outcome:
    """Track one sequence and write its files, unless that is done. Arguments as in `track_videos`."""
    sequence = task.sequence if frame_rate is None else task.sequence.at_rate(frame_rate)
    video = "mp4" in suffixes
    detector, images = detector_of.instance(sequence), video or show
    near = load_public(public, sequence)
    run = prepare(sequence, detector, tracker, assignments, selection, images, camera, encoder.instance, near)
    if offline and run.camera is not None:
        run.camera = KeptCameraMotion(run.camera)
    run.kept = KeptEmbeddings() if offline else None
    files = [out / f"{sequence.name}.{suffix}" for suffix in suffixes]
    outputs = [*suffixes, *["offline"] * offline, *[f"lag {lag}"] * (lag is not None)]
    request = describe_request(run, config, appearance, camera, public, outputs)
    request |= {"count": film.count.to_json()} if film.count else {}
    request |= {"video_height": film.height} if film.height and video else {}
    if task.earlier is not None and is_finished(task.earlier, request, files):
        return {**task.earlier, "skipped": True}, None
    summary, failure = write_tracks(run, out, format, video and not offline, show, quiet, lag, film)
    if offline and summary is not None and failure is None:
        names, path = drawn_class_names(run.detector), files[1] if video else None
        maps = run.camera.all_maps() if isinstance(run.camera, KeptCameraMotion) else None
        summary |= refine_written(files[0], run.sequence, names, run.kept, maps, path, quiet, film)
    if film.count and summary is not None and failure is None:
        names, image = drawn_class_names(run.detector), first_image(sequence)
        summary |= {"count": count_file(files[0], run.sequence, film.count, out, image=image, class_names=names)}
    if summary is not None:
        summary |= {"skipped": False, "request": request, "bytes": file_sizes(files)}
    return summary, failure


def prepare(
    sequence: Sequence,
    detector: Detector,
    tracker: str | Tracker | type[Tracker] | None = None,
    assignments: Assignments = (),
    selection: Selection | None = None,
    images: bool = True,
    camera: str = "none",
    encoder: "Encoder | None" = None,
    public: Detector | None = None,
) -> TrackingRun:
    """Assemble a TrackingRun. Raises UserError for an unknown tracker, setting or camera motion.

    tracker, assignments: as `tracker` and `set` of `track`. camera: as the option `--camera`. encoder: embeds the
    detections, in place of their own embeddings; None: as `selection.appearance` says. public: gives the detections
    near which alone tracks may start. images: whether the caller needs images; if neither the caller nor the detector,
    camera motion or encoder does, they are not read.
    """
    selection = selection or Selection()
    encoder = encoder or automatic_encoder(selection.appearance, detector)
    detector = leave_out_embeddings(detector, selection.appearance, encoder)
    uses_images = images or detector.needs_images or encoder is not None
    motion = open_camera_motion(camera, sequence, uses_images)
    uses_images |= motion is not None and motion.needs_images
    if not uses_images:
        sequence = sequence.without_images()
    frame_rate = sequence.frame_rate  # of the source: trackers count the time of skipped frames, too
    sequence = selection.select_frames(sequence)
    texts = tuple(parse_assignments(assignments))
    is_made = isinstance(tracker, Tracker | LostTracks)
    if is_made and texts:
        raise UserError(f"{', '.join(texts)}: the tracker is made already, with its own settings")
    if not isinstance(tracker, Tracker | LostTracks):
        name = tracker_name(tracker or DEFAULT_TRACKER)
        texts = with_new_score(name, with_min_score(name, texts, detector), detector)
        tracker = make_tracker(name, texts, frame_rate)
    tracker.class_agnostic |= selection.class_agnostic
    tracker.detected_boxes |= selection.boxes == "detected"
    score_range = detector.score_range if isinstance(detector, PrecomputedDetector | CallableDetector) else None
    return TrackingRun(sequence, detector, tracker, selection, motion, score_range, encoder, uses_images, public)


def write_tracks(
    run: TrackingRun,
    out: Path,
    format: Format,
    video: bool,
    show: bool,
    quiet: bool,
    lag: float | None = None,
    settings: FilmSettings = AS_SOURCE,
) -> tuple[dict[str, Any] | None, BaseException | None]:
    """Track one sequence and write its results as they come (lag: s late, and refined); its summary, and the error that
    ended it, or None.

    The summary is None if nothing was tracked, or none of it could be written.

    What was tracked before an error or Ctrl-C is written, and "complete" is False. A live camera (of unknown length) is
    complete when Ctrl-C ends it, without an error.
    """
    sequence, interrupted = run.sequence, False
    name, length = sequence.name, sequence.count
    path = out / f"{name}.mp4" if video else None
    title, names = name if show else None, drawn_class_names(run.detector)
    results = ResultsStream(out / f"{name}.{SUFFIXES[format]}", format, names)
    refinds = any(isinstance(each, Refinding) for each in layers(run.tracker)[1])  # then occlusions are of interest
    failure: BaseException | None = None
    loop = run if lag is None else LateRun(run, lag, keeps_images=video or show)
    rest: Iterable[tuple[Frame, Tracks]] = loop.rest() if isinstance(loop, LateRun) else ()
    try:
        with Film(sequence, path, title, names, settings, run.timer.time) as film:

            def write(frames: Iterable[tuple[Frame, Tracks]]) -> None:
                for frame, tracks in frames:
                    with run.timer.time("writing"):
                        results.add(frame, tracks)
                        film.add(frame, tracks, loop.motion, loop.occlusions if refinds else None)

            try:
                write(progress(loop, name, length, quiet))
            except KeyboardInterrupt:  # the film is finished, too
                interrupted = True
                if length is not None and not run.counts.frames:
                    raise KeyboardInterrupt(f"nothing of {name} was tracked yet") from None
            write(rest)
        with run.timer.time("writing"):
            results.finish()
    except BaseException as error:
        failure = error
        with suppress(UserError):
            for frame, tracks in rest:
                results.add(frame, tracks)
        results.finish_after_failure(can_be_repeated=length is not None)
    if interrupted and failure is None and length is not None:
        failure = KeyboardInterrupt(f"the {run.counts.frames} frames of {name} until then are in {results.path}")
    if not results.is_finished:
        return None, failure
    was_interrupted = interrupted or isinstance(failure, KeyboardInterrupt)
    late = loop.describe() if isinstance(loop, LateRun) else {}
    return {**summarise(run), **late, "interrupted": was_interrupted, "complete": failure is None}, failure
