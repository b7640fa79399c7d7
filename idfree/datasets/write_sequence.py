"""A sequence with labels of its own, as a MOTChallenge folder: truth, seqinfo.ini, and links to the pictures."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.files import make_folder, write_text
from idfree.core.types import Annotation, Sequence
from idfree.sequences.folders import files
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.motchallenge import PEDESTRIAN, read_seqinfo, write_truth
from idfree.sequences.video import VIDEO_SUFFIXES

IMAGES = "img1"
SOME = "some"  # a key of our own in seqinfo.ini: 1 where there may be more to see than is labelled


def write_sequence(folder: Path, sequence: Sequence, labels: Annotation, everybody: bool = False) -> None:
    """Make `folder` a sequence that shows what `sequence` shows, with `labels` as its gt/gt.txt.

    All of them are pedestrians, whatever their class; those of score 0 are regions to ignore, all others count.
    everybody: the labels are of all that there is to see, and not only of some; `read_sequence` is told so. The
    pictures are linked, not copied, where the file system knows links. Raises UserError where it cannot be written.
    """
    marks = (labels.score != 0).astype(np.float64)
    truth = replace(labels, score=marks, class_id=np.full(len(labels), PEDESTRIAN))
    write_truth(folder / "gt" / "gt.txt", truth)
    height, width = sequence.size_hw or (None, None)
    said = {
        "name": folder.name,
        "imDir": IMAGES,
        "frameRate": f"{sequence.frame_rate:.10g}",
        "seqLength": sequence.length,
        "imWidth": width,
        "imHeight": height,
        SOME: None if everybody else 1,
    }
    lines = [f"{key}={value}\n" for key, value in said.items() if value is not None]
    write_text(folder / "seqinfo.ini", "[Sequence]\n" + "".join(lines))
    for old in (*folder.iterdir(), *folder.glob(f"{IMAGES}/*")):
        if old.is_symlink():
            old.unlink()
    for name, target in pictures(sequence).items():
        link(folder / name, target.resolve())


def pictures(sequence: Sequence) -> dict[str, Path]:
    """The files or folders that hold the pictures of a sequence, by what they are called in its folder; none without.

    Images of a plain folder are named by their number: their own names may count from elsewhere.
    """
    source = sequence.source
    if source is None or not source.exists():
        return {}
    if source.is_file():
        return {source.name: source}
    images = source / read_seqinfo(source).image_folder if sequence.folder else source
    found = files(images, IMAGE_SUFFIXES) if images.is_dir() else []
    if found and sequence.folder:
        return {IMAGES: images}
    if found:
        return {f"{IMAGES}/{number:06d}{path.suffix.lower()}": path for number, path in enumerate(found, start=1)}
    return {video.name: video for video in files(source, VIDEO_SUFFIXES)[:1]}


def link(path: Path, target: Path) -> None:
    """Make `path` show what `target` shows: a link, or where there can be none, a copy."""
    make_folder(path.parent)
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:  # a file system without links, or a user without the right; or a copy that is there already
        if target.is_dir():
            shutil.copytree(target, path, dirs_exist_ok=True)
        else:
            shutil.copyfile(target, path)
