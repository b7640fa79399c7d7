"""Options that several commands share, and keyword arguments of them: detector, frames, processes, the run itself."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.files import is_named_like_file
from idfree.detectors.scores import SCORE_SCALES

MODEL_SUFFIXES = (".onnx", ".pt", ".pth")
SOURCES = "video file, folder of videos, folder of images, MOTChallenge sequence, or folder of sequences"
RESULTS = (
    "tracking results: NAME.txt in MOTChallenge format, or .csv, .json, .parquet as `idfree track --format` writes"
)
RESULTS_SOURCE = "the video, folder of images, or MOTChallenge sequence that was tracked; or a folder of these"


def output_folder(text: str) -> Path:
    """The type of options that name a folder for results. Raises UserError for the name of a file.

    A folder may be named after the model whose results it gets.
    """
    return Path(text) if Path(text).suffix.lower() in MODEL_SUFFIXES else run_folder(text)


def run_folder(text: str) -> Path:
    """The type of options that name a folder for models. Raises UserError for the name of a file."""
    path = Path(text)
    if is_named_like_file(path):
        raise UserError(f"-o {text}: a folder is expected, and this is named as a {path.suffix} file")
    return path


def output_file(suffix: str) -> Callable[[str], Path]:
    """The type of options that name a file to write; it raises UserError for another kind of file."""

    def parse(text: str) -> Path:
        """The path that the option names."""
        path = Path(text)
        if is_named_like_file(path) and path.suffix.lower() != suffix:
            raise UserError(f"-o {text}: a {suffix} file is written, and this is named as another kind")
        return path

    return parse


def add_run_folder(parser: argparse.ArgumentParser, contents: str) -> None:
    """Declare the option of the folder that a training writes into. contents: what it gets, for the help text."""
    parser.add_argument("-o", "--out", type=run_folder, required=True, metavar="RUN", help=f"folder for {contents}")


def add_detector(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """Declare the options of the detector."""
    what = "detector: model.onnx, model.xml (OpenVINO) or RUN/best.pt; or stored detections: det (the sequence's own"
    what += " det/det.txt), a .txt, .csv, .parquet or .npy file, or a folder of NAME.txt and so on"
    what += "" if required else " (default: people, the detector in the package)"
    parser.add_argument("--detector", required=required, default=None if required else "people", help=what)
    scale = "scale of the scores in files of detections; auto recognises it (default: auto)"
    parser.add_argument("--scores", choices=SCORE_SCALES, default="auto", help=scale)
    add_format_and_classes(parser)


def add_format_and_classes(parser: argparse.ArgumentParser) -> None:
    """Declare the options of how a detector's outputs are read, and which of its classes are used."""
    what = "format of the model's outputs, where it is not recognised; a wrong name lists the known ones"
    parser.add_argument("--detector-format", metavar="FORMAT", help=what)
    classes = "keep detections of these classes alone, by number or by the model's names (default: all)"
    parser.add_argument("--classes", default="", metavar="CLASS,…", help=classes)


def detector_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_detector`."""
    return select(options, "detector", "detector_format", "scores", "classes")


def describe_no_detections(count: int | None, classes: str) -> str:
    """That there are no detections, and of which classes they were asked for; "" if there are some."""
    if count != 0:
        return ""
    words = "class" if "," not in classes else "classes"
    return f"no detections of {words} {classes}" if classes else "no detections"


def add_colour(parser: argparse.ArgumentParser) -> None:
    """Declare the option of the weight of a colour histogram beside learnt embeddings."""
    what = "weight 0…1 of the colour histogram in appearance distances, the rest is the learnt embedding's"
    parser.add_argument("--colour", type=float, default=0.5, metavar="SHARE", help=f"{what} (default: 0.5)")


def add_frames(parser: argparse.ArgumentParser) -> None:
    """Declare the options that select frames."""
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="read frames 1, 1+N, 1+2N … only (default: 1)"
    )
    parser.add_argument(
        "--start", type=int, default=1, metavar="N", help="number of the first frame to read (default: 1)"
    )
    parser.add_argument("--frames", type=int, metavar="N", help="number of frames to read (default: all)")


def frame_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_frames`."""
    return select(options, "every", "start", "frames")


def add_counting(parser: argparse.ArgumentParser) -> None:
    """Declare the options of what is counted."""
    add_ = parser.add_argument
    what = "count crossings of this line, given in pixels; repeatable"
    add_("--line", action="append", default=[], metavar="[NAME=]x1,y1,x2,y2", help=what)
    what = "count people in this polygon, given in pixels; repeatable"
    add_("--zone", action="append", default=[], metavar="[NAME=]x1,y1,x2,y2,x3,y3…", help=what)
    what = "point of a box that is counted: middle of its lower edge, or its centre (default: bottom)"
    add_("--anchor", choices=("bottom", "centre"), default="bottom", help=what)
    add_("--scale", type=float, metavar="METRES", help="metres per pixel, to measure path lengths and speeds")
    what = "homography from pixels to metres on the ground plane, to measure path lengths and speeds:"
    what += " h11,h12,h13,h21,…,h32, or a file with a 3×3 matrix or with points in pixels and metres"
    add_("--homography", metavar="H", help=what)


def counting_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_counting`."""
    names = {"lines": "line", "zones": "zone", "anchor": "anchor", "scale": "scale", "homography": "homography"}
    return {name: getattr(options, option) for name, option in names.items()}


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Declare the options for several processes."""
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="number of videos processed in parallel (default: 1)"
    )
    what = "address of a Dask scheduler: its workers, which need access to the videos and to OUT, process them"
    parser.add_argument("--dask", metavar="ADDRESS", help=what)


def worker_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_workers`."""
    return select(options, "workers", "dask")


def run_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The options of every command (cli.py) that say how it runs."""
    return select(options, "device", "quiet")


def select(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options of these names."""
    return {name: getattr(options, name) for name in names}
