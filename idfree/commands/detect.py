"""run a detector, and what tells looks apart, once; then compare trackers on what they found

example: idfree detect street.mp4 --detector yolox.onnx --appearance osnet.onnx -o runs/street
         idfree track street.mp4 --detector runs/street --tracker deepsort     (and fairmot, botsort …)
"""

import argparse
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.detector_options import add_detector, add_frames, class_numbers, frames_of, question
from idfree.commands.video_jobs import Report, add_workers, crew_of, told, videos, work_through
from idfree.core.errors import UserError
from idfree.core.files import make_folder
from idfree.core.version import __version__
from idfree.core.workers import PicklableFactory

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder
    from idfree.commands.detector_options import DetectorOf
    from idfree.core.types import Detector
    from idfree.pipelines.selection import Selection

LOG = logging.getLogger("idfree")

FARTHEST = 2.0  # cosine distance


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    add_ = parser.add_argument
    add_("source", nargs="+", help="video, folder of videos or of images, MOTChallenge folder or many of them")
    add_(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for NAME.npy (or .txt), then --detector DIR",
    )
    add_detector(parser)
    add_(
        "--appearance",
        default="own",
        help="own (embeddings that the detections have), colour, model.onnx (crop Re-ID) or none",
    )
    add_(
        "--limit",
        default="auto",
        help="cosine distance between the same and another person: of the model, or if that has none, measured on"
        " tracklets of these very boxes, no label needed (auto); measured (tracklets); unknown (none); or a number",
    )
    add_("--set", action="append", default=[], metavar="NAME=VALUE", help="detector.NAME=VALUE")
    add_frames(parser)
    add_("--min-score", type=float, default=float("-inf"), help="leave out detections with a lower score")
    add_workers(parser)
    add_("--force", action="store_true", help="redo what is finished")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Look at every video once; gives the reports. A video that fails is named, and the others count.

    A video with a complete record is not looked at again while the same is asked for.
    """
    from idfree.pipelines.track import encoder_for

    paths = videos(options)
    selection_of(options)  # mistakes come to light before any video is opened
    check(options)
    theirs, found_by = told(options, paths)
    seen_by = PicklableFactory(encoder_for, theirs.appearance, options.device, crew_of(options).threads(len(paths)))
    make_folder(options.out)
    one = partial(detect_one, options=theirs, found_by=found_by, seen_by=seen_by)
    done, failed = work_through(one, paths, options, "looked at")
    for name, report in done.items():
        if report["appearance"] and report["appearance"].get("fault"):
            LOG.warning(
                "%s: the limit of its embeddings could not be measured: %s", name, report["appearance"]["fault"]
            )
    if not options.json:
        print("\n".join(sentence(report, options.out) for report in done.values()))
    return {"folder": str(options.out), "videos": done, "failed": failed}


def check(options: argparse.Namespace) -> None:
    """Raises UserError where the options make no sense."""
    from idfree.pipelines.detect import LIMITS

    if any(not assignment.startswith("detector.") for assignment in options.set):
        raise UserError(f"--set {' '.join(options.set)}: expected detector.NAME=VALUE")
    if options.limit not in LIMITS and not is_distance(options.limit):
        raise UserError(
            f"--limit {options.limit}: expected {', '.join(LIMITS)} or a cosine distance above 0, at most 2"
        )
    read_from = Path(options.detector)
    folder = read_from if read_from.is_dir() else read_from.parent
    if read_from.exists() and read_from.suffix != ".onnx" and folder.resolve() == options.out.resolve():
        raise UserError(f"-o {options.out}: the detections that are read lie there; choose another folder")


def is_distance(text: str) -> bool:
    """Whether this is a number that two embeddings can be apart."""
    try:
        return 0 < float(text) <= FARTHEST
    except ValueError:
        return False


def selection_of(options: argparse.Namespace) -> "Selection":
    """Which frames and which of their detections."""
    from idfree.pipelines.selection import Selection

    looks = "none" if options.appearance == "none" else "own"
    which = {"classes": class_numbers(options), "min_score": options.min_score}
    return Selection(**frames_of(options), **which, appearance=looks)


def detect_one(
    path: Path,
    options: argparse.Namespace,
    found_by: "PicklableFactory[DetectorOf]",
    seen_by: "PicklableFactory[Encoder | None]",
) -> Report:
    """Look at one video, unless that is done; its record, written first and last, says what state its file is in."""
    from idfree.pipelines.detect import detect, report_of, write_boxes
    from idfree.pipelines.manifest import is_done, read_manifest, write_manifest
    from idfree.sequences import open_source

    (sequence,) = open_source(path)
    detector, encoder, selection = found_by.thing(sequence), seen_by.thing, selection_of(options)
    asked = {**question(sequence, detector, options), **question_of_looks(detector, encoder, options)}
    record = f"{sequence.name}.json"
    known = read_manifest(options.out, record)
    if is_done(known, asked) and (options.out / known["report"]["file"]).is_file() and not options.force:
        return {**known["report"], "skipped": True}
    if not known:
        refuse_others(options.out, sequence.name)
    write_manifest(options.out, asked, complete=False, name=record, idfree=__version__)
    found = detect(sequence, detector, encoder, selection, options.quiet)
    report = report_of(sequence, found, options.limit)
    report["file"] = write_boxes(options.out, sequence.name, found.boxes).name
    write_manifest(options.out, asked, complete=True, name=record, idfree=__version__, report=report)
    return {**report, "skipped": False}


def question_of_looks(detector: "Detector", encoder: "Encoder | None", options: argparse.Namespace) -> dict[str, Any]:
    """What is kept of a sequence depends on this, too."""
    import zlib

    from idfree.detectors import PrecomputedDetector
    from idfree.pipelines.track import plain

    boxes = detector.annotation if isinstance(detector, PrecomputedDetector) else None
    own = zlib.crc32(boxes.embedding.tobytes()) if boxes is not None and boxes.embedding is not None else 0
    file = Path(options.appearance)
    checksum = zlib.crc32(file.read_bytes()) if file.is_file() else 0
    model = None if encoder is None else [encoder.name, checksum, encoder.match_threshold, encoder.upper_threshold]
    asked = {"appearance": model or options.appearance, "own": own, "min_score": options.min_score}
    return plain({**asked, "limit": options.limit})


def refuse_others(folder: Path, name: str) -> None:
    """Raises UserError where a file of detections that this command did not write is in the way."""
    from idfree.sequences.tables import SUFFIXES

    for file in (folder / f"{name}{suffix}" for suffix in SUFFIXES):
        if file.exists():
            raise UserError(f"{file} is there, and idfree detect did not write it: choose another folder with -o")


def sentence(report: Report, out: Path) -> str:
    """What a person wants to know about one video when it is done."""
    looks, said = report["appearance"], "no embeddings"
    if looks:
        how = {"model": "as the model says", "tracklets": "by the tracklets of these boxes", "user": "as you say"}
        limit = "no limit" if looks["limit"] is None else f"limit {looks['limit']:.3f} {how[looks['limit_by']]}"
        said = f"embeddings of {looks['dimension']} numbers by {looks['name']}, {limit}"
    before = " (finished before, --force does it again)" if report["skipped"] else ""
    return f"{out / report['file']}: {report['detections']} detections in {report['frames']} frames, {said}{before}"
