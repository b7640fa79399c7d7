"""Outputs of DETRs: one box per query, without suppression; class scores by sigmoid, or by softmax with "no object".

DETR (Carion 2020) has a class "no object" in its last column, and a softmax. Deformable DETR (Zhu 2021), RT-DETR (Zhao
2023), D-FINE and RF-DETR have none, and a sigmoid for each class.
"""

from collections.abc import Sequence

import numpy as np

from idfree.detectors.candidates import (
    Array,
    Candidates,
    Outputs,
    Size,
    best_class_candidates,
    filter_candidates,
    split_boxes_scores_classes,
)

Shapes = Sequence[tuple[int, ...]]

QUERIES = 300  # of every RT-DETR that Ultralytics exports
MAX_QUERIES = 1000  # DETRs have 100 to 900; more rows are cells of a grid


def decode_detr(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """Sigmoid scores (RT-DETR and related models). One of three layouts:

    boxes (1, Q, 4) centre x y, width, height as fractions of the input, and logits (1, Q, C) (sigmoid, no background
    class); both in one output (1, Q, 4+C), with scores instead of logits (Ultralytics); or labels (1, Q), boxes
    (1, Q, 4) corners in pixels, scores (1, Q), from a graph with the input `orig_target_sizes`.
    """
    if len(outputs) == 3 and all(o.ndim < 4 for o in outputs):
        return filter_candidates(*split_boxes_scores_classes(outputs), min_score)
    if len(outputs) == 1:
        boxes, scores = outputs[0][0, :, :4], outputs[0][0, :, 4:]
    else:
        boxes, logits = split_boxes_logits(outputs)
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))  # clipped, as exp overflows in float32
    return best_class_candidates(boxes * np.tile(size_hw[::-1], 2), scores, min_score)


def decode_detr_softmax(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """Boxes (1, Q, 4) as fractions of the input, and logits (1, Q, C+1), the last of them of "no object"."""
    boxes, logits = split_boxes_logits(outputs)
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = exponential[:, :-1] / exponential.sum(axis=1, keepdims=True)
    return best_class_candidates(boxes * np.tile(size_hw[::-1], 2), scores, min_score)


def split_boxes_logits(outputs: Outputs) -> tuple[Array, Array]:
    """Boxes (Q, 4) and logits (Q, C) from outputs in any order; outputs of another dimension (masks) are ignored.

    With four classes the shapes are equal: boxes are never negative, logits of unused queries always are.
    """
    pair = [o[0] for o in outputs if o.ndim == 3]
    boxes, logits = sorted(pair, key=lambda o: (o.shape[-1] != 4, o.min(initial=0) < 0))
    return boxes, logits


def is_detr(shapes: Shapes, size_hw: Size) -> bool:
    """Whether outputs are probably of a DETR: of a plausible number of queries."""
    match sorted(shapes):
        case [(1, rows, width)]:
            return width > 4 and width != 6 and rows == QUERIES
        case [(1, rows, *_), *_]:
            return rows <= MAX_QUERIES and len(shapes) > 1 and all(len(s) < 4 for s in shapes) and fits_detr(shapes)
    return False


def fits_detr(shapes: Shapes, size_hw: Size | None = None) -> bool:
    """Whether `decode_detr` can decode outputs of these shapes."""
    match sorted(shapes):
        case [(1, labels), (1, scores), (1, boxes, 4)]:
            return bool(labels == scores == boxes)
        case [(1, _, width)]:
            return width > 4
    return fits_detr_pair(shapes)


def fits_detr_pair(shapes: Shapes, size_hw: Size | None = None) -> bool:
    """Whether there are boxes (1, Q, 4) and logits (1, Q, C), and at most masks (1, Q, H, W) beside them."""
    masks = [shape for shape in shapes if len(shape) == 4]
    match sorted(shape for shape in shapes if len(shape) != 4):
        case [(1, boxes, width), (1, logits, other)]:
            return 4 in (width, other) and boxes == logits and len(masks) <= 1
    return False


def never(shapes: Shapes, size_hw: Size) -> bool:
    """False: of outputs with shapes of another format, which values or names tell apart."""
    return False


def detr_classes(shapes: Shapes) -> int | None:
    """Number of classes of boxes and logits, in one output or two; None of labels, boxes and scores."""
    rows = [shape for shape in shapes if len(shape) == 3]
    return None if len(rows) == 1 < len(shapes) else sum(s[2] for s in rows) - 4


def detr_softmax_classes(shapes: Shapes) -> int | None:
    """Number of classes without "no object"."""
    return sum(shape[2] for shape in shapes if len(shape) == 3) - 5
