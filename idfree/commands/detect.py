"""run a detector and an appearance model once and store boxes and embeddings, to compare trackers on them

example: idfree detect street.mp4 --detector yolox.onnx --appearance osnet.onnx -o runs/street
         idfree track street.mp4 --detector runs/street --tracker deepsort     (and fairmot, botsort …)
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import (
    SOURCES,
    add_detector,
    add_frames,
    add_workers,
    describe_no_detections,
    detector_arguments,
    frame_arguments,
    output_folder,
    run_arguments,
    worker_arguments,
)
from idfree.commands.next_steps import command_line, frame_options, next_step, tell
from idfree.core.wording import counted

LIMIT_SOURCES = {
    "model": "of the model",
    "tracklets": "calibrated on tracklets of these boxes",
    "user": "of --limit",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("source", nargs="+", help=SOURCES)
    add_(
        "-o",
        "--out",
        type=output_folder,
        required=True,
        metavar="DIR",
        help="folder for NAME.npy (without embeddings NAME.txt), to be read with --detector DIR",
    )
    add_detector(parser)
    add_(
        "--appearance",
        default="own",
        help="embeddings: own (the detector's), colour (histogram), model.onnx (crop Re-ID) or none (default: own)",
    )
    add_(
        "--limit",
        default="auto",
        help="match threshold, a cosine distance: a number, auto (the model's or, without one, calibrated on tracklets"
        " of these boxes, without labels), tracklets (always calibrated) or none (unknown) (default: auto)",
    )
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of the detector: detector.NAME=VALUE",
    )
    add_frames(parser)
    add_("--min-score", type=float, default=float("-inf"), help="drop detections with a lower score (default: none)")
    add_workers(parser)
    add_("--force", action="store_true", help="process videos again whose results are complete")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Detect in every video, and print a summary of each; return the reports."""
    from idfree.pipelines.detect import detect

    result = detect(
        options.source,
        options.out,
        set=options.set,
        appearance=options.appearance,
        limit=options.limit,
        **detector_arguments(options),
        **frame_arguments(options),
        min_score=options.min_score,
        force=options.force,
        **worker_arguments(options),
        **run_arguments(options),
    )
    if not (options.json or options.quiet):
        for report in result["videos"].values():
            print(format_summary(report, options.out, options.classes))
        if any(report["detections"] for report in result["videos"].values()):
            words = ("track", *options.source, "--detector", options.out, *frame_options(options), "--video")
            tell(options, next_step("To track with these detections", command_line(*words)))
    return result


def format_summary(report: dict[str, Any], out: Path, classes: str = "") -> str:
    """Counts and embeddings of one video, in one line. classes: the only ones that were to be detected."""
    appearance, embeddings = report["appearance"], "no embeddings"
    if appearance:
        threshold = "match threshold unknown"
        if appearance["limit"] is not None:
            threshold = (
                f"match threshold (cosine distance) {appearance['limit']:.3f} {LIMIT_SOURCES[appearance['limit_by']]}"
            )
        embeddings = f"embeddings of {appearance['dimension']} numbers by {appearance['name']}, {threshold}"
    skipped = " (finished before, --force does it again)" if report["skipped"] else ""
    found = describe_no_detections(report["detections"], classes) or counted(report["detections"], "detection")
    counts = f"{found} in {counted(report['frames'], 'frame')}"
    return f"{out / report['file']}: {counts}, {embeddings}{skipped}"
