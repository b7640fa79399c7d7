"""Refine tracking results of any tracker into whole-video tracks, and write them with a summary."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from idfree.core.boxes import has_area
from idfree.core.errors import UserError
from idfree.core.files import refuse_overwriting, write_text
from idfree.core.progress import progress
from idfree.core.reading import is_file, is_folder
from idfree.core.types import FRAME_RATES, Annotation, Floats, Integers, Sequence
from idfree.core.version import __version__
from idfree.evaluation.preprocess import check_identities
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.track_rows import is_filled
from idfree.offline.whole_video import Video, refine_tracks
from idfree.pipelines.annotate import RESULT_SUFFIXES, draw_tracks, find_results
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.pipelines.refine_images import read_images
from idfree.pipelines.tracking.annotated_video import AS_SOURCE, VideoSettings
from idfree.pipelines.tracking.finished_tracks import SUMMARY
from idfree.pipelines.tracking.replaced_results import warn_of_earlier
from idfree.sequences import open_source
from idfree.sequences.folders import list_files
from idfree.sequences.motchallenge import write_results
from idfree.sequences.same_video import match_frames, sequence_name, warn_of_other_name
from idfree.sequences.seqinfo import FRAME_RATE
from idfree.sequences.table_writer import write_table
from idfree.sequences.tables import read_class_names, read_tracks

LOG = logging.getLogger("idfree")
Summary = dict[str, Any]


def refine(
    results: str | Path,
    source: str | Path | None = None,
    out: str | Path | None = None,
    *,
    appearance: str | Path | None = "none",
    camera: str | Path | None = "auto",
    frame_rate: float | None = None,
    device: str = "auto",
    quiet: bool = True,
    on_result: Callable[[Path, Summary], None] | None = None,
) -> Summary:
    """Link, fill and smooth tracks; write OUT/NAME.txt and OUT/summary.json, and return the summary.

    results: a file of any tracker in MOTChallenge format, or as `idfree track` writes it, or a folder of them. source:
    the videos that they belong to, see `open_source`, of which the frame rate and the size are read; None if they are
    not at hand. out: by default runs/refine/NAME; files keep the format of the results. appearance: none, to link
    tracklets by motion alone, colour or MODEL.onnx, which need the images of the source. camera: as in `track`;
    auto measures its motion if the source has images. frame_rate: overrides the source's; without either it is 30.
    on_result: called with the path and the summary of each file written. Raises UserError.
    """
    results = Path(results)
    appearance, camera = ("none" if spec is None else str(spec) for spec in (appearance, camera))
    encoder = open_appearance(appearance, device)
    if encoder is not None and source is None:
        raise UserError(f"--appearance {appearance}: needs the images of the video: idfree refine RESULTS SOURCE")
    pairs = pair_with_sequences(results, source)
    out = Path("runs") / "refine" / results.stem if out is None else Path(out)
    outputs = {file: out / f"{file.stem}{file.suffix or RESULT_SUFFIXES[0]}" for file, _ in pairs}
    opened = [sequence.source for _, sequence in pairs if sequence is not None and sequence.source is not None]
    refuse_overwriting([*outputs.values(), out / SUMMARY], [*outputs, *opened, appearance])
    summaries: list[Summary] = []
    for file, sequence in progress(pairs, "refining", len(pairs), quiet, "files"):
        tracks = read_checked(file, sequence)
        warn_of_earlier(outputs[file], [*outputs.values(), out / SUMMARY])
        maps, kept = (None, None) if sequence is None else read_images(sequence, tracks, camera, encoder)
        refined = refine_tracks(tracks, replace(describe_video(sequence, frame_rate), camera=maps), kept)
        write_like(outputs[file], refined, read_class_names(file))
        summaries.append(summarise(file.stem, tracks, refined))
        if on_result is not None:
            on_result(outputs[file], summaries[-1])
    whole = {"idfree": __version__, "sequences": summaries}
    write_text(out / SUMMARY, json.dumps(whole, indent=2, allow_nan=False) + "\n")
    return whole


def refine_written(
    path: Path,
    sequence: Sequence,
    class_names: Mapping[int, str],
    kept: KeptEmbeddings | None = None,
    camera: Floats | None = None,
    video: Path | None = None,
    quiet: bool = True,
    settings: VideoSettings = AS_SOURCE,
) -> Summary:
    """Replace results that `idfree track` wrote by whole-video tracks; return their counts.

    kept: embeddings of the tracks, to link tracklets by appearance, too. camera: maps (F, 2, 3) of its motion. video,
    settings: the video file to draw them in, and how. Raises UserError for one of a live camera, whose images are gone.
    """
    if video is not None and sequence.length is None:
        raise UserError(f"--offline --video: the images of {sequence.name} cannot be read again; leave out one of them")
    tracks = read_tracks(path)
    refined = refine_tracks(tracks, replace(describe_video(sequence, None), camera=camera), kept=kept)
    write_like(path, replace(refined, time=frame_times(sequence, refined.frame)), class_names)
    if video is not None:
        draw_tracks(sequence, refined, video, None, class_names, quiet, settings)
    return summarise(sequence.name, tracks, refined)


def frame_times(sequence: Sequence, frame: Integers) -> Floats | None:
    """Seconds (K,) of frames (K,); None if they come at irregular times that are not known."""
    if sequence.times is not None:
        return sequence.times[frame - 1]
    return None if sequence.length is None else (frame - 1) / (sequence.frame_rate * sequence.step)


def pair_with_sequences(results: Path, source: str | Path | None) -> list[tuple[Path, Sequence | None]]:
    """Each file of results, with its sequence if there is a source. Raises UserError if there are none."""
    if source is not None:
        sequences = open_source(source)
        if len(sequences) == 1:
            only = find_results(results, sequences[0].name, is_only=True)
            warn_of_other_name(only, sequence_name(sequences[0]))
            return [(only, sequences[0])]
        pairs = [(file, sequence) for sequence in sequences if (file := results_of(results, sequence)) is not None]
        if not pairs:
            raise UserError(f"{results}: nothing for any of the {len(sequences)} sequences in {source}")
        return list(pairs)
    if is_file(results):
        return [(results, None)]
    if not is_folder(results):
        raise UserError(f"{results}: no such file or folder; expected tracking results, NAME.txt or a folder of them")
    files = [file for file in list_files(results, RESULT_SUFFIXES) if file.name != SUMMARY]
    if not files:
        raise UserError(f"{results}: no results in it; expected NAME.txt (or {', '.join(RESULT_SUFFIXES[1:])})")
    return [(file, None) for file in files]


def results_of(results: Path, sequence: Sequence) -> Path | None:
    """The file of results of one of several sequences; None, with a warning, if there is none."""
    try:
        return find_results(results, sequence.name, is_only=False)
    except UserError as error:
        LOG.warning("%s: left out", error)
        return None


def read_checked(file: Path, sequence: Sequence | None) -> Annotation:
    """The tracks in a file. Raises UserError if they cannot be of the sequence, or an id is twice in a frame."""
    tracks = read_tracks(file)
    check_identities(tracks, str(file))
    if sequence is not None:
        tracks = match_frames(tracks, file, sequence)
    is_empty = ~has_area(tracks.xyxy)
    if is_empty.any():
        row = int(is_empty.argmax())
        raise UserError(
            f"{file}: frame {tracks.frame[row]}, id {tracks.id[row]}: a box without area; expected a positive width"
            " and height"
        )
    return tracks


def describe_video(sequence: Sequence | None, frame_rate: float | None) -> Video:
    """What is known of the video. Raises UserError for a frame rate that cannot be."""
    if frame_rate is not None and not FRAME_RATES[0] <= frame_rate <= FRAME_RATES[1]:
        raise UserError(f"--fps {frame_rate:g}: expected frames per second, more than 0, {FRAME_RATES[1]:.0f} at most")
    known = FRAME_RATE if sequence is None else sequence.frame_rate * sequence.step  # of frame numbers, not of frames
    return Video(frame_rate or known, None if sequence is None else sequence.size_hw)


def write_like(path: Path, tracks: Annotation, class_names: Mapping[int, str] = MappingProxyType({})) -> None:
    """Write tracks in the format that the suffix names, as `idfree track --format` does."""
    format = path.suffix.lower().removeprefix(".")
    if f".{format}" in RESULT_SUFFIXES[1:]:
        write_table(path, tracks, format, class_names)
    else:
        write_results(path, tracks)


def summarise(name: str, tracks: Annotation, refined: Annotation) -> Summary:
    """Counts before and after. filled: rows that were filled in."""
    return {
        "name": name,
        "tracks_before": len(np.unique(tracks.id)),
        "tracks": len(np.unique(refined.id)),
        "boxes_before": len(tracks),
        "boxes": len(refined),
        "filled": int(np.count_nonzero(is_filled(refined))),
    }
