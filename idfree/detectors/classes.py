"""Object classes of detectors: names of COCO's classes, names in a file's metadata, selection by name or number."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.wording import counted

COCO_NAMES: tuple[str, ...] = (  # the 80 classes of COCO (Lin 2014) in the order of detectors, from 0
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light"),
    *("fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"),
    *("elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee"),
    *("skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
    *("tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
    *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone"),
    *("microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear"),
    *("hair drier", "toothbrush"),
)
COCO_CATEGORIES = 91  # columns of models that use COCO's category numbers, 0 to 90, of which 80 are used
UNUSED_CATEGORIES = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


def class_names(metadata: Mapping[str, str], count: int | None) -> dict[int, str]:
    """Class number → name: the metadata `names` (a Python literal, as Ultralytics writes it), else COCO's names.

    count: number of classes in the model's outputs, None if unknown. COCO's names are used if it is 80, or 91 (numbered
    as in COCO's files, person = 1); without names the result is empty. Raises UserError if the metadata names another
    number of classes than `count`.
    """
    stored = literal_metadata(metadata, "names")
    if not isinstance(stored, list | tuple | dict):
        used = [k for k in range(COCO_CATEGORIES) if k not in UNUSED_CATEGORIES]
        numbers = {len(COCO_NAMES): list(range(len(COCO_NAMES))), COCO_CATEGORIES: used}.get(count or 0)
        return dict(zip(numbers, COCO_NAMES, strict=True)) if numbers else {}
    items = stored.items() if isinstance(stored, dict) else enumerate(stored)
    names = {int(k): str(v) for k, v in items if str(k).isdecimal()}
    if count is not None and len(names) != count:
        raise UserError(
            f"names {counted(len(names), 'class')} but gives {counted(count, 'column')} for them: a pose, segmentation"
            " or oriented-box export? Only plain detection can be read"
        )
    return names


def select_class_ids(classes: Sequence[str | int], names: Mapping[int, str]) -> NDArray[np.int64]:
    """Numbers of classes given by name or number. Raises UserError for an unknown name."""
    numbers = []
    for requested in classes:
        matches = [k for k, name in names.items() if name.lower() == str(requested).strip().lower()]
        if not matches and not str(requested).strip().isdecimal():
            known = ", ".join(list(names.values())[:8]) + (", …" if len(names) > 8 else "")
            raise UserError(
                f"--classes {requested}: unknown; "
                + (f"it knows {known}" if names else "the file does not name its classes, so give their numbers")
            )
        numbers += matches or [int(requested)]
    return np.array(numbers, dtype=np.int64)


def literal_metadata(metadata: Mapping[str, str], key: str) -> Any:
    """A metadata value that is a Python literal, as Ultralytics writes them; None if missing or not a literal."""
    try:
        return ast.literal_eval(metadata[key])
    except (KeyError, ValueError, SyntaxError):
        return None


def reported_class_names(detector: object) -> dict[int, str]:
    """Names of the classes that a detector reports, by class id; empty if it has no names."""
    names: Mapping[int, str] = getattr(detector, "names", {})
    selected = getattr(detector, "class_ids", None)
    return {k: name for k, name in names.items() if selected is None or k in selected}
