"""run a detector and an appearance encoder once and store the results, to compare trackers on them

example: idfree detect street.mp4 --detector yolox.onnx --appearance osnet.onnx -o runs/street
         idfree track street.mp4 --detector runs/street --tracker deepsort     (and fairmot, botsort …)
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import (
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

LIMIT_SOURCES = {
    "model": "of the model",
    "tracklets": "calibrated on tracklets of these boxes",
    "user": "of --limit",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("source", nargs="+", help="video, folder of videos or of images, MOTChallenge folder or many of them")
    add_(
        "-o",
        "--out",
        type=output_folder,
        required=True,
        metavar="DIR",
        help="folder for NAME.npy (or .txt), then --detector DIR",
    )
    add_detector(parser)
    add_(
        "--appearance",
        default="own",
        help="own (embeddings of the detector), colour, model.onnx (crop Re-ID) or none",
    )
    add_(
        "--limit",
        default="auto",
        help="match threshold, cosine distance: auto: of the model, or if that has none, calibrated on tracklets of"
        " these boxes, without labels; tracklets: calibrated in any case; none: unknown; or a number",
    )
    add_("--set", action="append", default=[], metavar="NAME=VALUE", help="detector.NAME=VALUE")
    add_frames(parser)
    add_("--min-score", type=float, default=float("-inf"), help="leave out detections with a lower score")
    add_workers(parser)
    add_("--force", action="store_true", help="redo what is finished")


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
    found = describe_no_detections(report["detections"], classes) or f"{report['detections']} detections"
    counts = f"{found} in {report['frames']} frames"
    return f"{out / report['file']}: {counts}, {embeddings}{skipped}"
