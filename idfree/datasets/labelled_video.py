"""Footage of a video whose labels are in one file: its images are in a video or a folder that is named like it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.reading import is_file, is_folder
from idfree.core.types import Annotation, Image
from idfree.core.wording import counted
from idfree.datasets.footage import Footage, label_still_images
from idfree.datasets.labels import OnFault
from idfree.sequences.folders import list_files
from idfree.sequences.image_files import locate_images, read_nth_image
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.motchallenge import candidate_names
from idfree.sequences.seqinfo import IMAGE_FOLDER, choose_size, first_size, read_declared
from idfree.sequences.video import VIDEO_SUFFIXES, is_video, open_video
from idfree.sequences.video_frames import VideoFrames


@dataclass(frozen=True)
class Media:
    """The images of a video: paths and image as in Footage, size_hw and frame_rate None if unknown."""

    paths: tuple[Path, ...]
    image: Callable[[int], Image]
    size_hw: tuple[int, int] | None = None
    frame_rate: float | None = None


def open_media(name: str, images: Path | None, folders: Iterable[Path]) -> Media:
    """The images of the video `name`; without paths if there are none.

    images: a video, a folder of image files, or a folder with NAME.mp4, NAME/img1/ or NAME/, which is looked at first.
    folders: more folders of the latter kind. Raises UserError if `images` is neither.
    """
    if images is not None and is_one_video(images):
        return open_video_file(images)
    for folder in (each for each in (images, *folders) if each is not None and each.is_dir()):
        for path in candidate_paths(folder, name):
            if path.is_file():
                return open_video_file(path)
            if path.is_dir() and (files := list_files(path, IMAGE_SUFFIXES)):
                return open_files(files)
    if images is not None and (files := list_files(images, IMAGE_SUFFIXES)):
        return open_files(files)
    return Media((), partial(raise_no_images, name))


def is_one_video(images: Path) -> bool:
    """Whether `--images` is a video file, that of one sequence. Raises UserError if it is neither that nor a folder."""
    if is_folder(images):
        return False
    if not (is_file(images) and is_video(images)):
        raise UserError(f"{images}: expected a video or a folder of images or videos")
    return True


def check_one_video(images: Path | None, count: int) -> None:
    """Raises UserError if `--images` is a video file, which cannot show each of several sequences."""
    if count > 1 and images is not None and is_file(images):
        raise UserError(f"--images {images}: one file for {count} sequences; expected a folder with NAME.mp4 for each")


def candidate_paths(folder: Path, name: str) -> Iterator[Path]:
    """Where the images of a video may be in a folder: videos and folders of its name."""
    for own in candidate_names(name):
        yield from (folder / f"{own}{suffix}" for suffix in VIDEO_SUFFIXES)
        yield from (folder / own / IMAGE_FOLDER, folder / own)
        yield from (folder / own / f"{own}{suffix}" for suffix in VIDEO_SUFFIXES)


def open_video_file(path: Path) -> Media:
    """The frames of a video. Raises UserError if it cannot be read."""
    video = open_video(path)
    return Media((path,) * (video.length or 0), VideoFrames(path), video.size_hw, video.frame_rate)


def open_files(files: list[Path]) -> Media:
    """Image files in their order, with the rate in seqinfo.ini of a MOTChallenge folder."""
    folder = files[0].parent
    _, rate = read_declared(folder.parent) if folder.name == IMAGE_FOLDER else (None, None)
    return Media(tuple(files), partial(read_nth_image, tuple(files)), first_size(files), rate)


def label_stills(
    name: str, boxes: Annotation, names: Sequence[str], images: Path | None, source: Path, classes: tuple[str, ...]
) -> Footage:
    """The footage of still images by file name, which lie in `images`, beside the labels, or in images/ there."""
    paths = locate_images(names, [images, source.parent, source.parent / "images"])
    return label_still_images(name, boxes, paths, source, classes)


def raise_no_images(name: str, number: int) -> Image:
    """The image reader of labels without images. Raises UserError."""
    raise UserError(
        f"{name}: its images are not beside the labels (frame {number} was asked for): give them with --images PATH"
    )


def label_video(
    name: str,
    boxes: Annotation,
    media: Media,
    source: Path,
    on_fault: OnFault,
    classes: tuple[str, ...],
    length: int | None = None,
    size_hw: tuple[int, int] | None = None,
    frame_rate: float | None = None,
    scored: bool = False,
) -> Footage:
    """The footage of a video.

    length, size_hw, frame_rate: as the labels declare them, None if they do not; the images' length and size override
    the declared ones.
    """
    length = len(media.paths) or max(length or 0, int(boxes.frame.max(initial=0)))
    outside = boxes.frame > length
    if outside.any():
        frame = boxes.frame[outside][0]
        on_fault(f"{source}: {name}: has boxes in frame {frame}, but no more than {counted(length, 'image')}")
    return Footage(
        name=name,
        boxes=boxes[~outside],
        length=length,
        image=media.image,
        is_sequence=True,
        paths=media.paths,
        size_hw=choose_size(size_hw, media.size_hw, source),
        frame_rate=frame_rate or media.frame_rate or Footage.frame_rate,
        source=source,
        classes=classes,
        scored=scored,
    )
