"""Say, before a run, which results of an earlier run it replaces, and which files beside them were made of those."""

import logging
from collections.abc import Iterable
from pathlib import Path

from idfree.core.files import file_identity
from idfree.pipelines.annotate import RESULT_SUFFIXES
from idfree.pipelines.count_report import paths_of as count_paths
from idfree.show.figure import SUFFIXES as PLOT_SUFFIXES
from idfree.show.plots import PLOTS

LOG = logging.getLogger("idfree")


def warn_of_earlier(results: Path, written: Iterable[Path], read: Iterable[Path | str] = ()) -> None:
    """Log a warning if a file that a run is about to write has results, or if files made of such lie beside it.

    written: all files that the run writes. read: its inputs, which may lie beside its results. Nothing is deleted.
    """
    known = {file_identity(path) for path in (*written, *read)}
    left = ", ".join(path.name for path in made_of(results) if file_identity(path) not in known)
    if results.is_file():
        beside = f"; these files beside it are of the earlier results, and stay: {left}" if left else ""
        LOG.warning("%s: the results of an earlier run are replaced%s", results, beside)
    elif left:
        LOG.warning("%s: beside it are files of earlier results, which stay: %s", results, left)


def made_of(results: Path) -> list[Path]:
    """Existing files beside results that are made of them by default: other formats, video, page, plots, counts."""
    home, name = results.parent, results.stem
    suffixes = (*RESULT_SUFFIXES, ".mp4", ".html")
    plots = [home / f"{name}-{plot}{suffix}" for plot in PLOTS for suffix in PLOT_SUFFIXES]
    candidates = [*(home / f"{name}{suffix}" for suffix in suffixes), *plots, *count_paths(home, name)]
    return [path for path in candidates if path != results and path.is_file()]
