"""Plots of tracking results: trails and density over a picture of the scene, a time line of identities."""

from collections.abc import Callable
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.files import is_named_like_file, refuse_overwriting
from idfree.core.types import Annotation, Sequence
from idfree.pipelines.first_image import blank_image, first_image
from idfree.pipelines.refine import describe_video, pair_with_sequences, read_checked
from idfree.show.figure import SUFFIXES, Figure
from idfree.show.plots import PLOTS, Plot, draw_heat, draw_timeline, draw_trails


def plot_tracks(
    results: str | Path,
    source: str | Path | None = None,
    out: str | Path | None = None,
    *,
    plot: Plot = "trails",
    frame_rate: float | None = None,
    on_plot: Callable[[Path], None] | None = None,
) -> dict[str, str]:
    """Plot the tracks of each sequence; return the path of each picture by sequence.

    results: a file that `idfree track` wrote in any format, or a folder of them. source: the videos, see `open_source`,
    for the picture of the scene and the frame rate. out: a .png or .svg, or a folder for several; by default
    NAME-PLOT.png beside the results. plot: trails (paths of the feet), heat (person-seconds in each place) or timeline
    (a lane for each identity). frame_rate: overrides the source's; without either it is 30. on_plot: called with each
    path written. Raises UserError.
    """
    if plot not in PLOTS:
        raise UserError(f"--plot {plot}: expected {', '.join(PLOTS[:-1])} or {PLOTS[-1]}")
    pairs = pair_with_sequences(Path(results), source)
    paths = {file: plot_path(file, plot, None if out is None else Path(out), len(pairs) == 1) for file, _ in pairs}
    read = [s.source for _, s in pairs if s is not None and s.source is not None]
    refuse_overwriting(paths.values(), [*paths, *read])
    for file, sequence in pairs:
        rate = describe_video(sequence, frame_rate).frame_rate
        draw(plot, read_checked(file, sequence), sequence, rate).save(paths[file])
        if on_plot is not None:
            on_plot(paths[file])
    return {file.stem: str(path) for file, path in paths.items()}


def draw(plot: Plot, tracks: Annotation, sequence: Sequence | None, frame_rate: float) -> Figure:
    """The figure; over a blank picture if the source has no images, or there is none."""
    if plot == "timeline":
        return draw_timeline(tracks, frame_rate)
    image = first_image(sequence)
    if image is None:
        size_hw = None if sequence is None else sequence.size_hw
        image = blank_image([tracks.xyxy[:, :2], tracks.xyxy[:, 2:]], size_hw)
    return (draw_trails if plot == "trails" else draw_heat)(tracks, image, frame_rate)


def plot_path(file: Path, plot: Plot, out: Path | None, is_only: bool) -> Path:
    """The file to write. Raises UserError for the suffix of another kind of file."""
    if out is None:
        return file.with_name(f"{file.stem}-{plot}.png")
    if is_only and out.suffix.lower() in SUFFIXES:
        return out
    if is_named_like_file(out):
        several = "" if is_only else "; of several sequences, into a folder"
        raise UserError(f"{out}: pictures are written as {' or '.join(SUFFIXES)}{several}")
    return out / f"{file.stem}-{plot}.png"
