"""track people, or whatever the detector finds, through videos

example: idfree track street.mp4 --detector yolox.onnx --video -o runs/street
         writes runs/street/street.txt (frame,id,x,y,w,h,score,class,-1,-1), street.mp4 and summary.json
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from idfree.commands.common_options import (
    add_counting,
    add_detector,
    add_frames,
    add_workers,
    counting_arguments,
    describe_no_detections,
    detector_arguments,
    frame_arguments,
    output_folder,
    run_arguments,
    worker_arguments,
)
from idfree.commands.count import print_totals
from idfree.commands.next_steps import command_line, has_ground_truth, next_step, tell, video_called, view_step
from idfree.core.errors import UserError
from idfree.core.wording import counted
from idfree.pipelines.tracking.selection import BOXES
from idfree.trackers.registry import tracker_help

APPEARANCE_NAMES = {"own": "embeddings of the detector"}  # on screen
FORMATS = ("mot", "csv", "json", "parquet")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_(
        "source",
        nargs="+",
        help="video file, folder of images, camera number, rtsp://…, MOTChallenge sequence, or folder of sequences",
    )
    add_("-o", "--out", type=output_folder, help="folder for the results (default: runs/track/NAME)")
    add_detector(parser)
    add_tracking(parser)
    add_frames(parser)
    add_outputs(parser)
    add_workers(parser)
    add_("--force", action="store_true", help="process sources again whose results are complete")


def add_tracking(parser: argparse.ArgumentParser) -> None:
    """Declare the options of appearance, tracker and camera motion, and which detections are used."""
    add_ = parser.add_argument
    add_(
        "--appearance",
        default="auto",
        help="embeddings: own (the detector's), colour (histogram), people (crop network in the package), model.onnx"
        " (crop Re-ID), none, or auto: own or, where the detector gives none, colour (default: auto)",
    )
    add_(
        "--adapt",
        action="store_true",
        help="first choose or train an appearance model for the video, as `idfree adapt` does",
    )
    add_("--tracker", help=f"{tracker_help()}")
    add_(
        "--camera",
        default="auto",
        help="camera motion compensation: auto (where images are read), flow or ecc (stored for the next run), a GMC"
        " file or a folder of GMC-NAME.txt, or none (default: auto)",
    )
    add_(
        "--settings",
        type=Path,
        metavar="FILE",
        help="read the tracker and its settings from a file that `idfree tune` wrote",
    )
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of the tracker; detector.NAME: of the detector; an unknown name lists the known ones",
    )
    add_(
        "--public",
        metavar="FILE",
        help="public-detection protocol: tracks start only near these detections, det or a file as of --detector",
    )
    add_("--min-score", type=float, default=float("-inf"), help="drop detections with a lower score (default: none)")
    add_("--min-area", type=float, default=0.0, help="drop detections of a smaller area, in px² (default: 0)")
    add_(
        "--class-agnostic",
        action="store_true",
        help="a track may match detections of any class, and gets the most frequent one",
    )
    add_(
        "--boxes",
        choices=BOXES,
        default="filtered",
        help="boxes to write: the tracker's estimates, or those detected (default: filtered)",
    )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Declare the options of what is written, shown and counted."""
    add_ = parser.add_argument
    add_("--fps", type=float, help="frames per second (default: the source's)")
    add_("--video", action="store_true", help="also write an annotated H.264 .mp4")
    add_(
        "--video-height",
        type=int,
        metavar="N",
        help="height of that video in pixels; smaller is faster (default: the source's)",
    )
    add_("--show", action="store_true", help="show the annotated video in a window while it is tracked")
    add_("--count", action="store_true", help="count at --line and --zone, as `idfree count` does")
    add_counting(parser)
    add_(
        "--offline",
        action="store_true",
        help="at the end, link tracklets, fill gaps and smooth boxes, as `idfree refine` does",
    )
    add_(
        "--lag",
        type=float,
        metavar="SECONDS",
        help="the same as --offline for streams: each frame is written this much later",
    )
    add_("--format", choices=FORMATS, default="mot", help="file format of the results (default: mot)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Track every sequence of every source; return the summary."""
    from idfree.pipelines.adaptation.adapt_and_track import adapt_and_track
    from idfree.pipelines.track import track_videos

    if options.count and not (options.line or options.zone or options.scale or options.homography):
        raise UserError("--count: expected --line x1,y1,x2,y2 or --zone x1,y1,x2,y2,x3,y3…, in pixels of the video")
    is_told = not (options.json or options.quiet)
    adapted = {"seed": options.seed, "on_adapted": print if is_told else None}
    track: Callable[..., dict[str, Any]] = partial(adapt_and_track, **adapted) if options.adapt else track_videos
    summary = track(
        options.source,
        options.out,
        **detector_arguments(options),
        tracker=options.tracker,
        settings=options.settings,
        set=options.set,
        appearance=options.appearance,
        camera=options.camera,
        public=options.public,
        **frame_arguments(options),
        min_score=options.min_score,
        min_area=options.min_area,
        class_agnostic=options.class_agnostic,
        boxes=options.boxes,
        frame_rate=options.fps,
        video=options.video,
        video_height=options.video_height,
        show=options.show,
        **counting_arguments(options),
        format=options.format,
        offline=options.offline,
        lag=options.lag,
        force=options.force,
        **worker_arguments(options),
        **run_arguments(options),
        on_result=partial(print_summary, classes=options.classes, video=options.video) if is_told else None,
    )
    tell(options, *next_steps(options, summary["sequences"]))
    return summary


def next_steps(options: argparse.Namespace, summaries: list[dict[str, Any]]) -> list[str]:
    """How to look at the tracks of the first sequence that has some, and to evaluate all if there is ground truth."""
    names = [summary["name"] for summary in summaries if summary["tracks"]]
    if not names:
        return []
    suffix = "txt" if options.format == "mot" else options.format
    folder = options.out or Path("runs") / "track" / summaries[0]["name"]
    steps = [view_step(folder / f"{names[0]}.{suffix}", video_called(names[0], options.source))]
    if suffix != "json" and (options.start, options.frames) == (1, None) and has_ground_truth(options.source):
        every = ["--every", options.every] if options.every > 1 else []
        steps.append(next_step("To evaluate them", command_line("eval", folder, options.source[0], *every)))
    return steps


def print_summary(path: Path, summary: dict[str, Any], classes: str = "", video: bool = False) -> None:
    """Print the counts and the speed of one sequence, its appearance model, and whether its camera moved.

    classes: the only ones that were to be detected. video: whether one was written beside the results.
    """
    from idfree.pipelines.tracking.camera_motion import describe_motion
    from idfree.pipelines.tracking.tracker_settings import describe_min_score

    tracks, boxes = counted(summary["tracks"], "track"), counted(summary["boxes"], "box")
    counts = f"{tracks}, {boxes} in {counted(summary['frames'], 'frame')}"
    appearance = summary.get("appearance")
    remarks = (
        describe_no_detections(summary.get("detections"), classes),
        describe_no_tracks(summary),
        f"{counted(summary['frames_lost'], 'frame')} lost" if summary["frames_lost"] else "",
        describe_min_score(summary),
        f"appearance: {APPEARANCE_NAMES.get(appearance['name'], appearance['name'])}" if appearance else "",
        describe_motion(summary.get("camera")),
        "kept from an earlier run" if summary["skipped"] else "",
    )
    rate = describe_rate(summary["frames_per_second"].get("all"))
    print(f"{path}: {counts}{rate}{''.join(f', {remark}' for remark in remarks if remark)}")
    if video:
        print(f"{path.with_suffix('.mp4')}: the video with the tracks drawn in")
    if "count" in summary:
        print_totals(summary["count"])


def describe_no_tracks(summary: dict[str, Any]) -> str:
    """That no detection has started a track, so that none are of use; "" if there are tracks, or no detections."""
    detections = summary.get("detections")
    if summary["tracks"] or not detections:
        return ""
    found = counted(detections, "detection")
    return f"none of {found} starts a track: their scores are low, or they are seen too briefly"


def describe_rate(rate: float | None) -> str:
    """The speed of processing, in frames per second, with a decimal below 10, as text; "" if unknown."""
    if rate is None:
        return ""
    number = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}" if rate >= 0.1 else "under 0.1"
    return f" (processed at {number} frames/s)"
