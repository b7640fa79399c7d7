"""What detectors' ONNX exports give, and how to read boxes out of it.

A format is one function, `(outputs, size_hw, min_score) -> Candidates`, the look of the picture it wants, and the
shapes it is recognised by. Boxes come out in pixels of the network's input; `size_hw` is that input's size.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import cxcywh_to_xyxy
from idfree.core.errors import UserError
from idfree.core.letterbox import Placement
from idfree.core.types import Floats, Integers

Array = NDArray[Any]
Outputs = Sequence[Array]
Shape = tuple[int, ...]
Size = tuple[int, int]

STRIDES = (8, 16, 32)  # px a cell of each feature map covers: YOLOX, YOLOv5, YOLOv8 and their kin
PYRAMIDS = (STRIDES, (8, 16, 32, 64), (4, 8, 16, 32))  # plain, P6 and P2 models
ANCHORS = 3  # boxes a cell of YOLOv5 and YOLOv7
QUERIES = 300  # of every RT-DETR that Ultralytics exports
MAX_QUERIES = 1000  # DETRs have 100 to 900; anything longer is a grid
MAX_LOG_SIZE = 10.0  # e^10 cells is 176,000 px: not a logarithm, but a size in pixels already


class Candidates(NamedTuple):
    """Boxes before suppression: xyxy (K, 4) in pixels of the network's input, score (K,), class_id (K,)."""

    xyxy: Floats
    score: Floats
    class_id: Integers

    def take(self, rows: Integers | NDArray[np.bool_]) -> "Candidates":
        """Those rows, by index or mask."""
        return Candidates(self.xyxy[rows], self.score[rows], self.class_id[rows])


@dataclass(frozen=True)
class Format:
    """One kind of export.

    decode: outputs → candidates of at least a score. fits: whether outputs of these shapes can be of this kind.
    suppress: the boxes still need non-maximum suppression. The picture: `place` in the input (see letterbox.fitted),
    `rgb` or BGR, brightness 255 becomes `white`, padded with 114 (grey, in all of these).
    """

    decode: Callable[[Outputs, Size, float], Candidates]
    fits: Callable[[Sequence[Shape], Size], bool]
    suppress: bool
    place: Placement
    rgb: bool = True
    white: float = 1.0


def yolox(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """Raw YOLOX (Ge 2021), (1, A, 5+C): cell offset x y, log size w h in cells, objectness, class scores in 0…1.

    Raises UserError where the sizes are no logarithms, as in an export made with decode_in_inference.
    """
    rows = outputs[0][0]
    likely = rows[:, 4] >= min_score  # a class score is at most 1
    rows = rows[likely]
    if rows[:, 2:4].max(initial=0) > MAX_LOG_SIZE:
        raise UserError("these YOLOX outputs hold pixels, not cell offsets: add --detector-format yolox-decoded")
    corner, stride = grid(size_hw)
    centre = (rows[:, :2] + corner[likely]) * stride[likely]
    return scored(np.hstack([centre, np.exp(rows[:, 2:4]) * stride[likely]]), rows[:, 5:] * rows[:, 4:5], min_score)


def yolov5(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """(1, A, 5+C): centre x y, width, height in pixels, objectness, class scores; the score is their product."""
    rows = outputs[0][0]
    rows = rows[rows[:, 4] >= min_score]
    return scored(rows[:, :4], rows[:, 5:] * rows[:, 4:5], min_score)


def yolov8(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """(1, 4+C, A): centre x y, width, height in pixels, class scores; a box is a column."""
    columns = outputs[0][0]
    likely = columns[4:].max(axis=0) >= min_score
    return scored(columns[:4, likely].T, columns[4:, likely].T, min_score)


def end2end(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """Suppressed within the graph. One of three layouts, boxes as corners in pixels:

    (1, K, 6) rows x1 y1 x2 y2 score class (Ultralytics with nms=True, YOLOv10); (K, 7) rows image x1 y1 x2 y2 class
    score (YOLOv7); or count (1, 1), boxes (1, K, 4), scores (1, K), classes (1, K) (TensorRT's EfficientNMS), where
    rows beyond the count are filling.
    """
    if len(outputs) == 1 and outputs[0].ndim == 3:
        rows = outputs[0][0]
        return at_least(min_score, rows[:, :4], rows[:, 4], rows[:, 5])
    if len(outputs) == 1:
        rows = outputs[0]
        return at_least(min_score, rows[:, 1:5], rows[:, 6], rows[:, 5])
    count, *rest = sorted(outputs, key=lambda o: o.size)
    boxes, scores, classes = (part[: count.item()] for part in boxes_scores_classes(rest))
    return at_least(min_score, boxes, scores, classes)


def detr(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """A row per query, of which none needs suppressing (RT-DETR, Zhao 2023, and kin). One of three layouts:

    boxes (1, Q, 4) centre x y, width, height as parts of the input, and logits (1, Q, C) (sigmoid, no "nothing" class);
    the same in one (1, Q, 4+C) with scores for logits (Ultralytics); or labels (1, Q), boxes (1, Q, 4) corners in
    pixels, scores (1, Q), from a graph that is told the size as `orig_target_sizes`.
    """
    if len(outputs) == 3:
        return at_least(min_score, *boxes_scores_classes(outputs))
    if len(outputs) == 1:
        boxes, scores = outputs[0][0, :, :4], outputs[0][0, :, 4:]
    else:  # with four classes the shapes are alike: boxes are never negative, logits of nothing always are
        boxes, logits = (o[0] for o in sorted(outputs, key=lambda o: (o.shape[-1] != 4, o.min(initial=0) < 0)))
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))  # beyond, float32 has neither 0 nor 1 to gain
    return scored(boxes * np.tile(size_hw[::-1], 2), scores, min_score)


def scored(cxcywh: Array, class_scores: Array, min_score: float) -> Candidates:
    """Candidates of boxes (K, 4) and class scores (K, C): each has its best class, if that is good enough."""
    class_id = class_scores.argmax(axis=1)
    score = class_scores[np.arange(len(class_id)), class_id]
    kept = score >= min_score
    return Candidates(cxcywh_to_xyxy(cxcywh[kept]), score[kept].astype(np.float64), class_id[kept])


def at_least(min_score: float, xyxy: Array, score: Array, class_id: Array) -> Candidates:
    """Candidates of those rows whose score is good enough."""
    kept = score >= min_score
    return Candidates(xyxy.astype(np.float64), score.astype(np.float64), class_id.astype(np.int64)).take(kept)


def boxes_scores_classes(outputs: Outputs) -> tuple[Array, Array, Array]:
    """Boxes (K, 4), scores (K,), classes (K,) out of three outputs in any order; where no type tells, in this one."""
    boxes, *rest = sorted(outputs, key=lambda o: o.ndim != 3)
    scores, classes = sorted(rest, key=lambda o: np.issubdtype(o.dtype, np.integer))
    return boxes[0], scores[0], classes[0]


@lru_cache(maxsize=4)
def grid(size_hw: Size) -> tuple[Floats, Floats]:
    """Each cell's column and row (A, 2) and its stride in pixels (A, 1), map by map, row by row."""
    maps = [(np.indices((size_hw[0] // s, size_hw[1] // s)).reshape(2, -1)[::-1].T, s) for s in STRIDES]
    corner = np.concatenate([cells for cells, _ in maps]).astype(np.float64)
    stride = np.concatenate([np.full((len(cells), 1), s, dtype=np.float64) for cells, s in maps])
    return corner, stride


def cell_counts(size_hw: Size) -> list[int]:
    """How many cells the feature maps of an input have, for each of the usual pyramids."""
    return [sum((size_hw[0] // s) * (size_hw[1] // s) for s in strides) for strides in PYRAMIDS]


def is_yolox(shapes: Sequence[Shape], size_hw: Size) -> bool:
    return is_rows(shapes) and shapes[0][1] == cell_counts(size_hw)[0]


def is_yolov5(shapes: Sequence[Shape], size_hw: Size) -> bool:
    return is_rows(shapes) and shapes[0][1] in [ANCHORS * cells for cells in cell_counts(size_hw)]


def is_yolov8(shapes: Sequence[Shape], size_hw: Size) -> bool:
    return len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][1] > 4 and shapes[0][2] in cell_counts(size_hw)


def is_end2end(shapes: Sequence[Shape], size_hw: Size) -> bool:
    match sorted(shapes):
        case [(1, _, 6)] | [(_, 7)]:
            return True
        case [(1,) | (1, 1), (1, boxes), (1, scores), (1, classes, 4)]:
            return boxes == scores == classes
    return False


def is_detr(shapes: Sequence[Shape], size_hw: Size) -> bool:
    match sorted(shapes):
        case [(1, labels), (1, scores), (1, boxes, 4)]:
            return labels == scores == boxes <= MAX_QUERIES
        case [(1, boxes, width), (1, logits, other)]:
            return 4 in (width, other) and boxes == logits <= MAX_QUERIES
        case [(1, rows, width)]:
            return width > 4 and width != 6 and rows == QUERIES
    return False


def is_rows(shapes: Sequence[Shape]) -> bool:
    """One output (1, A, 5+C)."""
    return len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] > 5


# In order of recognition: the second of two that share their shapes has to be named.
FORMATS = {
    "yolox": Format(yolox, is_yolox, suppress=True, place="corner", rgb=False, white=255.0),
    "yolox-decoded": Format(yolov5, is_yolox, suppress=True, place="corner", rgb=False, white=255.0),
    "yolov6": Format(yolov5, is_yolox, suppress=True, place="centre"),
    "yolov5": Format(yolov5, is_yolov5, suppress=True, place="centre"),  # YOLOv7 too
    "yolov8": Format(yolov8, is_yolov8, suppress=True, place="centre"),  # YOLOv9, v11 and v12 too
    "end2end": Format(end2end, is_end2end, suppress=False, place="centre"),
    "detr": Format(detr, is_detr, suppress=False, place="stretch"),
}


def recognise(shapes: Sequence[Shape], size_hw: Size) -> str:
    """The name of the first format that outputs of these shapes, of an input of this size, can be.

    Raises UserError listing the shapes found and the formats known.
    """
    for name, format in FORMATS.items():
        if format.fits(shapes, size_hw):
            return name
    raise UserError(
        f"outputs of shapes {listed(shapes)} for an input of {size_hw[1]}x{size_hw[0]} are of no known detector "
        f"format; known are {', '.join(FORMATS)} (--detector-format NAME names one)"
    )


def named(name: str, shapes: Sequence[Shape], size_hw: Size) -> Format:
    """The format of that name. Raises UserError where there is none, or outputs of these shapes cannot be of it."""
    if name not in FORMATS:
        raise UserError(f"--detector-format {name}: unknown; known are {', '.join(FORMATS)}")
    if not FORMATS[name].fits(shapes, size_hw):
        raise UserError(
            f"--detector-format {name}: outputs of shapes {listed(shapes)} for an input of {size_hw[1]}x{size_hw[0]} "
            "are not of that format"
        )
    return FORMATS[name]


def class_count(shapes: Sequence[Shape], name: str) -> int | None:
    """How many classes outputs of these shapes, in the format of that name, tell apart; None where it is not said."""
    if name == "end2end" or len(shapes) == 3:
        return None
    if name == "detr":
        return sum(shape[2] for shape in shapes) - 4
    return shapes[0][1] - 4 if name == "yolov8" else shapes[0][2] - 5


def listed(shapes: Iterable[Sequence[object]]) -> str:
    """Shapes in words."""
    return ", ".join("(" + ", ".join(map(str, shape)) + ")" for shape in shapes)
