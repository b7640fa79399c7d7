"""Adapt to videos, then track them with what won: `idfree track VIDEO --adapt`."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.settings import Assignments, parse_assignments
from idfree.pipelines.adapt import adapt
from idfree.pipelines.crop_sets import TooFewTracklets
from idfree.pipelines.track import track_videos
from idfree.pipelines.track_tasks import Source, open_sequences

SHARED = ("detector", "detector_format", "scores", "classes", "start", "frames", "every", "workers", "dask", "device")
FOLDER = "adapt"  # below OUT


def adapt_and_track(
    sources: Source | Iterable[Source],
    out: str | Path | None = None,
    *,
    appearance: str = "auto",
    set: Assignments = (),
    seed: int = 0,
    quiet: bool = True,
    on_adapted: Callable[[str], None] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """As `track_videos`, with the appearance that `adapt` finds best for these videos, without training a network.

    OUT/adapt gets its files. Without enough tracklets to learn from, it is plain colour. on_adapted: called with what
    was chosen, in words. Raises UserError.
    """
    if appearance != "auto":
        raise UserError(f"--appearance {appearance}: --adapt chooses the appearance itself; give one of the two")
    sequences = open_sequences(sources)
    videos = [sequence.source for sequence in sequences]
    if any(video is None or sequence.length is None for video, sequence in zip(videos, sequences, strict=True)):
        raise UserError("--adapt: needs videos or images in files, which are read twice, not a camera or a stream")
    out = Path("runs") / "track" / sequences[0].name if out is None else Path(out)
    shared = {name: options[name] for name in SHARED if name in options}
    own = [each for each in parse_assignments(set) if each.startswith("detector.")]
    try:
        report = adapt(
            [str(each) for each in videos], out / FOLDER, train=False, set=own, seed=seed, quiet=quiet, **shared
        )
        chosen, verdict = str(report["model"]), str(report["verdict"])
    except TooFewTracklets as error:
        chosen, verdict = "colour", f"tracked with plain colour, as there is too little to learn from: {error}"
    if on_adapted is not None:
        on_adapted(verdict)
    return track_videos(sources, out, appearance=chosen, set=set, quiet=quiet, **options)
