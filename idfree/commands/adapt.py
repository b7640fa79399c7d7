"""choose or train an appearance model for the people of your own videos, without labels

example: idfree adapt street.mp4 --detector yolox.onnx --classes person -o runs/street
         idfree track street.mp4 --detector yolox.onnx --classes person --appearance runs/street/appearance.onnx
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import (
    add_detector,
    add_frames,
    add_workers,
    detector_arguments,
    frame_arguments,
    output_folder,
    run_arguments,
    worker_arguments,
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("source", nargs="+", help="video, folder of videos or of images, MOTChallenge folder or many of them")
    add_("-o", "--out", type=output_folder, required=True, metavar="RUN", help="folder for the model and the report")
    add_detector(parser)
    add_frames(parser)
    add_("--teacher", metavar="MODEL.onnx", help="a crop network, the default that others must clearly beat")
    add_("--network", help="striped (default, for CPUs), resnet18, resnet50, osnet_x1_0 or osnet_x0_25")
    add_(
        "--iterations",
        type=int,
        help="of training, even with too few tracklets to test the network on (default: 350 for one video, up to 900"
        " for five; none with too few tracklets); 0: none",
    )
    what = "share of the colour histogram, beside the learnt embedding, in appearance distances, 0…1 (0.5)"
    add_("--colour", type=float, default=0.5, metavar="SHARE", help=what)
    add_("--set", action="append", default=[], metavar="NAME=VALUE", help="of training; label.NAME, detector.NAME")
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
    lines = [f"{report['crops']} crops of {report['tracklets']} tracklets from {len(report['videos'])} video(s)"]
    lines += [report["verdict"], *report["advice"], str(out / "report.html")]
    return "\n".join([*lines, *report["next"]])
