"""The three formats of ten columns, which are distinguished by the values of the last three.

MOT15's ground truth and detections have a position X, Y, Z in metres there, or −1, −1, −1; results of `idfree track`
and of others class, −1, −1; VisDrone (Zhu 2018) category, truncation 0 or 1, occlusion 0 to 2.
"""

from pathlib import Path

import numpy as np

from idfree.core.messages import warn_once
from idfree.core.types import Floats
from idfree.sequences.rows import Columns

POSITION = ("X", "Y", "Z")  # names of the last three columns
VISDRONE = tuple(  # categories by number
    "ignored regions,pedestrian,people,bicycle,car,van,truck,tricycle,awning-tricycle,bus,motor,others".split(",")
)
NOT_EVALUATED = (0, VISDRONE.index("others"))
VISIBILITY = np.array([1.0, 0.75, 0.25])  # by occlusion: 0 none, 1 up to half, 2 more: the middle of each


def are_whole(values: Floats, low: float, high: float) -> bool:
    """Whether all values are integers from `low` to `high`."""
    return bool(np.all((values == np.rint(values)) & (values >= low) & (values <= high)))


def has_class(columns: Columns) -> bool:
    """Whether column 8 is a class: an integer ≥ 0 in every row, columns 9 and 10 are missing or −1 in every row."""
    if "X" not in columns or not are_whole(columns["X"], 0, np.inf):
        return False
    return "Z" not in columns or bool((columns["Y"] == -1).all() and (columns["Z"] == -1).all())


def is_visdrone(columns: Columns) -> bool:
    """Whether the last three columns are VisDrone's category, truncation and occlusion.

    −1 stands for an unknown truncation or occlusion; a truncation must be known somewhere, as positions have −1, too.
    """
    if "Z" not in columns or not len(columns["Z"]):
        return False
    category, truncation, occlusion = (columns[name] for name in POSITION)
    in_range = (
        are_whole(category, 0, len(VISDRONE) - 1) and are_whole(truncation, -1, 1) and are_whole(occlusion, -1, 2)
    )
    return in_range and bool((truncation >= 0).any()) and bool(category.any()) and not has_class(columns)


def convert_ten_columns(columns: Columns, path: Path | str) -> Columns:
    """The columns with the class, and for VisDrone's visibility and mark, that the last three hold, if any."""
    if has_class(columns):
        return {**columns, "class": columns["X"]}
    return convert_visdrone(columns, path) if is_visdrone(columns) else columns


def convert_visdrone(columns: Columns, path: Path | str) -> Columns:
    """The columns of a VisDrone file with class and visibility, and the mark 0 (ignore) for categories 0 and 11."""
    warn_once("%s: read as VisDrone's: columns 8 to 10 are category, truncation and occlusion", path)
    category, occlusion = columns["X"], columns["Z"].astype(np.int64)
    visibility = np.where(occlusion < 0, 1.0, VISIBILITY[occlusion])
    converted = {**columns, "class": category, "visibility": visibility}
    if "mark" in columns:
        converted["mark"] = np.where(np.isin(category, NOT_EVALUATED), 0.0, columns["mark"])
    return converted
