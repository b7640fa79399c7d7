"""label raw video with a detector and a tracker alone: tracklets of one person each, to learn appearance from

example: idfree label street.mp4 square.mp4 --detector yolox.onnx -o runs/labels
         writes runs/labels/street/gt/gt.txt, seqinfo.ini and a link to the video: a MOTChallenge sequence
         with --everybody: idfree train fairmot|clmot|outrack runs/labels/street, a tracker of your own without a label
"""

import argparse
import logging
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.detector_options import add_detector, add_frames, class_numbers, frames_of, question
from idfree.commands.video_jobs import Report, add_workers, told, videos, work_through
from idfree.core.errors import UserError
from idfree.core.files import make_folder
from idfree.core.version import __version__

if TYPE_CHECKING:
    from idfree.commands.detector_options import DetectorOf
    from idfree.core.workers import PicklableFactory
    from idfree.pipelines.label import LabelSettings
    from idfree.pipelines.selection import Selection

LOG = logging.getLogger("idfree")
EVERY_FRAME = {"start": 1, "frames": None, "every": 1}


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    add_ = parser.add_argument
    add_("source", nargs="+", help="video, folder of videos or of images, MOTChallenge folder or many of them")
    add_("-o", "--out", type=Path, default=Path("runs/label"), help="folder for them, one each (default: runs/label)")
    add_detector(parser)
    add_frames(parser)
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting: tracker, min_score, min_boxes, max_overlap …; or detector.NAME=VALUE",
    )
    add_(
        "--everybody",
        action="store_true",
        help="also write who is in no tracklet (id -1), and who may be somebody (mark 0), so that detectors can learn",
    )
    add_("--images", action="store_true", help="look for scene cuts even where the detector needs no images")
    add_workers(parser)
    add_("--force", action="store_true", help="redo what is finished")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Label every video; gives the reports. A video that fails is named, and the others count.

    A video whose folder has a complete record is not done again while the same is asked for.
    """
    from idfree.core.settings import override
    from idfree.pipelines.label import LabelSettings

    paths = videos(options)
    settings = override(LabelSettings(), [a for a in options.set if not a.startswith("detector.")])
    selection_of(options)  # mistakes come to light before any video is opened
    theirs, found_by = told(options, paths)
    make_folder(options.out)
    one = partial(label_one, settings=settings, options=theirs, found_by=found_by)
    done, failed = work_through(one, paths, options, "labelled")
    for name, report in done.items():
        if not report["tracklets"]:
            LOG.warning("%s: of %d detections no tracklet is good enough", name, report["detections"])
    if not options.json:
        show(done, options.out)
    return {"folder": str(options.out), "videos": done, "failed": failed}


def selection_of(options: argparse.Namespace) -> "Selection":
    """Which frames and which of their detections."""
    from idfree.pipelines.selection import Selection

    return Selection(**frames_of(options), classes=class_numbers(options), appearance="none")


def label_one(
    path: Path, settings: "LabelSettings", options: argparse.Namespace, found_by: "PicklableFactory[DetectorOf]"
) -> Report:
    """Label one video and write it; its record, written first and last, says what state its folder is in."""
    from idfree.datasets.write_sequence import write_sequence
    from idfree.pipelines.label import in_order, joined, label
    from idfree.pipelines.manifest import is_done, read_manifest, write_manifest
    from idfree.pipelines.track import plain
    from idfree.sequences import open_source

    (sequence,) = open_source(path)
    if options.everybody and frames_of(options) != EVERY_FRAME and None in (sequence.length, sequence.size_hw):
        raise UserError(f"{path}: nobody knows its length or size; expected --everybody for all of its frames, then")
    detector = found_by.thing(sequence)
    folder = options.out / sequence.name
    asked = {**question(sequence, detector, options), "settings": plain(asdict(settings)), "images": options.images}
    asked["everybody"] = options.everybody
    known = read_manifest(folder)
    if is_done(known, asked) and not options.force:
        return {**known["report"], "skipped": True}
    if not known and (folder / "gt" / "gt.txt").exists():
        raise UserError(f"{folder} has a gt/gt.txt that idfree label did not write: choose another folder with -o")
    write_manifest(folder, asked, complete=False, idfree=__version__)
    made = label(
        sequence, detector, settings, selection=selection_of(options), images=options.images, quiet=options.quiet
    )
    boxes = in_order(joined([made.boxes, made.rest])) if options.everybody else made.boxes
    write_sequence(folder, sequence, boxes, options.everybody)
    write_manifest(folder, asked, complete=True, idfree=__version__, report=made.report)
    return {**made.report, "skipped": False}


def show(done: dict[str, Report], out: Path) -> None:
    """Print a table of what there is, and where."""
    from idfree.show import tables

    columns = (
        *(tables.count(key, key, "") for key in ("frames", "detections", "tracklets", "boxes")),
        *(tables.ratio("kept", "kept %", ""), tables.count("length", "median boxes", "")),
        *(tables.count("coexisting_pairs", "coexisting pairs", ""), tables.ratio("largest", "largest %", "")),
    )
    figures = {name: {**report, "length": report["length"]["median"]} for name, report in done.items()}
    tables.show(tables.scores(figures, columns, "Video"))
    before = sum(report["skipped"] for report in done.values())
    said = f"; {before} of them were finished before, --force does them again" if before else ""
    tracklets = sum(report["tracklets"] for report in done.values())
    print(f"{out}: {tracklets} tracklets in {len(done)} video{'s' * (len(done) > 1)}{said}")
