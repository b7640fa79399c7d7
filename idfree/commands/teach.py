"""add embeddings to your own detector, learnt from videos without labels

example: idfree teach yolox.onnx street.mp4 --classes person -o runs/taught
         idfree track street.mp4 --detector runs/taught/taught.onnx
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import (
    SOURCES,
    add_colour,
    add_format_and_classes,
    add_frames,
    add_run_folder,
    add_workers,
    frame_arguments,
    run_arguments,
    worker_arguments,
)
from idfree.commands.next_steps import next_step
from idfree.core.wording import counted


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("detector", help="model.onnx or model.xml (OpenVINO IR); the file is not changed")
    add_("source", nargs="+", help=SOURCES)
    add_run_folder(parser, "the taught file and the report")
    add_(
        "--teacher",
        metavar="MODEL",
        help="crop Re-ID network whose embeddings are distilled (default: learn from tracklets alone)",
    )
    add_format_and_classes(parser)
    add_frames(parser)
    add_colour(parser)
    text = "change a setting: dimension, shrinkage, within_gap, between_gap, maps=TENSOR,TENSOR; label.NAME,"
    text += " detector.NAME and teacher.NAME: of the labelling, of the detector, of the teacher"
    add_("--set", action="append", default=[], metavar="NAME=VALUE", help=text)
    add_workers(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Teach; print a summary and return the report."""
    from idfree.pipelines.teach import teach

    report = teach(
        options.detector,
        options.source,
        options.out,
        teacher=options.teacher,
        set=options.set,
        colour=options.colour,
        detector_format=options.detector_format,
        classes=options.classes,
        **frame_arguments(options),
        **worker_arguments(options),
        **run_arguments(options),
        seed=options.seed,
    )
    if not (options.json or options.quiet):
        print(format_summary(report, options.out))
    return report


def format_summary(report: dict[str, Any], out: Path) -> str:
    """The report in a few lines."""
    same = (
        "boxes identical to the detector's" if report["identical"] else "boxes equal to the detector's but for rounding"
    )
    boxes, tracklets = counted(report["boxes"], "box"), counted(report["tracklets"], "tracklet")
    lines = [f"{boxes} of {tracklets} from {counted(len(report['videos']), 'video')}"]
    lines += [report["verdict"], *report["advice"], str(out / "report.html")]
    lines.append(f"{report['model']}: {same}")
    titles = ("Safer", "To try the taught detector")[-len(report["next"]) :]
    commands = [next_step(title, command) for title, command in zip(titles, report["next"], strict=True)]
    return "\n".join([*lines, report["choice"], *commands])
