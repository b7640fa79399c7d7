"""Track videos: `track` yields the tracks of each frame, `track_videos` writes files; TrackingRun has the loop."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting
from idfree.core.settings import Assignments, split_assignments
from idfree.core.types import Detector, Frame, Sequence, Tracks
from idfree.core.workers import PicklableFactory, WorkerPool
from idfree.counting.request import CountRequest
from idfree.counting.shapes import Shapes
from idfree.detectors.scores import ScoreScale
from idfree.pipelines.detection.callable_detector import DetectorFunction
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.pipelines.detection.open_detector import ClassesLike, DetectorConfig, open_any_detector
from idfree.pipelines.detection.stored_detections import load_public
from idfree.pipelines.tracking.annotated_video import VideoSettings
from idfree.pipelines.tracking.finished_tracks import read_summaries
from idfree.pipelines.tracking.fixed_lag_run import FixedLagRun, check_lag
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.results_stream import SUFFIXES, Format
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.tracking.track_sequence import TrackingJob, track_sequence
from idfree.pipelines.tracking.track_tasks import SequenceTask, Source, check_pool, open_sequences, run_tasks
from idfree.pipelines.tracking.tracker_settings import choose_tracker
from idfree.pipelines.tracking.write_tracks import Outputs
from idfree.pipelines.video_jobs import open_for_workers, spec_for_workers
from idfree.sequences import open_source
from idfree.trackers.registry import Tracker


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
    (sequence,) = sequences
    opened, numbers = open_any_detector(detector, classes, scores, sequence)
    appearance, camera = ("none" if spec is None else str(spec) for spec in (appearance, camera))
    run = make_tracking_run(
        sequence,
        opened,
        tracker,
        set,
        Selection(start, frames, every, numbers, min_score, min_area, appearance, class_agnostic, boxes),
        images=images,
        camera=camera,
        encoder=open_appearance(appearance),
        public=load_public(None if public is None else str(public), sequence),
    )
    return iter(run if lag is None else FixedLagRun(run, lag, keeps_images=images))


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
    sequences, pool = open_sequences(sources), WorkerPool(workers, dask)
    check_pool(sequences, pool, show)
    folder = Path("runs") / "track" / sequences[0].name if out is None else Path(out)
    video_settings = VideoSettings(video_height, CountRequest.read(lines, zones, anchor, scale, homography))
    is_quiet = quiet or pool.uses_other_processes(len(sequences))
    outputs = Outputs(pool.path_for_workers(folder), format, video, show, video_settings, offline, lag, is_quiet)
    assignments = split_assignments(set, ("detector",))
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    opened = open_for_workers(config, pool, len(sequences))
    appearance, camera = (spec_for_workers(spec, pool) for spec in (appearance, camera))
    numbers = config.class_numbers()
    selection = Selection(start, frames, every, numbers, min_score, min_area, appearance, class_agnostic, boxes)
    encoder = PicklableFactory(open_appearance, appearance, device, opened.threads)
    name, overrides = choose_tracker(tracker, settings, assignments[""])
    job = TrackingJob(
        detector=opened,
        tracker=name,
        assignments=overrides,
        encoder=encoder,
        selection=selection,
        camera=camera,
        public=None if public is None else spec_for_workers(public, pool),
        frame_rate=frame_rate,
        outputs=outputs,
        skips_finished=not (force or show) and len(sequences) > 1,
    )
    given = [] if settings is None else [settings]
    refuse_overwriting(outputs.all_files(sequences), [*job.inputs(sequences), *given])
    tasks = prepare_tasks(sequences, folder)
    return run_tasks(partial(track_sequence, job=job), tasks, pool, folder, SUFFIXES[format], quiet, on_result)


def prepare_tasks(sequences: Iterable[Sequence], folder: Path) -> list[SequenceTask]:
    """A task for each sequence, with what summary.json in the folder says of it; the folder is made if needed."""
    make_folder(folder)
    earlier = read_summaries(folder)
    return [SequenceTask(sequence, earlier.get(sequence.name)) for sequence in sequences]
