"""Convert labelled data from one format to another."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from idfree.core.path_list import as_list
from idfree.core.progress import progress
from idfree.core.settings import Assignments
from idfree.datasets.convert import convert
from idfree.datasets.cvat import is_cvat
from idfree.datasets.cvat_mot import is_cvat_mot
from idfree.datasets.footage import ALL, PEOPLE, Footage, FootageSettings, Half
from idfree.datasets.label_studio import is_label_studio
from idfree.datasets.open_footage import open_all, open_footage


def convert_data(
    data: str | Path | Sequence[str | Path],
    to: str,
    out: str | Path,
    *,
    images: str | Path | None = None,
    half: Half = "none",
    set: Assignments = (),
    quiet: bool = True,
) -> list[Path]:
    """Write labels or tracking results below `out` in the format `to`, a key of `convert.WRITERS`; return the paths.

    images: the video or folder of the images, if not beside the labels. half: of each video. set: `name=value`
    overrides of FootageSettings, also `data.name=value`; of annotation tools, results get every class by default.
    Raises UserError as `convert`.
    """
    sources = as_list(data)
    footages = open_labels(sources, to, half, images, FootageSettings.read(set))
    return [*progress(convert(footages, to, Path(out)), "converting", len(footages), quiet, "sources")]


def open_labels(
    sources: Sequence[str | Path], to: str, half: Half, images: str | Path | None, settings: FootageSettings
) -> list[Footage]:
    """The footage of all sources. Those of annotation tools have every class of their files if `settings` say `all`,
    or, on their way back to results, nothing else than the default."""
    takes_all = settings.names == (ALL,) or (to == "results" and settings.names == PEOPLE)
    if not takes_all or not all(is_of_tool(Path(source)) for source in sources):
        return open_all(sources, half, images, settings)
    settings = replace(settings, classes=ALL)
    return [footage for source in sources for footage in open_footage(source, half, images, settings)]


def is_of_tool(path: Path) -> bool:
    """Whether a path is a file of an annotation tool, which names all classes."""
    return path.exists() and (is_cvat(path) or is_cvat_mot(path) or is_label_studio(path))
