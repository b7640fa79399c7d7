"""Write a page of HTML in which tracking results are watched, compared with the truth, and corrected."""

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import refuse_overwriting, write_text
from idfree.core.progress import progress
from idfree.core.reading import is_folder
from idfree.core.types import Annotation, Floats, Image, Integers, Sequence
from idfree.evaluation.frame_subset import select_first
from idfree.evaluation.mistakes import find_mistakes
from idfree.pipelines.paired_results import find_ground_truth
from idfree.pipelines.refine import pair_with_sequences, read_checked
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.view_map import map_embeddings
from idfree.sequences.motchallenge import read_ground_truth
from idfree.sequences.same_video import video_name, warn_of_other_name
from idfree.show.view_page import Marks, Pictures, make_page

FRAME_RATE = 30.0  # without a source, as `refine` assumes
CROPS = 8  # of a track, evenly over its boxes
CROP_HEIGHT = 110  # pixels, that of a crop in the page
EMBEDDED_WIDTH = 960  # pixels at most, of an embedded frame
QUALITY = 75  # of JPEG, 0 to 100


def view(
    results: str | Path,
    source: str | Path | None = None,
    out: str | Path | None = None,
    *,
    truth: str | Path | None = None,
    appearance: str | Path | None = None,
    embed: bool = False,
    frames: int | None = None,
    quiet: bool = True,
) -> Path:
    """Write the page of one sequence; return its path.

    results: a file that `idfree track` wrote in any format, or a folder with one. source: the video, see `open_source`;
    without it there are boxes alone. out: the .html, by default beside the results. truth: a gt.txt, or its folder; its
    mistakes are marked. appearance: a model or `colour`, or a file or folder of boxes with embeddings (NAME.npy): adds
    a map of embeddings. embed: the frames lie in the page, as JPEG; without it, the page plays the video file where it
    is, and other sources are always embedded. frames: only the first so many. Raises UserError.
    """
    results = Path(results)
    pairs = pair_with_sequences(results, source)
    if len(pairs) > 1:
        raise UserError(f"{results}: {len(pairs)} sequences, expected one: name one NAME.txt, and its video")
    file, sequence = pairs[0]
    out = file.with_suffix(".html") if out is None else Path(out)
    opened = [] if sequence is None or sequence.source is None else [sequence.source]
    read = [path for path in (truth, appearance) if path is not None and not is_folder(path)]
    refuse_overwriting([out], [file, *opened, *read])
    tracks = read_checked(file, sequence)
    path = None if truth is None else truth_of(Path(truth), file)
    ground_truth = Annotation.empty() if path is None else read_ground_truth(path)
    if frames is not None:
        tracks, ground_truth = select_first(tracks, frames), select_first(ground_truth, frames)
        sequence = None if sequence is None else Selection(frames=frames).select_frames(sequence)
    last = max(int(side.frame.max(initial=1)) for side in (tracks, ground_truth))
    length = last if sequence is None or sequence.length is None else sequence.length
    marks = None if path is None else mark_mistakes(ground_truth, tracks, length, (str(path), str(file)))
    pictures = Pictures(extent(tracks)) if sequence is None else take_pictures(sequence, tracks, out, embed, quiet)
    map_ = None if appearance is None else map_embeddings(tracks, file.stem, sequence, str(appearance))
    write_text(out, make_page(file.stem, tracks, frame_times(sequence, length), pictures, marks, map_))
    return out


def truth_of(truth: Path, file: Path) -> Path:
    """The gt.txt of a file of results. Raises UserError if there are several, and none of its name."""
    truths = find_ground_truth(truth)
    path = next(iter(truths.values())) if len(truths) == 1 else truths.get(file.stem)
    if path is None:
        raise UserError(f"{truth}: no {file.stem} among its {len(truths)} sequences; name the folder of one")
    warn_of_other_name(file, video_name(path))
    return path


def mark_mistakes(ground_truth: Annotation, tracks: Annotation, length: int, names: tuple[str, str]) -> Marks:
    """The mistakes of tracks. names: of both files, for messages."""
    mistakes = find_mistakes(ground_truth, tracks, length, names)
    return Marks(ground_truth[mistakes.missed], mistakes.false_positive, mistakes.switched, mistakes.switched_from)


def frame_times(sequence: Sequence | None, length: int) -> Floats:
    """Seconds of the frames 1 … length."""
    if sequence is not None and sequence.times is not None:
        return sequence.times[:length]
    rate = FRAME_RATE if sequence is None else sequence.frame_rate * sequence.step
    return np.arange(length) / rate


def extent(tracks: Annotation) -> tuple[int, int]:
    """Height and width that hold all boxes."""
    right, bottom = np.ceil(tracks.xyxy[:, 2:].max(axis=0, initial=1)).astype(int).tolist()
    return bottom, right


def sample_rows(tracks: Annotation) -> Integers:
    """The rows of CROPS boxes of each track, evenly over them; ascending."""
    rows = [np.flatnonzero(tracks.id == track) for track in np.unique(tracks.id)]
    chosen = [own[np.unique(np.linspace(0, len(own) - 1, CROPS).astype(np.int64))] for own in rows]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)


def take_pictures(sequence: Sequence, tracks: Annotation, out: Path, embed: bool, quiet: bool) -> Pictures:
    """Crops of the tracks, and the address of the video or its frames. Raises UserError without images."""
    is_video = sequence.source is not None and sequence.source.is_file() and not embed
    rows, crops, images, size_hw = sample_rows(tracks), {}, {}, sequence.size_hw
    for frame in progress(sequence, f"{sequence.name}: taking pictures", sequence.count, quiet):
        if frame.image is None:
            break
        size_hw = frame.image.shape[:2]
        for row in rows[slice(*np.searchsorted(tracks.frame[rows], [frame.number, frame.number + 1]))].tolist():
            if (crop := jpeg_crop(frame.image, tracks.xyxy[row])) is not None:
                crops[row] = crop
        if not is_video:
            images[frame.number] = to_jpeg(frame.image, EMBEDDED_WIDTH / frame.image.shape[1])
    address = None
    if is_video and sequence.source is not None:
        address = relative_address(sequence.source, out)
    return replace(Pictures(size_hw or extent(tracks), address), images=images, crops=crops)


def relative_address(video: Path, page: Path) -> str:
    """The address of a video as seen from the page."""
    folder = page.resolve().parent
    try:
        return quote(Path(os.path.relpath(video.resolve(), folder)).as_posix())
    except ValueError:  # another drive, on Windows
        return video.resolve().as_uri()


def jpeg_crop(image: Image, xyxy: Floats) -> bytes | None:
    """A crop as JPEG; None outside the image."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = np.rint(np.clip(xyxy, 0, [width, height, width, height])).astype(int).tolist()
    return to_jpeg(image[y1:y2, x1:x2], CROP_HEIGHT / (y2 - y1)) if x2 > x1 and y2 > y1 else None


def to_jpeg(image: Image, scale: float) -> bytes:
    """The image as JPEG, made smaller by a scale below 1."""
    if scale < 1:
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])
