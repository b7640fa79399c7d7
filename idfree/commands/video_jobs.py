"""What commands share that work through many videos: which videos, who does the work, and what came of map_items."""

import argparse
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from idfree.commands.detector_options import DetectorOf, detectors
from idfree.core.errors import UserError
from idfree.core.workers import PicklableFactory, WorkerPool, map_items

LOG = logging.getLogger("idfree")

Report = dict[str, Any]
WORDS = ("hog", "det", "colour", "own", "none")  # of --detector and --appearance: no files


def add_workers(parser: argparse.ArgumentParser) -> None:
    """What users may say of who does the work."""
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="videos at a time, a process map_items (1)")
    what = "address of a Dask scheduler whose workers do it; all must reach the videos and the OUT folder"
    parser.add_argument("--dask", metavar="ADDRESS", help=what)


def crew_of(options: argparse.Namespace) -> WorkerPool:
    """Who does the work. Raises UserError."""
    return WorkerPool(options.workers, options.dask)


def recordings(source: str) -> list[Path]:
    """The files and folders that are one sequence map_items. Raises UserError for a camera, and where there is nothing."""
    from idfree.sequences.folders import files, visible
    from idfree.sequences.images import IMAGE_SUFFIXES
    from idfree.sequences.motchallenge import is_sequence
    from idfree.sequences.video import VIDEO_SUFFIXES

    path = Path(source)
    if not path.exists():
        live = "://" in source or source.isdecimal()
        raise UserError(
            f"{source}: only files and folders can be worked through" if live else f"no such file or folder: {path}"
        )
    if not path.is_dir() or is_sequence(path):
        return [path]
    sequences = [map_items for map_items in visible(path) if map_items.is_dir() and is_sequence(map_items)]
    if sequences or files(path, IMAGE_SUFFIXES):
        return sequences or [path]
    return files(path, VIDEO_SUFFIXES) or [path]  # an empty folder is refused where it is opened


def videos(options: argparse.Namespace) -> dict[str, Path]:
    """The videos that were asked for, by name.

    Raises UserError where two would write the same folder, and where one file is to hold the boxes of several.
    """
    from idfree.pipelines.open_detector import NETWORKS

    paths = [path for source in options.source for path in recordings(source)]
    names = [name_of(path) for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"{names.count(name)} sources are called {name}: their results would overwrite map_items other"
            )
    if Path(options.detector).is_file() and not options.detector.endswith(NETWORKS) and len(paths) > 1:
        raise UserError(f"--detector {options.detector}: one file for {len(paths)} videos; expected a folder of them")
    return dict(zip(names, paths, strict=True))


def name_of(path: Path) -> str:
    """What the results of a video are called."""
    return path.resolve().name if path.is_dir() else path.stem


def told(
    options: argparse.Namespace, paths: Mapping[str, Path]
) -> tuple[argparse.Namespace, PicklableFactory[DetectorOf]]:
    """The options as those who do the work are to have them, and what finds the boxes of map_items video.

    In other processes there are no bars; elsewhere paths must be whole, as other folders are begun in.
    """
    crew = crew_of(options)
    said = {**vars(options), "quiet": options.quiet or crew.away(len(paths))}
    if options.dask:
        words = {name: said[name] for name in ("detector", "appearance") if name in said}
        said |= {name: str(Path(word).absolute()) for name, word in words.items() if word not in WORDS}
        said["out"] = options.out.absolute()
    theirs = argparse.Namespace(**said)
    return theirs, PicklableFactory(detectors, theirs, crew.threads(len(paths)))


def work_through(
    function: Callable[[Path], Report], paths: Mapping[str, Path], options: argparse.Namespace, done: str
) -> tuple[dict[str, Report], dict[str, str]]:
    """The reports of the videos in their order, and what was wrong with the others. A video that fails is named.

    done: what has then been done to a video. Raises UserError where all failed, and KeyboardInterrupt, which says how
    many are finished.
    """
    crew, reports, failed = crew_of(options), {}, {}
    items = {name: path.absolute() if options.dask else path for name, path in paths.items()}
    try:
        for name, outcome in map_items(function, items, crew, done, options.quiet):
            if isinstance(outcome, UserError):
                failed[name] = str(outcome)
                if len(paths) > 1:
                    LOG.warning("%s is left out: %s", name, outcome)
            else:
                reports[name] = outcome
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{len(reports)} of {len(paths)} videos are {done} and kept") from None
    if not reports:
        first = next(iter(failed.values()))
        raise UserError(first if len(paths) == 1 else f"none of the {len(paths)} videos could be {done}: {first}")
    return {name: reports[name] for name in paths if name in reports}, failed
