"""write pseudo-labels of raw video: tracklets from a detector and motion-only tracking, in MOTChallenge format

example: idfree label street.mp4 square.mp4 --detector yolox.onnx -o runs/labels
         writes runs/labels/street/gt/gt.txt, seqinfo.ini and a link to the video: a MOTChallenge sequence
         with --everybody: idfree train fairmot|clmot|outrack runs/labels/street, a tracker of your own without a label
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
from idfree.commands.next_steps import command_line, next_step, tell
from idfree.core.wording import counted


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("source", nargs="+", help=SOURCES)
    add_(
        "-o",
        "--out",
        type=output_folder,
        default=Path("runs/label"),
        help="folder for one MOTChallenge sequence per video (default: runs/label)",
    )
    add_detector(parser)
    add_frames(parser)
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting: tracker, min_score, min_boxes, max_overlap …; detector.NAME: of the detector",
    )
    add_(
        "--everybody",
        action="store_true",
        help="also write detections outside tracklets (id -1; uncertain ones with mark 0, to be ignored): detectors can"
        " be trained on all boxes",
    )
    add_("--images", action="store_true", help="read the images to find scene cuts, even if the detector needs none")
    add_workers(parser)
    add_("--force", action="store_true", help="process videos again whose labels are complete")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Label every video, and print a table of them; return the reports."""
    from idfree.pipelines.label import label

    result = label(
        options.source,
        options.out,
        set=options.set,
        everybody=options.everybody,
        images=options.images,
        **detector_arguments(options),
        **frame_arguments(options),
        force=options.force,
        **worker_arguments(options),
        **run_arguments(options),
    )
    if not (options.json or options.quiet):
        print_reports(result["videos"], options.out)
        for name, report in result["videos"].items():
            if nothing := describe_no_detections(report["detections"], options.classes):
                print(f"{name}: {nothing}")
        tell(options, *next_steps(result["videos"], options.out, options.everybody))
    return result


def next_steps(reports: dict[str, dict[str, Any]], out: Path, everybody: bool) -> list[str]:
    """What the labels are for: a tracker if they are of everybody, else an appearance model; none without tracklets."""
    if not any(report["tracklets"] for report in reports.values()):
        return []
    method, what = ("fairmot", "a tracker") if everybody else ("simplereid", "an appearance model")
    training = command_line("train", method, out, "-o", Path("runs") / method)
    check = command_line("data", "check", out)
    return [next_step("To see what they can train", check), next_step(f"To train {what} on them", training)]


def print_reports(reports: dict[str, dict[str, Any]], out: Path) -> None:
    """Print a table of the reports by video, and their totals."""
    from idfree.show import tables

    columns = (
        *(tables.count_column(key, key, "") for key in ("frames", "detections", "tracklets", "boxes")),
        *(tables.ratio_column("kept", "kept %", ""), tables.count_column("length", "median length", "")),
        tables.count_column("coexisting_pairs", "coexisting pairs", ""),
        tables.ratio_column("largest", "in longest %", ""),
    )
    columns = tables.set_details(columns, ("length", "coexisting_pairs", "largest"))
    rows = {name: {**report, "length": report["length"]["median"]} for name, report in reports.items()}
    tables.show(tables.score_table(rows, columns, "Video"))
    print(
        "kept: share of the detections that are in tracklets; median length: boxes of a tracklet; coexisting pairs: of"
        " tracklets that overlap in time, so that they show two objects; in longest: share of the boxes in the longest"
        " tracklet"
    )
    skipped = sum(report["skipped"] for report in reports.values())
    before = f", {skipped} finished before (--force does that again)" if skipped else ""
    tracklets = sum(report["tracklets"] for report in reports.values())
    print(f"{out}: {counted(tracklets, 'tracklet')} in {counted(len(reports), 'video')}{before}")
