"""label raw video with a detector and a tracker alone: tracklets of one person each, to learn appearance from

example: idfree label street.mp4 square.mp4 --detector yolox.onnx -o runs/labels
         writes runs/labels/street/gt/gt.txt, seqinfo.ini and a link to the video: a MOTChallenge sequence
"""

import argparse
import logging
import multiprocessing
import os
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import idfree
from idfree.commands.detector import add_detector, class_numbers, detectors
from idfree.errors import UserError
from idfree.files import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from idfree.label import LabelSettings
    from idfree.selection import Selection
    from idfree.types import Detector, Sequence

    DetectorOf = Callable[[Sequence], Detector]

LOG = logging.getLogger("idfree")

Outcome = dict[str, Any]  # a report; or {"error": why there is none}


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    add_ = parser.add_argument
    add_("source", nargs="+", help="video, folder of videos or of images, MOTChallenge folder or many of them")
    add_("-o", "--out", type=Path, default=Path("runs/label"), help="folder for them, one each (default: runs/label)")
    add_detector(parser)
    add_("--every", type=int, default=1, help="only frames 1, 1+N, 1+2N …")
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting: tracker, min_score, min_boxes, max_overlap …; or detector.NAME=VALUE",
    )
    add_("--images", action="store_true", help="look for scene cuts even where the detector needs no images")
    add_("--workers", type=int, default=1, metavar="N", help="videos at a time, a process each (default: 1)")
    add_("--force", action="store_true", help="redo what is finished")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Label every video; gives the reports. A video that fails is named, and the others count.

    A video whose folder has a complete record is not done again while the same is asked for.
    """
    from idfree.label import LabelSettings
    from idfree.settings import override

    if options.workers < 1:
        raise UserError(f"--workers {options.workers}: expected 1 or more")
    settings = override(LabelSettings(), [a for a in options.set if not a.startswith("detector.")])
    paths = named([path for source in options.source for path in recordings(source)])
    if Path(options.detector).is_file() and not options.detector.endswith(".onnx") and len(paths) > 1:
        raise UserError(f"--detector {options.detector}: one file for {len(paths)} videos; expected a folder of them")
    selection_of(options)  # mistakes come to light before any video is opened
    detector_of = detectors(options, threads(options))
    make_folder(options.out)
    done: dict[str, Outcome] = {}
    failed: dict[str, str] = {}
    try:
        for name, outcome in outcomes(paths, detector_of, settings, options):
            if "error" in outcome:
                failed[name] = outcome["error"]
            else:
                done[name] = outcome
            warn(name, outcome, alone=len(paths) == 1)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{len(done)} of {len(paths)} videos are labelled and kept") from None
    if not done:
        first = next(iter(failed.values()))
        raise UserError(first if len(paths) == 1 else f"none of the {len(paths)} videos could be labelled: {first}")
    done = {name: done[name] for name in paths if name in done}
    if not options.json:
        show(done, options.out)
    return {"folder": str(options.out), "videos": done, "failed": failed}


def recordings(source: str) -> list[Path]:
    """The files and folders that are one sequence each. Raises UserError for a camera, and where there is nothing."""
    from idfree.sequences.folders import files, visible
    from idfree.sequences.images import IMAGE_SUFFIXES
    from idfree.sequences.motchallenge import is_sequence
    from idfree.sequences.video import VIDEO_SUFFIXES

    path = Path(source)
    if not path.exists():
        live = "://" in source or source.isdecimal()
        raise UserError(
            f"{source}: only files and folders can be labelled" if live else f"no such file or folder: {path}"
        )
    if not path.is_dir() or is_sequence(path):
        return [path]
    sequences = [each for each in visible(path) if each.is_dir() and is_sequence(each)]
    if sequences or files(path, IMAGE_SUFFIXES):
        return sequences or [path]
    return files(path, VIDEO_SUFFIXES) or [path]  # an empty folder is refused where it is opened


def named(paths: list[Path]) -> dict[str, Path]:
    """The paths by the names of their sequences. Raises UserError where two would write the same folder."""
    names = [path.resolve().name if path.is_dir() else path.stem for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{names.count(name)} sources are called {name}: their labels would overwrite each other")
    return dict(zip(names, paths, strict=True))


def selection_of(options: argparse.Namespace) -> "Selection":
    """Which frames and which of their detections."""
    from idfree.selection import Selection

    classes = class_numbers(options)
    return Selection(every=options.every, classes=classes, appearance="none")


def threads(options: argparse.Namespace) -> int | None:
    """Of each process, where there are several; None leaves it to the network."""
    return max(1, (os.cpu_count() or 1) // options.workers) if options.workers > 1 else None


def outcomes(
    paths: dict[str, Path], detector_of: "DetectorOf", settings: "LabelSettings", options: argparse.Namespace
) -> "Iterator[tuple[str, Outcome]]":
    """What comes of each video, as they finish."""
    if options.workers == 1 or len(paths) == 1:
        for name, path in paths.items():
            yield name, attempt(path, settings, options, detector_of)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    from idfree.progress import progress

    strangers = set(multiprocessing.active_children())
    with ProcessPoolExecutor(
        min(options.workers, len(paths)), multiprocessing.get_context("spawn"), initializer=begin_worker
    ) as pool:
        names = {pool.submit(attempt, path, settings, options): name for name, path in paths.items()}
        try:
            for future in progress(as_completed(names), "label", len(paths), options.quiet, "videos"):
                try:
                    yield names[future], future.result()
                except BrokenProcessPool:
                    yield names[future], {"error": "a process died, perhaps of too little memory: try fewer --workers"}
        except BaseException:  # interrupted: nobody waits for the videos that are under way
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - strangers:
                child.terminate()
            raise


def begin_worker() -> None:
    """Ctrl-C is the parent's business; warnings look like the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="idfree: %(message)s", level=logging.WARNING)


def attempt(
    path: Path, settings: "LabelSettings", options: argparse.Namespace, detector_of: "DetectorOf | None" = None
) -> Outcome:
    """Label one video, unless it is finished; gives its report, or what was wrong with it."""
    try:
        return label_one(path, settings, options, detector_of or detectors(options, threads(options)))
    except (UserError, OSError) as error:
        return {"error": str(error)}


def label_one(path: Path, settings: "LabelSettings", options: argparse.Namespace, detector_of: "DetectorOf") -> Outcome:
    """Label one video and write it; its record, written first and last, says what state its folder is in."""
    from idfree.label import label
    from idfree.record import is_done, read_record, write_record
    from idfree.sequences import open_source
    from idfree.sequences.labelled import write_sequence

    (sequence,) = open_source(path)
    detector = detector_of(sequence)
    folder = options.out / sequence.name
    asked, known = question(sequence, detector, settings, options), read_record(folder)
    if is_done(known, asked) and not options.force:
        return {**known["report"], "skipped": True}
    if not known and (folder / "gt" / "gt.txt").exists():
        raise UserError(f"{folder} has a gt/gt.txt that idfree label did not write: choose another folder with -o")
    write_record(folder, asked, complete=False, idfree=idfree.__version__)
    quiet = options.quiet or options.workers > 1
    made = label(sequence, detector, settings, selection=selection_of(options), images=options.images, quiet=quiet)
    write_sequence(folder, sequence, made.boxes)
    write_record(folder, asked, complete=True, idfree=idfree.__version__, report=made.report)
    return {**made.report, "skipped": False}


def question(
    sequence: "Sequence", detector: "Detector", settings: "LabelSettings", options: argparse.Namespace
) -> dict[str, Any]:
    """All that the labels of a video depend on: while it is the same, they need not be made again."""
    from idfree.record import content_of, identity_of
    from idfree.run import plain

    return {
        "video": identity_of(sequence),
        **{name: getattr(options, name) for name in ("detector", "detector_format", "classes", "every", "images")},
        "detector_settings": [a for a in options.set if a.startswith("detector.")],
        "detector_checksum": content_of(detector, Path(options.detector)),
        "settings": plain(asdict(settings)),
    }


def warn(name: str, outcome: Outcome, alone: bool) -> None:
    """Name a video of which nothing came. A single one that fails is an error, said elsewhere."""
    if "error" in outcome and not alone:
        LOG.warning("%s is left out: %s", name, outcome["error"])
    elif outcome.get("tracklets") == 0:
        LOG.warning("%s: of %d detections no tracklet is good enough", name, outcome["detections"])


def show(done: dict[str, Outcome], out: Path) -> None:
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
