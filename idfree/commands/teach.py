"""add embeddings to your own detector, learnt from videos without labels

example: idfree teach yolox.onnx street.mp4 --classes person -o runs/taught
         idfree track street.mp4 --detector runs/taught/taught.onnx
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import (
    add_frames,
    add_workers,
    frame_arguments,
    output_folder,
    run_arguments,
    worker_arguments,
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("detector", help="model.onnx or model.xml (OpenVINO IR); the file itself stays as it is")
    add_("source", nargs="+", help="video, folder of videos or of images, MOTChallenge folder or many of them")
    add_(
        "-o",
        "--out",
        type=output_folder,
        required=True,
        metavar="RUN",
        help="folder for the taught file and the report",
    )
    add_("--teacher", metavar="MODEL", help="crop Re-ID network to imitate (default: learn from tracklets alone)")
    add_("--detector-format", help="how to read the outputs of the detector, if it is not recognised")
    add_("--classes", default="", help="names or numbers of the classes to detect, comma separated (default: all)")
    add_frames(parser)
    what = "share of the colour histogram, beside the learnt embedding, in appearance distances, 0…1 (0.5)"
    add_("--colour", type=float, default=0.5, metavar="SHARE", help=what)
    text = "dimension, shrinkage, within_gap, between_gap, maps=TENSOR,TENSOR; label.NAME, detector.NAME, teacher.NAME"
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
    same = "the same boxes as before, bit by bit" if report["identical"] else "the same boxes but for the last bits"
    lines = [f"{report['boxes']} boxes of {report['tracklets']} tracklets from {len(report['videos'])} video(s)"]
    lines += [report["verdict"], *report["advice"], str(out / "report.html")]
    lines.append(f"{report['model']}: {same}")
    titles = ("Safer", "To try the taught detector")[-len(report["next"]) :]
    commands = [f"{title}: {command}" for title, command in zip(titles, report["next"], strict=True)]
    return "\n".join([*lines, report["choice"], *commands])
