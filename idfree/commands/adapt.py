"""choose or train an appearance model for the objects in your videos, without labels

example: idfree adapt street.mp4 --detector yolox.onnx --classes person -o runs/street
         idfree track street.mp4 --detector yolox.onnx --classes person --appearance runs/street/appearance.onnx
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import (
    SOURCES,
    add_colour,
    add_detector,
    add_frames,
    add_run_folder,
    add_workers,
    detector_arguments,
    frame_arguments,
    run_arguments,
    worker_arguments,
)
from idfree.commands.next_steps import next_step
from idfree.core.wording import counted


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("source", nargs="+", help=SOURCES)
    add_run_folder(parser, "the model and the report")
    add_detector(parser)
    add_frames(parser)
    add_(
        "--teacher",
        metavar="MODEL.onnx",
        help="your own crop Re-ID network as the default that others must clearly beat",
    )
    networks = "network to train: striped (small, for CPUs), resnet18, resnet50, osnet_x1_0 or osnet_x0_25"
    add_("--network", metavar="NAME", help=f"{networks} (default: striped)")
    add_(
        "--iterations",
        type=int,
        metavar="N",
        help="training iterations; 0: no training (default: 350 for one video, up to 900 for five, and 0 with too few"
        " tracklets to test the network on)",
    )
    add_colour(parser)
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of the training; label.NAME and detector.NAME: of the labelling, of the detector",
    )
    add_workers(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Adapt; print a summary and return the report."""
    from idfree.pipelines.adapt import adapt

    report = adapt(
        options.source,
        options.out,
        teacher=options.teacher,
        train=False if options.iterations == 0 else None,
        set=options.set + network_assignments(options),
        colour=options.colour,
        **detector_arguments(options),
        **frame_arguments(options),
        **worker_arguments(options),
        **run_arguments(options),
        seed=options.seed,
    )
    if not (options.json or options.quiet):
        print(format_summary(report, options.out))
    return report


def network_assignments(options: argparse.Namespace) -> list[str]:
    """`name=value` of the settings that have options of their own."""
    values = {"network": options.network, "iterations": options.iterations}
    return [f"{name}={value}" for name, value in values.items() if value]


def format_summary(report: dict[str, Any], out: Path) -> str:
    """The report in a few lines."""
    crops, tracklets = counted(report["crops"], "crop"), counted(report["tracklets"], "tracklet")
    lines = [f"{crops} of {tracklets} from {counted(len(report['videos']), 'video')}"]
    lines += [report["verdict"], *report["advice"], str(out / "report.html")]
    return "\n".join([*lines, *(next_step("To track with it", command) for command in report["next"])])
