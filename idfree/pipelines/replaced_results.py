"""Say which results of an earlier run are replaced, and which files beside them were made of the earlier results."""

import logging
from collections.abc import Iterable
from pathlib import Path

from idfree.pipelines.annotate import RESULT_SUFFIXES
from idfree.pipelines.count_report import paths_of as count_paths
from idfree.pipelines.manifest import checksum_of_file
from idfree.show.figure import SUFFIXES as PLOT_SUFFIXES
from idfree.show.plots import PLOTS

LOG = logging.getLogger("idfree")


class EarlierResults:
    """The results that a file has before a run writes it; nothing is deleted."""

    def __init__(self, path: Path):
        self.path = path
        self.checksum = checksum_of_file(path)

    def warn(self, written: Iterable[Path]) -> None:
        """Log a warning if the file now has other results, or has none of an earlier format.

        written: the files of the new results, which replaced those of the earlier ones.
        """
        is_same = self.checksum is not None and self.checksum == checksum_of_file(self.path)
        left = [] if is_same else [path.name for path in made_of(self.path) if path not in {*written}]
        if self.checksum is not None and not is_same:
            LOG.warning("%s: replaces the results of an earlier run%s", self.path, describe_left(left))
        elif left:
            LOG.warning("%s: beside it are files of earlier results: %s", self.path, ", ".join(left))


def describe_left(left: list[str]) -> str:
    """Files that were made of the replaced results, as the end of a sentence; "" if there are none."""
    return f"; these files beside it are of the earlier results: {', '.join(left)}" if left else ""


def made_of(results: Path) -> list[Path]:
    """Existing files beside results that are made of them by default: other formats, video, page, plots, counts."""
    home, name = results.parent, results.stem
    suffixes = (*RESULT_SUFFIXES, ".mp4", ".html")
    plots = [home / f"{name}-{plot}{suffix}" for plot in PLOTS for suffix in PLOT_SUFFIXES]
    candidates = [*(home / f"{name}{suffix}" for suffix in suffixes), *plots, *count_paths(home, name)]
    return [path for path in candidates if path != results and path.is_file()]
