"""Recognition of a detector's format where several have outputs of the same shapes: by names, metadata and values.

The outputs are those for an image of noise, which shows next to no object.
"""

import logging
import re
from collections.abc import Mapping, Sequence

import numpy as np

from idfree.core.errors import UserError
from idfree.detectors.candidates import Array, Outputs, Size
from idfree.detectors.classes import COCO_CATEGORIES, COCO_NAMES, literal_metadata
from idfree.detectors.detr import fits_detr_pair, split_boxes_logits
from idfree.detectors.formats import MAX_LOG_SIZE, recognise_format

LOG = logging.getLogger("idfree")

RF_DETR_OUTPUTS = {"dets", "labels"}
TRANSFORMERS_OUTPUTS = {"logits", "pred_boxes"}  # of all DETRs that Hugging Face's exporter writes
IMAGENET = r"rf-?detr|deformable.?detr|conditional.?detr|dab.?detr|grounding"  # trained with its mean and deviation
UNIT = r"rt-?detr|d-?fine|\bdeim"  # trained with intensities 0…1
MAJORITY = 0.5  # of queries


def recognise(outputs: Outputs, names: Sequence[str], metadata: Mapping[str, str], size_hw: Size) -> str:
    """Name of the format of outputs with these names ("" if unknown), for an input of this size.

    What was guessed is a warning. Raises UserError, with the choices, for an unknown format or if two are possible.
    """
    shapes = [output.shape for output in outputs]
    if set(names) >= RF_DETR_OUTPUTS and fits_detr_pair(shapes):
        return "rf-detr"
    name = recognise_format(shapes, size_hw)
    if name == "yolox":
        return recognise_grid(outputs[0][0])
    if name == "detr" and fits_detr_pair(shapes):
        return recognise_detr(outputs, names, metadata)
    return name


def recognise_grid(rows: Array) -> str:
    """yolox, yolox-decoded or yolov6 from rows (A, 5+C): sizes are logarithms, or pixels; YOLOv6's objectness is 1."""
    if not rows[:, 2:4].max(initial=0) > MAX_LOG_SIZE:
        return "yolox"
    name = "yolov6" if (rows[:, 4] == 1).all() else "yolox-decoded"
    guess(name, "one row per cell, with boxes in pixels")
    return name


def recognise_detr(outputs: Outputs, names: Sequence[str], metadata: Mapping[str, str]) -> str:
    """detr, rf-detr or detr-softmax. Raises UserError if the file does not tell."""
    logits = split_boxes_logits(outputs)[1]
    text = " ".join(metadata.values()).lower()
    if re.search(UNIT, text):
        return "detr"
    if re.search(IMAGENET, text):
        return "rf-detr"
    softmax = has_no_object(logits, metadata)
    if softmax is None:
        raise UserError(
            f"a DETR with {logits.shape[1]} columns of classes, of which the last may be 'no object': nothing in the "
            "file tells. Add --detector-format detr-softmax (if it is), rf-detr (no; mean and deviation of ImageNet) "
            "or detr (no; intensities 0…1, such as RT-DETR)"
        )
    if softmax:
        guess("detr-softmax", "a DETR whose last class is 'no object'")
        return "detr-softmax"
    if logits.shape[1] == COCO_CATEGORIES:
        guess("rf-detr", f"a DETR of {COCO_CATEGORIES} classes, trained with mean and deviation of ImageNet")
        return "rf-detr"
    if set(names) >= TRANSFORMERS_OUTPUTS and logits.shape[1] != len(COCO_NAMES):
        raise UserError(
            "a DETR without 'no object', whose input the file does not define. Add --detector-format detr (intensities "
            "0…1: RT-DETR, D-FINE) or rf-detr (mean and deviation of ImageNet: RF-DETR, Deformable DETR)"
        )
    return "detr"


def has_no_object(logits: Array, metadata: Mapping[str, str]) -> bool | None:
    """Whether the last column of logits (Q, C) is "no object"; None if it cannot be told.

    By the number of names in the metadata, or COCO's number of classes. Else by the values: on noise, most queries are
    "no object" if there is one, and otherwise have no score above 0.5.
    """
    count = logits.shape[1]
    stored = literal_metadata(metadata, "names")
    if isinstance(stored, list | tuple | dict) and count - len(stored) in (0, 1):
        return count > len(stored)
    if count in (len(COCO_NAMES), COCO_CATEGORIES, COCO_CATEGORIES + 1):
        return count == COCO_CATEGORIES + 1
    is_last = bool(count > 1 and np.mean(logits[:, -1] > logits[:, :-1].max(axis=1, initial=-np.inf)) > MAJORITY)
    is_unused = bool(np.mean(logits.max(axis=1) < 0) > MAJORITY)
    return is_last if is_last != is_unused else None


def guess(name: str, reason: str) -> None:
    """Say what a detector was taken for."""
    LOG.warning("the detector's outputs are taken for %s (%s); --detector-format overrules", name, reason)
