"""Count people at lines and in zones, in results of tracking; CSV files and a picture."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import refuse_overwriting
from idfree.core.progress import progress
from idfree.core.types import Image, Sequence
from idfree.counting.counter import ANCHORS
from idfree.counting.ground import measure_paths
from idfree.counting.request import CountRequest
from idfree.counting.shapes import Shapes
from idfree.pipelines.count_report import (
    Clock,
    Counts,
    Summary,
    count_tracks,
    draw_plot,
    paths_of,
    summarise,
    summarise_uncrossed,
    write_tables,
)
from idfree.pipelines.first_image import blank_image, first_image
from idfree.pipelines.refine import describe_video, pair_with_sequences, read_checked
from idfree.sequences.tables import read_class_names


def count(
    results: str | Path,
    source: str | Path | None = None,
    out: str | Path | None = None,
    *,
    lines: Shapes = (),
    zones: Shapes = (),
    anchor: str = "bottom",
    scale: float | None = None,
    homography: Any = None,
    frame_rate: float | None = None,
    plot: bool = True,
    quiet: bool = True,
    on_result: Callable[[Summary], None] | None = None,
) -> Summary:
    """Count crossings of lines and people in zones; write OUT/NAME-….csv and a picture, and return the totals by NAME.

    results: a file that `idfree track` wrote in any format, or of another tracker in MOTChallenge format, or a folder
    of them. source: the videos they belong to, for the frame rate and the picture. out: by default runs/count/NAME.
    lines: `[NAME=]x1,y1,x2,y2`, four numbers, or several of these, or a dict of them; zones: the same with three
    corners or more. anchor: the point of a box that counts, bottom (middle of the lower edge) or centre. scale: metres
    per pixel, or homography: eight or nine numbers, an array, or a file (see `idfree count --help`), for speeds and
    path lengths. frame_rate: overrides the source's; without either it is 30. plot: whether to draw the picture.
    on_result: called with the totals of each file. Raises UserError.
    """
    request, results = CountRequest.read(lines, zones, anchor, scale, homography), Path(results)
    if not request:
        raise UserError("nothing to count: expected a line, a zone, or a scale or homography to measure paths by")
    pairs = pair_with_sequences(results, source)
    out = Path("runs") / "count" / results.stem if out is None else Path(out)
    written = [path for file, _ in pairs for path in paths_of(out, file.stem)]
    opened = [s.source for _, s in pairs if s is not None and s.source is not None]
    refuse_overwriting(written, [*(file for file, _ in pairs), *opened])
    totals: Summary = {}
    for file, sequence in progress(pairs, "counting", len(pairs), quiet, "files"):
        if sequence is not None and frame_rate is not None:
            sequence = sequence.at_rate(frame_rate)
        image = first_image(sequence) if plot else None
        totals[file.stem] = count_file(file, sequence, request, out, frame_rate, image, plot)
        if on_result is not None:
            on_result(totals[file.stem])
    return totals


def count_file(
    file: Path,
    sequence: Sequence | None,
    request: CountRequest,
    out: Path,
    frame_rate: float | None = None,
    image: Image | None = None,
    plot: bool = True,
    class_names: Mapping[int, str] | None = None,
) -> Summary:
    """Count one file of results; write its files, and return its totals.

    image: of the scene, for the picture. class_names: by number; None: as the file says.
    """
    tracks = read_checked(file, sequence)
    names = read_class_names(file) if class_names is None else class_names
    rate = describe_video(sequence, frame_rate).frame_rate
    counter = count_tracks(request.counter(rate), tracks)
    crossings, visits = counter.finish()
    length = int(tracks.frame.max(initial=1))
    if sequence is not None and sequence.length is not None:
        length = sequence.length
    clock = Clock(rate, None if sequence is None else sequence.times, length)
    paths = None
    if request.ground is not None:
        paths = measure_paths(tracks, ANCHORS[request.anchor](tracks.xyxy), request.ground, rate)
    counts = Counts(counter, crossings, visits, paths, clock, names, np.unique(tracks.class_id))
    files = write_tables(counts, out, file.stem)
    if plot and (counter.lines or counter.zones):
        files["plot"] = out / f"{file.stem}-counts.png"
        if image is None:
            corners = [*(line.corners for line in counter.lines), *(zone.corners for zone in counter.zones)]
            size_hw = None if sequence is None else sequence.size_hw
            image = blank_image([tracks.xyxy[:, :2], tracks.xyxy[:, 2:], *corners], size_hw)
        draw_plot(counts, image, files["plot"])
    summary = {**summarise(counts), "uncrossed": summarise_uncrossed(counter, request, tracks, rate)}
    return {"name": file.stem, "frames": length, **summary, "files": {k: str(v) for k, v in files.items()}}
