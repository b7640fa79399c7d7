"""Output formats of detectors exported to ONNX: recognition by shape, and decoding to boxes.

Shapes that several formats have are told apart by recognition.py.

To add a format, add its functions and its entry in FORMATS here, and an example to tests/detectors/test_formats.py.
Boxes are decoded to pixels of the network's input, whose (height, width) is `size_hw`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from idfree.core.errors import UserError
from idfree.core.letterbox import Placement
from idfree.detectors.candidates import (
    Candidates,
    Outputs,
    Size,
    best_class_candidates,
    cell_counts,
    cell_grid,
    filter_candidates,
    split_boxes_scores_classes,
)
from idfree.detectors.detr import (
    decode_detr,
    decode_detr_softmax,
    detr_classes,
    detr_softmax_classes,
    fits_detr,
    fits_detr_pair,
    is_detr,
    never,
)

Shape = tuple[int, ...]
Shapes = Sequence[Shape]
Triple = tuple[float, float, float]

ANCHORS = 3  # boxes per cell of YOLOv5 and YOLOv7
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)  # red, green, blue in 0…1
IMAGENET_DEVIATION: Triple = (0.229, 0.224, 0.225)
MAX_LOG_SIZE = 10.0  # e^10 cells are 176,000 px: a larger value is not a logarithm but a size in pixels


@dataclass(frozen=True)
class Format:
    """An output format, and the preprocessing of the networks that have it.

    decode: (outputs, size_hw, min_score) → candidates of at least that score. matches: whether outputs of these shapes
    are probably of this format. fits: whether `decode` can decode them, if requested by name; None: as `matches`.
    class_count: number of classes by the shapes of the outputs, None if they do not tell.
    suppress: whether the boxes still need non-maximum suppression. The input image: `placement` (see letterbox), `rgb`
    or BGR, intensity 255 is scaled to `white`, then `mean` (red, green, blue) is subtracted and the result divided by
    `deviation`; the padding is 114 before that scaling.
    """

    decode: Callable[[Outputs, Size, float], Candidates]
    matches: Callable[[Shapes, Size], bool]
    class_count: Callable[[Shapes], int | None]
    suppress: bool
    placement: Placement
    rgb: bool = True
    white: float = 1.0
    mean: Triple = (0.0, 0.0, 0.0)
    deviation: Triple = (1.0, 1.0, 1.0)
    fits: Callable[[Shapes, Size], bool] | None = None


def decode_yolox(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """Raw YOLOX (Ge 2021), (1, A, 5+C): offset x y in cells, log width, height in cells, objectness, class scores.

    Raises UserError if the sizes are not logarithms, as in an export made with decode_in_inference.
    """
    rows = outputs[0][0]
    likely = rows[:, 4] >= min_score  # objectness bounds the score, as a class score is at most 1
    rows = rows[likely]
    if rows[:, 2:4].max(initial=0) > MAX_LOG_SIZE:
        raise UserError("these YOLOX outputs hold pixels, not cell offsets: add --detector-format yolox-decoded")
    cell_xy, stride = cell_grid(size_hw)
    centre = (rows[:, :2] + cell_xy[likely]) * stride[likely]
    cxcywh = np.hstack([centre, np.exp(rows[:, 2:4]) * stride[likely]])
    return best_class_candidates(cxcywh, rows[:, 5:] * rows[:, 4:5], min_score)


def decode_yolov5(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """(1, A, 5+C): centre x y, width, height in pixels, objectness, class scores; score = objectness × class score."""
    rows = outputs[0][0]
    rows = rows[rows[:, 4] >= min_score]
    return best_class_candidates(rows[:, :4], rows[:, 5:] * rows[:, 4:5], min_score)


def decode_yolov8(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """(1, 4+C, A), a column per box: centre x y, width, height in pixels, class scores."""
    columns = outputs[0][0]
    likely = columns[4:].max(axis=0) >= min_score
    return best_class_candidates(columns[:4, likely].T, columns[4:, likely].T, min_score)


def decode_end2end(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """Suppression within the graph. One of three layouts, boxes as corners in pixels:

    (1, K, 6) rows x1 y1 x2 y2 score class (Ultralytics with nms=True, YOLOv10); (K, 7) rows image x1 y1 x2 y2 class
    score (YOLOv7); or count (1, 1), boxes (1, K, 4), scores (1, K), classes (1, K) (TensorRT's EfficientNMS), where
    rows beyond the count are padding.
    """
    if len(outputs) == 1 and outputs[0].ndim == 3:
        rows = outputs[0][0]
        return filter_candidates(rows[:, :4], rows[:, 4], rows[:, 5], min_score)
    if len(outputs) == 1:
        rows = outputs[0]
        return filter_candidates(rows[:, 1:5], rows[:, 6], rows[:, 5], min_score)
    count, *others = sorted(outputs, key=lambda o: o.size)
    boxes, scores, classes = (part[: count.item()] for part in split_boxes_scores_classes(others))
    return filter_candidates(boxes, scores, classes, min_score)


def decode_ssd(outputs: Outputs, size_hw: Size, min_score: float = 0.0) -> Candidates:
    """OpenVINO's and Caffe's DetectionOutput (Liu 2016, SSD), (1, 1, K, 7).

    Rows image number, label, score, x1 y1 x2 y2 as fractions of the input, the first row of image −1 being the end;
    class = label − 1, as label 0 is the background.
    """
    rows = outputs[0][0, 0]
    rows = rows[: np.argmax(np.append(rows[:, 0], -1) < 0)]
    return filter_candidates(rows[:, 3:7] * np.tile(size_hw[::-1], 2), rows[:, 2], rows[:, 1] - 1, min_score)


def is_yolox(shapes: Shapes, size_hw: Size) -> bool:
    """Whether there is one output (1, A, 5+C), with a row for each cell of the grids."""
    return is_rows(shapes) and shapes[0][1] == cell_counts(size_hw)[0]


def is_yolov5(shapes: Shapes, size_hw: Size) -> bool:
    """Whether there is one output (1, A, 5+C), with a row for each anchor of the cells."""
    return is_rows(shapes) and shapes[0][1] in [ANCHORS * cells for cells in cell_counts(size_hw)]


def is_yolov8(shapes: Shapes, size_hw: Size) -> bool:
    """Whether there is one output (1, 4+C, A), with a column for each cell of the grids."""
    return len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][1] > 4 and shapes[0][2] in cell_counts(size_hw)


def is_end2end(shapes: Shapes, size_hw: Size) -> bool:
    """Whether the graph suppresses: one output (1, K, 6) or (K, 7), or four: count, boxes, scores and classes."""
    match sorted(shapes):
        case [(1, _, 6)] | [(_, 7)]:
            return True
        case [(1,) | (1, 1), (1, boxes), (1, scores), (1, classes, 4)]:
            return boxes == scores == classes
    return False


def is_ssd(shapes: Shapes, size_hw: Size) -> bool:
    """Whether there is one output (1, 1, K, 7), as of `decode_ssd`."""
    return len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][:2] == (1, 1) and shapes[0][3] == 7


def is_rows(shapes: Shapes) -> bool:
    """Whether there is one output (1, A, 5+C)."""
    return len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] > 5


def fits_rows(shapes: Shapes, size_hw: Size) -> bool:
    """Whether there are more rows than columns, whatever their number."""
    return is_rows(shapes) and shapes[0][1] > shapes[0][2]


def fits_columns(shapes: Shapes, size_hw: Size) -> bool:
    """Whether there are more columns than rows, whatever their number."""
    return len(shapes) == 1 and len(shapes[0]) == 3 and 4 < shapes[0][1] < shapes[0][2]


def row_classes(shapes: Shapes) -> int | None:
    """Number of classes of one output (1, A, 5+C)."""
    return shapes[0][2] - 5


def column_classes(shapes: Shapes) -> int | None:
    """Number of classes of one output (1, 4+C, A)."""
    return shapes[0][1] - 4


def unknown_classes(shapes: Shapes) -> int | None:
    """None: the outputs hold class numbers only."""
    return None


# In order of recognition: of formats with equal shapes, all but the first must be requested by name.
FORMATS = {
    "yolox": Format(decode_yolox, is_yolox, row_classes, suppress=True, placement="corner", rgb=False, white=255.0),
    "yolox-decoded": Format(
        decode_yolov5, is_yolox, row_classes, suppress=True, placement="corner", rgb=False, white=255.0, fits=fits_rows
    ),
    "yolov6": Format(decode_yolov5, is_yolox, row_classes, suppress=True, placement="centre", fits=fits_rows),
    "yolov5": Format(decode_yolov5, is_yolov5, row_classes, suppress=True, placement="centre", fits=fits_rows),
    "yolov8": Format(decode_yolov8, is_yolov8, column_classes, suppress=True, placement="centre", fits=fits_columns),
    "end2end": Format(decode_end2end, is_end2end, unknown_classes, suppress=False, placement="centre"),
    "ssd": Format(
        decode_ssd, is_ssd, unknown_classes, suppress=False, placement="stretch", rgb=False, white=255.0
    ),  # of the Open Model Zoo
    "detr": Format(decode_detr, is_detr, detr_classes, suppress=False, placement="stretch", fits=fits_detr),
    "rf-detr": Format(
        decode_detr,
        never,
        detr_classes,
        suppress=False,
        placement="stretch",
        fits=fits_detr_pair,
        mean=IMAGENET_MEAN,
        deviation=IMAGENET_DEVIATION,
    ),
    "detr-softmax": Format(
        decode_detr_softmax,
        never,
        detr_softmax_classes,
        suppress=False,
        placement="stretch",
        fits=fits_detr_pair,
        mean=IMAGENET_MEAN,
        deviation=IMAGENET_DEVIATION,
    ),
}  # yolov5 is YOLOv7 too, yolov8 YOLOv9, 11 and 12


def recognise_format(shapes: Shapes, size_hw: Size) -> str:
    """Name of the first format that matches outputs of these shapes, for an input of this size.

    Raises UserError with the shapes and the known formats.
    """
    for name, format in FORMATS.items():
        if format.matches(shapes, size_hw):
            return name
    raise UserError(
        f"outputs of shapes {describe_shapes(shapes)} for an input of {size_hw[1]}x{size_hw[0]} are of no known "
        f"detector format; known are {', '.join(FORMATS)} (--detector-format NAME names one)"
    )


def get_format(name: str, shapes: Shapes, size_hw: Size) -> Format:
    """The format of that name. Raises UserError if there is none, or if it cannot decode such shapes."""
    if name not in FORMATS:
        raise UserError(f"--detector-format {name}: unknown; known are {', '.join(FORMATS)}")
    format = FORMATS[name]
    if not (format.fits or format.matches)(shapes, size_hw):
        raise UserError(
            f"--detector-format {name}: outputs of shapes {describe_shapes(shapes)} for an input of "
            f"{size_hw[1]}x{size_hw[0]} are not of that format"
        )
    return format


def describe_shapes(shapes: Iterable[Shape]) -> str:
    """Shapes as text, for messages."""
    return ", ".join("(" + ", ".join(map(str, shape)) + ")" for shape in shapes)
