"""Boxes without area, in files of detections, results and ground truth."""

import logging
from pathlib import Path

import numpy as np

from idfree.core.boxes import has_area
from idfree.core.types import Annotation

LOG = logging.getLogger("idfree")


def warn_of_degenerate(boxes: Annotation, path: Path | str, consequence: str) -> None:
    """Log a warning that counts the boxes whose width or height is not positive. consequence: what becomes of them."""
    degenerate = ~has_area(boxes.xyxy)
    if degenerate.any():
        first = boxes.frame[degenerate.argmax()]
        LOG.warning(
            "%s: %d of %d boxes have no positive width and height, the first in frame %d: they %s",
            *(path, np.count_nonzero(degenerate), len(boxes), first, consequence),
        )
