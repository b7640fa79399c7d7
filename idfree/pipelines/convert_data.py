"""Convert labelled data from one format to another."""

from collections.abc import Sequence
from pathlib import Path

from idfree.core.progress import progress
from idfree.core.settings import Assignments, override
from idfree.datasets.convert import convert
from idfree.datasets.footage import FootageSettings, Half
from idfree.datasets.open_footage import open_all


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
    overrides of FootageSettings. Raises UserError as `convert`.
    """
    sources = [data] if isinstance(data, str | Path) else data
    footages = open_all(sources, half, images, override(FootageSettings(), set))
    return [*progress(convert(footages, to, Path(out)), "convert", len(footages), quiet, "sources")]
