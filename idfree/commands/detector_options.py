"""The options that say where boxes come from, and of which frames, alike in every command that wants some."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.core.types import Detector, Sequence

DetectorOf = Callable[["Sequence"], "Detector"]
PREFIX = "detector."  # of a setting that is the detector's
FRAMES = ("start", "frames", "every")  # options, and names of Selection


def add_detector(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """What users may say of the detector."""
    what = "model.onnx (or RUN/best.pt), det, boxes.txt/.csv/.parquet/.npy, a folder of those, or hog"
    parser.add_argument("--detector", required=required, default=None if required else "hog", help=what)
    parser.add_argument("--detector-format", help="how to read the outputs of model.onnx, if it is not recognised")
    parser.add_argument("--classes", default="", help="only these, by number or by the model's names, comma separated")


def add_frames(parser: argparse.ArgumentParser) -> None:
    """What users may say of the frames."""
    parser.add_argument("--every", type=int, default=1, help="only frames 1, 1+N, 1+2N …")
    parser.add_argument("--start", type=int, default=1, help="the first frame's number")
    parser.add_argument("--frames", type=int, help="stop after this many")


def frames_of(options: argparse.Namespace) -> dict[str, Any]:
    """The frames asked for, as Selection has them."""
    return {name: getattr(options, name) for name in FRAMES}


def detectors(options: argparse.Namespace, threads: int | None = None) -> DetectorOf:
    """What finds the boxes of each sequence."""
    from idfree.pipelines.open_detector import detectors_for

    return detectors_for(
        options.detector,
        format=options.detector_format,
        classes=options.classes,
        assignments=[a.removeprefix(PREFIX) for a in options.set if a.startswith(PREFIX)],
        device=options.device,
        threads=threads,
    )


def question(sequence: "Sequence", detector: "Detector", options: argparse.Namespace) -> dict[str, Any]:
    """All that the boxes of a sequence depend on: while it is the same, they need not be found again."""
    from idfree.pipelines.manifest import content_of, identity_of

    return {
        "video": identity_of(sequence),
        "detector": Path(options.detector).name,
        **{name: getattr(options, name) for name in ("detector_format", "classes")},
        **frames_of(options),
        "detector_settings": [a for a in options.set if a.startswith(PREFIX)],
        "detector_checksum": content_of(detector, Path(options.detector)),
    }


def class_numbers(options: argparse.Namespace) -> tuple[int, ...]:
    """`--classes` for detections that know only numbers; a network picks its own. Raises UserError for a name."""
    from idfree.pipelines.open_detector import NETWORKS

    if options.detector.endswith(NETWORKS):
        return ()
    try:
        return tuple(int(word) for word in options.classes.split(",") if word.strip())
    except ValueError as error:
        raise UserError(
            f"--classes {options.classes}: expected numbers: only a model.onnx knows its classes by name"
        ) from error
