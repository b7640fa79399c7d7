"""VisDrone-MOT (Zhu 2018): annotations/NAME.txt with category, truncation and occlusion, sequences/NAME/0000001.jpg."""

from pathlib import Path

from idfree.core.errors import UserError
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.labelled_video import label_video, open_media
from idfree.datasets.labels import OnFault
from idfree.datasets.motchallenge_classes import select_classes
from idfree.sequences.folders import list_files
from idfree.sequences.motchallenge import read_ground_truth

LABELS, IMAGES = "annotations", "sequences"


def is_visdrone_set(path: Path) -> bool:
    """Whether a path is a folder with annotations/*.txt and sequences/."""
    return all((path / name).is_dir() for name in (LABELS, IMAGES)) and bool(list_files(path / LABELS, (".txt",)))


def read_visdrone(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The video of each file of annotations; categories 0 and 11 are regions to ignore.

    settings: names other categories than `pedestrian` (`classes=pedestrian,people,car`). Raises UserError.
    """
    footages = []
    for file in list_files(path / LABELS, (".txt",)):
        try:
            boxes = select_classes(read_ground_truth(file), settings, file)
        except UserError as error:
            on_fault(str(error))
            continue
        media = open_media(file.stem, images, [path / IMAGES])
        footages.append(label_video(file.stem, boxes, media, file, on_fault, settings.names))
    return footages
