"""Candidate boxes before non-maximum suppression, and the operations that decoders of detector outputs share."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import cxcywh_to_xyxy
from idfree.core.types import Floats, Integers

Array = NDArray[Any]
Outputs = Sequence[Array]  # of a network, in the order of the graph
Size = tuple[int, int]  # height, width

STRIDES = (8, 16, 32)  # px per cell of each feature map: YOLOX, YOLOv5, YOLOv8 and related models
PYRAMIDS = (STRIDES, (8, 16, 32, 64), (4, 8, 16, 32))  # strides of standard, P6 and P2 models


class Candidates(NamedTuple):
    """Boxes before suppression: xyxy (K, 4) in pixels of the network's input, score (K,), class_id (K,)."""

    xyxy: Floats
    score: Floats
    class_id: Integers

    def take(self, rows: Integers | NDArray[np.bool_]) -> "Candidates":
        """Select rows by index or mask."""
        return Candidates(self.xyxy[rows], self.score[rows], self.class_id[rows])


def best_class_candidates(cxcywh: Array, class_scores: Array, min_score: float) -> Candidates:
    """Candidates from boxes (K, 4) and class scores (K, C): the best class of each box, if it reaches `min_score`."""
    class_id = class_scores.argmax(axis=1)
    score = class_scores[np.arange(len(class_id)), class_id]
    mask = score >= min_score
    return Candidates(cxcywh_to_xyxy(cxcywh[mask]), score[mask].astype(np.float64), class_id[mask])


def filter_candidates(xyxy: Array, score: Array, class_id: Array, min_score: float) -> Candidates:
    """Candidates from boxes (K, 4), scores (K,) and classes (K,): those that reach `min_score`."""
    candidates = Candidates(xyxy.astype(np.float64), score.astype(np.float64), class_id.astype(np.int64))
    return candidates.take(score >= min_score)


def split_boxes_scores_classes(outputs: Outputs) -> tuple[Array, Array, Array]:
    """Boxes (K, 4), scores (K,) and classes (K,) from three outputs with a batch axis of 1, in any order.

    The classes are recognised by their integer type; if neither output has one, the scores come first.
    """
    boxes, *others = sorted(outputs, key=lambda o: o.ndim != 3)
    scores, classes = sorted(others, key=lambda o: np.issubdtype(o.dtype, np.integer))
    return boxes[0], scores[0], classes[0]


@lru_cache(maxsize=4)
def cell_grid(size_hw: Size) -> tuple[Floats, Floats]:
    """Column and row (A, 2) and stride in pixels (A, 1) of the cells of all feature maps, map by map, row by row."""
    maps = [(np.indices((size_hw[0] // s, size_hw[1] // s)).reshape(2, -1)[::-1].T, s) for s in STRIDES]
    cell_xy = np.concatenate([cells for cells, _ in maps]).astype(np.float64)
    stride = np.concatenate([np.full((len(cells), 1), s, dtype=np.float64) for cells, s in maps])
    return cell_xy, stride


def cell_counts(size_hw: Size) -> list[int]:
    """Total number of cells of the feature maps, for each of PYRAMIDS."""
    return [sum((size_hw[0] // s) * (size_hw[1] // s) for s in strides) for strides in PYRAMIDS]
