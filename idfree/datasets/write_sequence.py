"""Write a sequence with new labels as a MOTChallenge folder: gt/gt.txt, seqinfo.ini, and links to its images."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.files import make_folder, write_text
from idfree.core.types import Annotation, Sequence
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.media import media_files
from idfree.sequences.motchallenge import PEDESTRIAN, write_ground_truth
from idfree.sequences.seqinfo import IMAGE_FOLDER, SEQINFO

PARTIAL_KEY = "some"  # idfree's own key of seqinfo.ini: 1 if not Footage.fully_labelled


def write_sequence(folder: Path, sequence: Sequence, labels: Annotation, fully_labelled: bool = False) -> None:
    """Make `folder` a MOTChallenge sequence with the images of `sequence` and `labels` as its gt/gt.txt.

    All labels get the class pedestrian; score 0 marks ignore regions. fully_labelled: all objects are labelled, not
    only some; kept in seqinfo.ini for `read_sequence`. Images are linked, or copied if the file system has no links.
    Raises UserError if the folder cannot be written.
    """
    marks = (labels.score != 0).astype(np.float64)
    ground_truth = replace(labels, score=marks, class_id=np.full(len(labels), PEDESTRIAN))
    write_ground_truth(folder / "gt" / "gt.txt", ground_truth)
    height, width = sequence.size_hw or (None, None)
    info = {
        "name": folder.name,
        "imDir": IMAGE_FOLDER,
        "frameRate": f"{sequence.frame_rate:.10g}",
        "seqLength": sequence.length,
        "imWidth": width,
        "imHeight": height,
        PARTIAL_KEY: None if fully_labelled else 1,
    }
    write_seqinfo(folder, {key: value for key, value in info.items() if value is not None})
    for old in (*folder.iterdir(), *folder.glob(f"{IMAGE_FOLDER}/*")):
        if old.is_symlink():
            old.unlink()
    for name, target in media_links(sequence).items():
        link(folder / name, target.resolve())


def write_seqinfo(folder: Path, info: dict[str, object]) -> None:
    """Write FOLDER/seqinfo.ini with these keys and values."""
    write_text(folder / SEQINFO, "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in info.items()))


def media_links(sequence: Sequence) -> dict[str, Path]:
    """The files or folder with a sequence's images, by their relative path in a MOTChallenge folder.

    Images of a plain folder are named by their number, because their own names may start at another number.
    """
    files = media_files(sequence)
    if not files:
        return {}
    if files[0] == sequence.source or files[0].suffix.lower() not in IMAGE_SUFFIXES:  # one image, or a video
        return {files[0].name: files[0]}
    if sequence.folder:
        return {IMAGE_FOLDER: files[0].parent}
    return {f"{IMAGE_FOLDER}/{number:06d}{path.suffix.lower()}": path for number, path in enumerate(files, start=1)}


def link(path: Path, target: Path) -> None:
    """Make `path` a symbolic link to `target`, or a copy of it if links are not supported."""
    make_folder(path.parent)
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:  # no links on this file system, no permission to make them, or an earlier copy exists
        if target.is_dir():
            shutil.copytree(target, path, dirs_exist_ok=True)
        else:
            shutil.copyfile(target, path)
