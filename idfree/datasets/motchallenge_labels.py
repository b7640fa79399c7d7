"""MOTChallenge sequences as footage: people to find, regions to ignore, and the pictures or the video they lie in."""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.types import Annotation, Image
from idfree.datasets.footage import Footage
from idfree.datasets.labels import OnFault, raise_fault
from idfree.datasets.layout import lay_out, picture_names, relink
from idfree.datasets.write_sequence import IMAGES, SOME
from idfree.sequences.folders import files
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.motchallenge import (
    PEDESTRIAN,
    SeqInfo,
    names_of,
    read_ini,
    read_seqinfo,
    read_truth,
    write_truth,
)
from idfree.sequences.pictures import VideoFrames, nth_image, picture_size
from idfree.sequences.video import VIDEO_SUFFIXES, open_video

LOG = logging.getLogger("idfree")

# What may pass for a pedestrian (Milan 2016, table 3; Dendorfer 2020): person on vehicle, non-motorised
# vehicle, static person, distractor, reflection, crowd. All other classes are background.
IGNORED = (2, 6, 7, 8, 12, 13)
STILLS = "stills"  # a key of our own in seqinfo.ini: 1 where the pictures are no moments of one video


@dataclass(frozen=True)
class Pictures:
    """Where the pictures of a sequence lie: a file for each frame, or a video; neither if there are none."""

    images: tuple[Path, ...] = ()
    video: Path | None = None


def read_sequences(
    folders: Sequence[Path], images: Path | None = None, complain: OnFault = raise_fault
) -> list[Footage]:
    """Those of the sequences that have a gt/gt.txt, each video once. Raises UserError where none has one."""
    labelled = [folder for folder in folders if (folder / "gt" / "gt.txt").is_file()]
    if not labelled:
        raise UserError(f"{folders[0]}: has no gt/gt.txt" + f", nor do {len(folders) - 1} others" * (len(folders) > 1))
    for folder in folders:
        if folder not in labelled:
            LOG.warning("%s: has no gt/gt.txt, left out", folder)
    found = []
    for folder in each_video_once(labelled, images):
        try:
            found.append(read_sequence(folder, images, complain))
        except UserError as error:
            complain(str(error))
    return found


def each_video_once(folders: Sequence[Path], images: Path | None) -> list[Path]:
    """Of folders that differ by the public detector only (MOT17 has three of each video), the first with pictures."""
    same: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        same[names_of(folder.resolve().name)[-1]].append(folder)
    chosen = []
    for group in same.values():
        chosen.append(next((folder for folder in group if has_pictures(folder, images)), group[0]))
        if len(group) > 1:
            LOG.warning("%s show one video: only %s is taken", ", ".join(f.name for f in group), chosen[-1].name)
    return chosen


def has_pictures(folder: Path, images: Path | None) -> bool:
    """Whether a sequence has pictures in its img1/, or a video."""
    return pictures_of(folder, SeqInfo(folder.name), images) != Pictures()


def read_sequence(folder: Path, images: Path | None = None, complain: OnFault = raise_fault) -> Footage:
    """A sequence with gt/gt.txt: its pedestrians, and what is marked 0 or may pass for one as regions to ignore.

    images: a folder with NAME.mp4, NAME/img1/ or NAME/, if the pictures lie elsewhere.
    """
    info, source = read_seqinfo(folder), folder / "gt" / "gt.txt"
    pictures, boxes = pictures_of(folder, info, images), people(read_truth(source))
    said = read_ini(folder / "seqinfo.ini")
    moving = said.get(STILLS) != "1"
    info = completed(info, pictures) if moving else replace(info, size_hw=None)
    length = info.length or int(boxes.frame.max(initial=0))
    if (late := boxes.frame > length).any():
        complain(f"{source}: frame {boxes.frame[late][0]} lies outside the sequence, whose frames are 1 to {length}")
    paths, image = by_number(pictures, length, folder)
    return Footage(
        name=info.name,
        boxes=boxes[~late],
        length=length,
        image=image,
        moving=moving,
        paths=paths,
        size_hw=info.size_hw,
        frame_rate=info.frame_rate,
        source=source,
        everybody=said.get(SOME) != "1",
    )


def pictures_of(folder: Path, info: SeqInfo, images: Path | None) -> Pictures:
    """The pictures of a sequence: in `images` if that has some of its name, else in its own folder."""
    homes = [folder / info.image_folder, folder]
    if images is not None:
        names = names_of(folder.resolve().name)
        homes = [images / name / info.image_folder for name in names] + [images / name for name in names] + homes
        named = [images / f"{name}{suffix}" for name in names for suffix in VIDEO_SUFFIXES]
        for video in named:
            if video.is_file():
                return Pictures(video=video)
    for home in (home for home in homes if home.is_dir()):
        if home != folder and (found := files(home, IMAGE_SUFFIXES)):
            return Pictures(tuple(found))
        if videos := files(home, VIDEO_SUFFIXES):
            return Pictures(video=videos[0])
    return Pictures()


def completed(info: SeqInfo, pictures: Pictures) -> SeqInfo:
    """What seqinfo.ini leaves out, by what its pictures show."""
    if info.length and info.size_hw:
        return info
    if pictures.video:
        seen = open_video(pictures.video)
        return replace(info, length=info.length or seen.length, size_hw=info.size_hw or seen.size_hw)
    if pictures.images and not info.size_hw:
        return replace(info, size_hw=picture_size(pictures.images[0]))
    return info


def by_number(pictures: Pictures, length: int, folder: Path) -> tuple[tuple[Path, ...], Callable[[int], Image]]:
    """Where the picture of each frame lies, and what reads it.

    Images whose names are whole numbers from 1 belong to these frames; one that is missing is where it ought to be.
    """
    if pictures.video:
        return (pictures.video,) * length, VideoFrames(pictures.video)
    if not pictures.images:
        return (), partial(no_image, folder)
    found = dict(enumerate(pictures.images, start=1))
    if all(path.stem.isdecimal() and int(path.stem) for path in pictures.images):
        found = {int(path.stem): path for path in pictures.images}
    home, suffix = pictures.images[0].parent, pictures.images[0].suffix
    paths = tuple(found.get(number, home / f"{number:06d}{suffix}") for number in range(1, length + 1))
    return paths, partial(nth_image, paths)


def no_image(folder: Path, number: int) -> Image:
    """What a sequence of text alone has to show. Raises UserError."""
    raise UserError(f"{folder} has no pictures: expected {IMAGES}/ or a video in it (frame {number} was asked for)")


def people(truth: Annotation) -> Annotation:
    """Pedestrians (all, where no class is given), which count if their mark does, and what may pass for one.

    Class k becomes k − 1, so that pedestrians are class 0; a visibility that is not known (−1) becomes 1.
    """
    number = np.where(truth.class_id < PEDESTRIAN, PEDESTRIAN, truth.class_id)
    score = ((number == PEDESTRIAN) & (truth.score != 0)).astype(np.float64)
    kept = np.isin(number, (PEDESTRIAN, *IGNORED))
    visibility = np.where(truth.visibility < 0, 1.0, truth.visibility)
    return replace(truth, score=score, class_id=number - PEDESTRIAN, visibility=visibility)[kept]


def write_mot(footage: Footage, folder: Path) -> Path:
    """FOLDER/NAME as a MOTChallenge sequence, its pictures linked; ids that are unknown are −1."""
    home = folder / footage.name
    if footage.in_video and not footage.offset:
        relink(home / footage.paths[0].name, footage.paths[0])
    else:
        lay_out(footage, [home / IMAGES / name for name in picture_names(footage, by_number=True)])
    boxes = footage.boxes
    write_truth(home / "gt" / "gt.txt", replace(boxes, class_id=boxes.class_id + PEDESTRIAN))
    said: dict[str, object] = {"name": home.name, "imDir": IMAGES, "seqLength": footage.length}
    if footage.size_hw:
        said |= {"imWidth": footage.size_hw[1], "imHeight": footage.size_hw[0]}
    said |= {"frameRate": f"{footage.frame_rate:.10g}"} if footage.moving else {STILLS: 1}
    said |= {} if footage.everybody else {SOME: 1}
    write_text(home / "seqinfo.ini", "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in said.items()))
    return home
