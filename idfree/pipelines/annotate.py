"""Draw tracking results on the video that they belong to."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from idfree.core.errors import UserError
from idfree.core.files import is_named_like_file, refuse_overwriting
from idfree.core.progress import progress
from idfree.core.reading import exists, is_file
from idfree.core.types import Annotation, Sequence
from idfree.pipelines.tracking.annotated_video import AS_SOURCE, AnnotatedVideo, VideoSettings
from idfree.sequences import open_source
from idfree.sequences.degenerate import warn_of_degenerate
from idfree.sequences.same_video import match_frames, sequence_name, warn_of_other_name
from idfree.sequences.tables import read_class_names, read_tracks
from idfree.trackers.auto_camera_motion import AutoCameraMotion

RESULT_SUFFIXES = (".txt", ".csv", ".json", ".parquet")  # of `idfree track --format`


def annotate(
    results: str | Path,
    source: str | Path,
    out: str | Path | None = None,
    *,
    show: bool = False,
    video_height: int | None = None,
    frame_rate: float | None = None,
    quiet: bool = True,
    on_video: Callable[[Path], None] | None = None,
) -> dict[str, str | None]:
    """Draw the tracks of each sequence; return the path of each video by sequence, None if it is only shown.

    results: a file that `idfree track` wrote in any format, or a folder of them. source: the videos, see `open_source`.
    out: an .mp4, or a folder for several; by default beside the results, or no file with `show`, which opens a window.
    video_height: of the video in pixels, if less than the source's. frame_rate: overrides the source's. on_video:
    called with each path written. Raises UserError without results.
    """
    results, sequences, settings = Path(results), open_source(source), VideoSettings(video_height)
    is_only = len(sequences) == 1
    files = {sequence.name: find_results(results, sequence.name, is_only) for sequence in sequences}
    folder = None if out is None else Path(out)
    videos = {name: video_path(file, name, folder, show, is_only) for name, file in files.items()}
    read = (sequence.source for sequence in sequences if sequence.source)
    refuse_overwriting(filter(None, videos.values()), [*read, *files.values()])
    paths: dict[str, str | None] = {}
    for sequence in sequences:
        path, file = videos[sequence.name], files[sequence.name]
        warn_of_other_name(file, sequence_name(sequence))
        tracks = match_frames(read_tracks(file), file, sequence)
        warn_of_degenerate(tracks, file, "are not drawn")
        if frame_rate is not None:
            sequence = sequence.at_rate(frame_rate)
        title, names = sequence.name if show else None, read_class_names(file)
        draw_tracks(sequence, tracks, path, title, names, quiet, settings)
        paths[sequence.name] = str(path) if path else None
        if path and on_video is not None:
            on_video(path)
    return paths


def draw_tracks(
    sequence: Sequence,
    tracks: Annotation,
    path: Path | None,
    title: str | None = None,
    class_names: Mapping[int, str] = MappingProxyType({}),
    quiet: bool = True,
    settings: VideoSettings = AS_SOURCE,
) -> None:
    """Draw tracks on their sequence, into a video file, a window of this title, or both."""
    camera = AutoCameraMotion()  # trails move with the scene
    with AnnotatedVideo(sequence, path, title, class_names, settings) as video:
        for frame in progress(sequence, f"{sequence.name}: drawing", sequence.count, quiet):
            shown = tracks.tracks_at(frame.number)
            motion = None if frame.image is None else camera.estimate(frame.image, shown.xyxy)
            video.add(frame, shown, motion)


def find_results(results: Path, name: str, is_only: bool) -> Path:
    """The file of results of a sequence. Raises UserError if there is none."""
    if is_file(results) and is_only:
        return results
    if not exists(results):
        raise UserError(f"{results}: no such file or folder; expected tracking results, NAME.txt or a folder of them")
    files = [results / f"{name}{suffix}" for suffix in RESULT_SUFFIXES]
    found = next((file for file in files if is_file(file)), None)
    if found is None:
        raise UserError(f"{results}: no {name}.txt (or {', '.join(RESULT_SUFFIXES[1:])}) for the sequence {name}")
    return found


def video_path(results: Path, name: str, out: Path | None, show: bool, is_only: bool) -> Path | None:
    """The .mp4 to write; None if the video is only shown. Raises UserError for the name of another kind of file."""
    if out is None:
        return None if show else results.with_suffix(".mp4")
    if out.suffix.lower() == ".mp4" and is_only:
        return out
    if is_named_like_file(out):
        several = "" if is_only else "; of several sequences, into a folder"
        raise UserError(f"{out}: videos are written as .mp4, pictures (--plot) as .png or .svg{several}")
    return out / f"{name}.mp4"
