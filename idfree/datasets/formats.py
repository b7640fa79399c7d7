"""The dataset formats: how each is recognised, read and written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from idfree.datasets.boxes_json import is_boxes_json, read_boxes_json
from idfree.datasets.coco import is_coco, read_coco, write_coco
from idfree.datasets.crowdhuman import is_odgt, read_odgt, write_odgt
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.jde_lists import is_list, read_list, write_list
from idfree.datasets.labels import OnFault
from idfree.datasets.motchallenge_labels import is_motchallenge, read_motchallenge, write_motchallenge
from idfree.datasets.voc import is_voc, read_voc, write_voc

IDENTITIES, VISIBILITY = "identities", "visibility"
IGNORE_REGIONS, FRAME_ORDER = "regions to ignore", "order in time"


@dataclass(frozen=True)
class Format:
    """One dataset format.

    recognises: whether a path has this format. read: the footage at a path, with the folder of the images if it is
    elsewhere. write: writes footage below a folder and returns the path to read it again; None if not supported.
    lost: what the format cannot represent.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Path, Path | None, FootageSettings, OnFault], list[Footage]]
    write: Callable[[Footage, Path], Path] | None = None
    lost: tuple[str, ...] = ()


FORMATS = {  # in the order in which a path is checked against them
    "boxes.json": Format(is_boxes_json, read_boxes_json),
    "voc": Format(is_voc, read_voc, write_voc, lost=(VISIBILITY, FRAME_ORDER)),
    "mot": Format(is_motchallenge, read_motchallenge, write_motchallenge),
    "odgt": Format(is_odgt, read_odgt, write_odgt, lost=(IDENTITIES, VISIBILITY, FRAME_ORDER)),
    "coco": Format(is_coco, read_coco, write_coco),
    "jde": Format(is_list, read_list, write_list, lost=(VISIBILITY, IGNORE_REGIONS)),
}
