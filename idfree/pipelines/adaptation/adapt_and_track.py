"""Adapt to videos, then track them with what won: `idfree track VIDEO --adapt`."""

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.files import refuse_overwriting
from idfree.core.settings import Assignments, parse_assignments, split_assignments
from idfree.core.types import Sequence
from idfree.counting.request import CountRequest
from idfree.pipelines.adapt import adapt, remove_choice
from idfree.pipelines.detection.stored_detections import load_public
from idfree.pipelines.labelling.crop_sets import TooFewTracklets
from idfree.pipelines.track import track_videos
from idfree.pipelines.tracking.annotated_video import VideoSettings
from idfree.pipelines.tracking.camera_motion import open_camera_motion
from idfree.pipelines.tracking.fixed_lag_run import check_lag
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.tracking.track_tasks import Source, open_sequences
from idfree.pipelines.tracking.tracker_settings import choose_tracker
from idfree.pipelines.tracking.write_tracks import Outputs
from idfree.trackers.registry import DEFAULT_TRACKER, make_tracker, tracker_name

LOG = logging.getLogger("idfree")

SHARED = ("detector", "detector_format", "scores", "classes", "start", "frames", "every", "workers", "dask", "device")
FOLDER = "adapt"  # below OUT
ASK = "; `idfree adapt` has these settings, and --appearance takes its model"  # `track --set` has the tracker's


def adapt_and_track(
    sources: Source | Iterable[Source],
    out: str | Path | None = None,
    *,
    appearance: str = "auto",
    set: Assignments = (),
    seed: int = 0,
    quiet: bool = True,
    on_adapted: Callable[[str], None] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """As `track_videos`, with the appearance that `adapt` finds best for these videos, without training a network.

    OUT/adapt gets its files. Without enough tracklets to learn from, it is plain colour, and what an earlier run chose
    is deleted there. on_adapted: called with what was chosen, in words. Raises UserError.
    """
    if appearance != "auto":
        raise UserError(f"--appearance {appearance}: --adapt chooses the appearance itself; give one of the two")
    sequences = open_sequences(sources)
    videos = [sequence.source for sequence in sequences]
    if any(video is None or sequence.length is None for video, sequence in zip(videos, sequences, strict=True)):
        raise UserError("--adapt: needs videos or images in files, which are read twice, not a camera or a stream")
    out = Path("runs") / "track" / sequences[0].name if out is None else Path(out)
    check_tracking(sequences, out, set, options)
    shared = {name: options[name] for name in SHARED if name in options}
    own = [each for each in parse_assignments(set) if each.startswith("detector.")]
    try:
        report = adapt(
            [str(each) for each in videos], out / FOLDER, train=False, set=own, seed=seed, quiet=quiet, **shared
        )
        chosen, page = str(report["model"]), out / FOLDER / "report.html"
        verdict = f"{report['verdict']}\n{chosen}; report: {page}"
    except TooFewTracklets as error:
        chosen, verdict = "colour", f"tracked with plain colour, as there is too little to learn from: {error}{ASK}"
        if remove_choice(out / FOLDER):
            LOG.warning("%s: the model and the report of an earlier run, which are not used, are deleted", out / FOLDER)
    if on_adapted is not None:
        on_adapted(verdict)
    return track_videos(sources, out, appearance=chosen, set=set, quiet=quiet, **options)


def check_tracking(sequences: list[Sequence], out: Path, set: Assignments, options: Mapping[str, Any]) -> None:
    """Raises UserError for options of the tracking that cannot be: before anything is learnt, which takes its time.

    options: those of `track_videos`.
    """
    check_lag(options.get("lag"), options.get("offline", False))
    counted = (options.get(name) for name in ("scale", "homography"))
    shapes = (options.get("lines", ()), options.get("zones", ()), options.get("anchor", "bottom"))
    video_settings = VideoSettings(options.get("video_height"), CountRequest.read(*shapes, *counted))
    Selection(**{name: options[name] for name in ("min_score", "min_area", "boxes") if name in options})
    settings, tracker_settings = options.get("settings"), split_assignments(set, ("detector",))[""]
    tracker, assignments = choose_tracker(options.get("tracker"), settings, tracker_settings)
    for sequence in sequences:
        rate, public = options.get("frame_rate"), options.get("public")
        timed = sequence if rate is None else sequence.at_rate(rate)
        make_tracker(tracker_name(tracker or DEFAULT_TRACKER), assignments, timed.frame_rate)
        load_public(None if public is None else str(public), timed)
        open_camera_motion(str(options.get("camera") or "none"), timed, reads_images=True)
    outputs = Outputs(out, options.get("format", "mot"), options.get("video", False), video_settings=video_settings)
    read = [path for s in sequences for path in (s.source, s.folder, settings) if path is not None]
    refuse_overwriting(outputs.all_files(sequences), read)
