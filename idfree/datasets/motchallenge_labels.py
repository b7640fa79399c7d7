"""MOTChallenge sequences as footage: pedestrians, ignore regions, and the image files or the video."""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.types import Image
from idfree.datasets.export_images import export_images, image_names, leave_no_images, replace_link
from idfree.datasets.footage import PEOPLE, Footage, FootageSettings
from idfree.datasets.labelled_video import is_one_video
from idfree.datasets.labels import OnFault, raise_fault
from idfree.datasets.motchallenge_classes import select_classes
from idfree.datasets.write_sequence import PARTIAL_KEY, write_seqinfo
from idfree.sequences.folders import list_files
from idfree.sequences.image_files import read_nth_image
from idfree.sequences.images import IMAGE_SUFFIXES, numbers_in_names
from idfree.sequences.motchallenge import (
    PEDESTRIAN,
    candidate_names,
    find_sequences,
    is_sequence,
    read_ground_truth,
    write_ground_truth,
)
from idfree.sequences.seqinfo import (
    IMAGE_FOLDER,
    SEQINFO,
    FrameRange,
    SeqInfo,
    correct_by_images,
    measure_files,
    measure_video,
    read_declared,
    read_ini,
)
from idfree.sequences.video import VIDEO_SUFFIXES
from idfree.sequences.video_frames import VideoFrames

LOG = logging.getLogger("idfree")

CLASSES_KEY = "classes"  # idfree's own key of seqinfo.ini: the names of the classes from 1, unless people alone
STILLS_KEY = "stills"  # idfree's own key of seqinfo.ini: 1 if the images are not the frames of one video
GROUND_TRUTH = Path("gt", "gt.txt")


@dataclass(frozen=True)
class ImageSource:
    """The images of a sequence: image files, or a video; neither if there are none."""

    images: tuple[Path, ...] = ()
    video: Path | None = None


def is_motchallenge(path: Path) -> bool:
    """Whether a path is a gt.txt, a sequence, or a folder of sequences."""
    if not path.is_dir():
        return path.name == GROUND_TRUTH.name
    return is_sequence(path) or any(is_sequence(child) for child in path.iterdir() if child.is_dir())


def read_motchallenge(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The sequences of a folder, or the one of a gt.txt (see read_sequences)."""
    folders = find_sequences(path) if path.is_dir() else [path.resolve().parent.parent]
    return read_sequences(folders, images, settings, on_fault)


def read_sequences(
    folders: Sequence[Path], images: Path | None, settings: FootageSettings, on_fault: OnFault
) -> list[Footage]:
    """The sequences that have a gt/gt.txt, each video once. Raises UserError if none has one."""
    labelled = [folder for folder in folders if (folder / GROUND_TRUTH).is_file()]
    if not labelled:
        raise UserError(f"{folders[0]}: has no gt/gt.txt" + f", nor do {len(folders) - 1} others" * (len(folders) > 1))
    for folder in folders:
        if folder not in labelled:
            LOG.warning("%s: has no gt/gt.txt, left out", folder)
    footages = []
    for folder in drop_repeated_videos(labelled, images):
        try:
            footages.append(read_sequence(folder, images, settings, on_fault))
        except UserError as error:
            on_fault(str(error))
    return footages


def drop_repeated_videos(folders: Sequence[Path], images: Path | None) -> list[Path]:
    """Keep one of the folders that differ only in the public detector (MOT17 has three): the first with images."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        groups[candidate_names(folder.resolve().name)[-1]].append(folder)
    chosen = []
    for group in groups.values():
        chosen.append(next((folder for folder in group if has_images(folder, images)), group[0]))
    if taken := [f.name for f, group in zip(chosen, groups.values(), strict=True) if len(group) > 1]:
        LOG.warning("of sequences that show one video and differ in its detections, one is taken: %s", ", ".join(taken))
    return chosen


def has_images(folder: Path, images: Path | None) -> bool:
    """Whether a sequence has image files or a video."""
    return find_images(folder, SeqInfo(folder.name), images) != ImageSource()


def read_sequence(
    folder: Path,
    images: Path | None = None,
    settings: FootageSettings | None = None,
    on_fault: OnFault = raise_fault,
) -> Footage:
    """A sequence with gt/gt.txt: pedestrians as objects; those marked 0 and similar classes as ignore regions.

    settings: names other classes, by number or by MOTChallenge's or VisDrone's names, see `select_classes`. images: the
    video, or a folder with NAME.mp4, NAME/img1/ or NAME/, if the images are elsewhere.
    """
    settings, source = settings or FootageSettings(), folder / GROUND_TRUTH
    ini, declared = read_ini(folder / SEQINFO), read_declared(folder)[0]
    is_stills = ini.get(STILLS_KEY) == "1"
    boxes = select_classes(read_ground_truth(source), settings, source, class_names_of(folder))
    image_source = find_images(folder, declared, images)
    annotated = (int(boxes.frame[0]), int(boxes.frame[-1])) if len(boxes) else None
    info = measure(declared, image_source, annotated, folder, is_stills)
    length = info.length or int(boxes.frame.max(initial=0))
    if (outside := boxes.frame > length).any():
        on_fault(f"{source}: frame {boxes.frame[outside][0]} lies outside the sequence, whose frames are 1 to {length}")
    paths, image = index_images(image_source, length, folder, info.by_name)
    footage = Footage(
        info.name,
        boxes[~outside],
        length,
        image,
        is_sequence=not is_stills,
        paths=paths,
        size_hw=info.size_hw,
        frame_rate=info.frame_rate,
        source=source,
        fully_labelled=ini.get(PARTIAL_KEY) != "1",
        classes=settings.names,
    )
    return footage.frames(info.first, length) if info.first > 1 else footage


def class_names_of(folder: Path) -> list[str]:
    """The names of a sequence's classes from 1, if its seqinfo.ini has any."""
    return [name.strip() for name in read_ini(folder / SEQINFO).get(CLASSES_KEY, "").split(",") if name.strip()]


def find_images(folder: Path, info: SeqInfo, images: Path | None) -> ImageSource:
    """The images of a sequence: the video `images`, else those in it under its name, else those in its folder."""
    candidates = [folder / info.image_folder, folder]
    if images is not None and is_one_video(images):
        return ImageSource(video=images)
    if images is not None:
        names = candidate_names(folder.resolve().name)
        own = [*(images / name / info.image_folder for name in names), *(images / name for name in names)]
        candidates = own + candidates
        for video in (images / f"{name}{suffix}" for name in names for suffix in VIDEO_SUFFIXES):
            if video.is_file():
                return ImageSource(video=video)
    for candidate in (candidate for candidate in candidates if candidate.is_dir()):
        if candidate != folder and (files := list_files(candidate, IMAGE_SUFFIXES)):
            return ImageSource(tuple(files))
        if videos := list_files(candidate, VIDEO_SUFFIXES):
            return ImageSource(video=videos[0])
    return ImageSource()


def measure(
    declared: SeqInfo, image_source: ImageSource, annotated: FrameRange | None, folder: Path, is_stills: bool
) -> SeqInfo:
    """The contents of seqinfo.ini, corrected and completed by the images; stills may differ in size.

    annotated: first and last frame of gt.txt. A video that cannot be read corrects nothing; reading its frames raises
    the UserError.
    """
    try:
        images = measure_video(image_source.video) if image_source.video else measure_files(image_source.images)
    except UserError:
        return declared
    if is_stills:
        declared, images = replace(declared, size_hw=None), replace(images, size_hw=None)
    return correct_by_images(declared, images, lambda: annotated, folder)


def index_images(
    image_source: ImageSource, length: int, folder: Path, by_name: bool
) -> tuple[tuple[Path, ...], Callable[[int], Image]]:
    """The path of each frame's image, and a function that reads image `number`.

    by_name: if all file names are whole numbers from 1, they are frame numbers; a missing frame gets its expected path.
    """
    if image_source.video:
        return (image_source.video,) * length, VideoFrames(image_source.video)
    if not image_source.images:
        return (), partial(raise_no_images, folder)
    names = numbers_in_names(image_source.images) if by_name else None
    by_number = dict(zip(names or range(1, len(image_source.images) + 1), image_source.images, strict=True))
    parent, suffix = image_source.images[0].parent, image_source.images[0].suffix
    paths = tuple(by_number.get(number, parent / f"{number:06d}{suffix}") for number in range(1, length + 1))
    return paths, partial(read_nth_image, paths)


def raise_no_images(folder: Path, number: int) -> Image:
    """The image reader of a sequence without images. Raises UserError."""
    raise UserError(f"{folder} has no images: expected {IMAGE_FOLDER}/ or a video in it (frame {number} was asked for)")


def link_video(folder: Path, video: Path) -> None:
    """Link a video into a sequence folder, in place of the links that an earlier conversion has made.

    Raises UserError if the folder has images, which would be read in its place.
    """
    leave_no_images(folder / IMAGE_FOLDER)
    for other in list_files(folder, VIDEO_SUFFIXES) if folder.is_dir() else ():
        if other.is_symlink() and other != video:
            other.unlink()
    replace_link(folder / video.name, video)


def write_motchallenge(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME as a MOTChallenge sequence with linked images; unknown ids are −1. Returns FOLDER/NAME."""
    target = folder / footage.name
    if footage.in_video and not footage.offset:
        link_video(target, footage.paths[0])
    else:
        export_images(footage, [target / IMAGE_FOLDER / name for name in image_names(footage, by_number=True)])
    boxes = footage.boxes
    write_ground_truth(target / GROUND_TRUTH, replace(boxes, class_id=boxes.class_id + PEDESTRIAN))
    info: dict[str, object] = {"name": target.name, "imDir": IMAGE_FOLDER, "seqLength": footage.length}
    if footage.size_hw:
        info |= {"imWidth": footage.size_hw[1], "imHeight": footage.size_hw[0]}
    info |= {"frameRate": f"{footage.frame_rate:.10g}"} if footage.is_sequence else {STILLS_KEY: 1}
    info |= {} if footage.fully_labelled else {PARTIAL_KEY: 1}
    info |= {} if footage.classes == PEOPLE else {CLASSES_KEY: ",".join(footage.classes)}
    write_seqinfo(target, info)
    return target
