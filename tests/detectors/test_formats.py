"""Output formats of detectors: decoding inverts encoding, and shapes determine the format."""

import numpy as np
import pytest

from idfree.core.boxes import cxcywh_to_xyxy
from idfree.core.errors import UserError
from idfree.detectors.candidates import cell_grid
from idfree.detectors.formats import FORMATS, get_format, recognise_format

SIZE = (96, 128)  # (12·16 + 6·8 + 3·4) cells
CELLS = 252
CXCYWH = np.array([[40.5, 30.25, 20.0, 44.0], [100.0, 60.0, 12.5, 30.0]])
XYXY = cxcywh_to_xyxy(CXCYWH)
SCORE = np.array([0.72, 0.36])
CLASS = np.array([1, 2])
CELL = np.array([17, 230])  # of the two boxes


def class_scores(score, classes=3):
    """(2, C): the score at each box's class, a tenth of it elsewhere."""
    rows = np.repeat(score[:, None] / 10, classes, axis=1)
    rows[[0, 1], CLASS] = score
    return rows


def rows(boxes, count=CELLS):
    """(1, A, 5+3) with the boxes at CELL: objectness 0.9 there and 0.05 elsewhere."""
    output = np.zeros((1, count, 8), dtype=np.float32)
    output[..., 4] = 0.05
    output[0, CELL] = np.column_stack([boxes, np.full(2, 0.9), class_scores(SCORE / 0.9)])
    return [output]


def raw_yolox():
    cell_xy, stride = cell_grid(SIZE)
    return rows(np.hstack([CXCYWH[:, :2] / stride[CELL] - cell_xy[CELL], np.log(CXCYWH[:, 2:] / stride[CELL])]))


def columns():
    output = np.zeros((1, 7, CELLS), dtype=np.float32)
    output[0][:, CELL] = np.hstack([CXCYWH, class_scores(SCORE)]).T
    return [output]


def suppressed_rows():
    output = np.zeros((1, 300, 6), dtype=np.float32)
    output[0, :2] = np.column_stack([XYXY, SCORE, CLASS])
    return [output]


def yolov7_rows():
    return [np.column_stack([np.zeros(2), XYXY, CLASS, SCORE]).astype(np.float32)]


def counted():
    boxes, scores, classes = np.full((1, 100, 4), 7.0), np.full((1, 100), 0.99), np.ones((1, 100), dtype=np.int32)
    boxes[0, :2], scores[0, :2], classes[0, :2] = XYXY, SCORE, CLASS
    return [np.array([[2]], dtype=np.int32), boxes, scores, classes]  # the rest is padding, whatever its scores


def queries(classes=3, count=50):
    boxes, logits = np.full((1, count, 4), 0.5), np.full((1, count, classes), -9.0)
    boxes[0, CELL // 10] = CXCYWH / (128, 96, 128, 96)
    scores = class_scores(SCORE, classes)
    logits[0, CELL // 10] = np.log(scores / (1 - scores))
    return [boxes.astype(np.float32), logits.astype(np.float32)]


def scored_queries():
    boxes, logits = queries(count=300)
    return [np.concatenate([boxes, 1 / (1 + np.exp(-logits))], axis=2)]


def queries_with_no_object():
    """Logits shifted at will, with a last column that has the rest of the probability."""
    boxes, _ = queries()
    scores = np.full((1, 50, 3), 1e-4)
    scores[0, CELL // 10] = class_scores(SCORE) / [1, 1, 1]
    rest = 1 - scores.sum(axis=2, keepdims=True)
    return [(np.log(np.concatenate([scores, np.maximum(rest, 1e-9)], axis=2)) + 7).astype(np.float32), boxes]


def labelled():
    boxes, scores, labels = np.zeros((1, 30, 4)), np.zeros((1, 30)), np.zeros((1, 30), dtype=np.int64)
    boxes[0, :2], scores[0, :2], labels[0, :2] = XYXY, SCORE, CLASS
    return [labels, boxes, scores]


def ssd_rows():
    """Label 0 is the background; the row of image −1 ends them, whatever follows."""
    output = np.full((1, 1, 200, 7), 0.99)
    output[0, 0, :2] = np.column_stack([np.zeros(2), CLASS + 1, SCORE, XYXY / (128, 96, 128, 96)])
    output[0, 0, 2, 0] = -1
    return [output.astype(np.float32)]


# Outputs that encode the two boxes: format, outputs, number of classes (None if the outputs do not tell).
EXAMPLES = {
    "yolox": ("yolox", raw_yolox(), 3),
    "yolox-decoded": ("yolox-decoded", rows(CXCYWH), 3),
    "yolov6": ("yolov6", rows(CXCYWH), 3),
    "yolov5": ("yolov5", rows(CXCYWH, 3 * CELLS), 3),
    "yolov8": ("yolov8", columns(), 3),
    "end2end rows": ("end2end", suppressed_rows(), None),
    "end2end of YOLOv7": ("end2end", yolov7_rows(), None),
    "end2end with a count": ("end2end", counted(), None),
    "end2end in another order": ("end2end", counted()[::-1], None),
    "ssd": ("ssd", ssd_rows(), None),
    "detr": ("detr", queries(), 3),
    "detr, logits first": ("detr", queries()[::-1], 3),
    "detr of four classes": ("detr", queries(4), 4),
    "detr of four classes, logits first": ("detr", queries(4)[::-1], 4),
    "detr in one": ("detr", scored_queries(), 3),
    "rf-detr": ("rf-detr", queries(), 3),
    "rf-detr with masks": ("rf-detr", [*queries(), np.ones((1, 50, 4, 4), np.float32)], 3),
    "detr-softmax": ("detr-softmax", queries_with_no_object(), 3),
    "detr with labels": ("detr", labelled(), None),
    "detr with labels last": ("detr", labelled()[::-1], None),
}
# Formats whose outputs have the shapes of another: that one is recognised, and they must be requested by name.
SAME_SHAPES = {"yolox-decoded": "yolox", "yolov6": "yolox", "rf-detr": "detr", "detr-softmax": "detr"}


def shapes_of(outputs):
    return [output.shape for output in outputs]


def test_every_format_has_an_example():
    missing = set(FORMATS) - {name for name, _, _ in EXAMPLES.values()}
    assert not missing, f"formats without example outputs: {sorted(missing)}; add them to EXAMPLES in {__file__}"


@pytest.mark.parametrize("example", EXAMPLES)
def test_decoding_inverts_encoding(example):
    name, outputs, _ = EXAMPLES[example]
    xyxy, score, class_id = FORMATS[name].decode(outputs, SIZE, 0.1)
    order = np.argsort(-score)
    np.testing.assert_allclose(xyxy[order], XYXY, atol=1e-3)
    np.testing.assert_allclose(score[order], SCORE, atol=1e-5)
    assert class_id[order].tolist() == CLASS.tolist()
    assert (xyxy.dtype, score.dtype, class_id.dtype) == (np.float64, np.float64, np.int64)


@pytest.mark.parametrize("example", EXAMPLES)
def test_boxes_below_the_minimum_score_are_dropped(example):
    name, outputs, _ = EXAMPLES[example]
    assert [len(FORMATS[name].decode(outputs, SIZE, least).score) for least in (0.3, 0.5, 0.8)] == [2, 1, 0]


@pytest.mark.parametrize("example", EXAMPLES)
def test_formats_are_recognised_by_shape(example):
    name, outputs, _ = EXAMPLES[example]
    if example != "rf-detr with masks":  # recognised by names, see test_recognition.py
        assert recognise_format(shapes_of(outputs), SIZE) == SAME_SHAPES.get(name, name)
    assert get_format(name, shapes_of(outputs), SIZE) is FORMATS[name]


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("name", FORMATS)
def test_a_requested_format_is_refused_only_if_it_cannot_decode_the_shapes(name, example):
    outputs = EXAMPLES[example][1]
    if (FORMATS[name].fits or FORMATS[name].matches)(shapes_of(outputs), SIZE):
        assert get_format(name, shapes_of(outputs), SIZE) is FORMATS[name]
        if name != "yolox":  # which refuses pixels
            FORMATS[name].decode(outputs, SIZE, 0.1)
    else:
        with pytest.raises(UserError, match="are not of that format"):
            get_format(name, shapes_of(outputs), SIZE)


def test_a_requested_format_overrules_the_number_of_rows():
    for name, shapes in (
        ("yolov8", [(1, 84, 999)]),
        ("yolov5", [(1, 999, 85)]),
        ("detr", [(1, 2000, 4), (1, 2000, 80)]),
        ("detr", [(1, 100, 84)]),
    ):
        with pytest.raises(UserError, match="of no known"):
            recognise_format(shapes, SIZE)
        assert get_format(name, shapes, SIZE) is FORMATS[name]


@pytest.mark.parametrize("example", EXAMPLES)
def test_class_count(example):
    name, outputs, classes = EXAMPLES[example]
    assert FORMATS[name].class_count(shapes_of(outputs)) == classes


@pytest.mark.parametrize(
    ("shapes", "size_hw", "name", "classes"),
    [
        ([(1, 3549, 85)], (416, 416), "yolox", 80),
        ([(1, 8400, 6)], (640, 640), "yolox", 1),  # six columns do not make it end2end
        ([(1, 25200, 85)], (640, 640), "yolov5", 80),
        ([(1, 102000, 6)], (1280, 1280), "yolov5", 1),  # four maps: the P6 models
        ([(1, 84, 8400)], (640, 640), "yolov8", 80),
        ([(1, 5, 8400)], (640, 640), "yolov8", 1),
        ([(1, 6, 5040)], (384, 640), "yolov8", 2),
        ([(1, 300, 6)], (640, 640), "end2end", None),
        ([(0, 7)], (640, 640), "end2end", None),
        ([(1, 1), (1, 100, 4), (1, 100), (1, 100)], (640, 640), "end2end", None),
        ([(1, 300, 80), (1, 300, 4)], (640, 640), "detr", 80),
        ([(1, 300, 84)], (640, 640), "detr", 80),
        ([(1, 300), (1, 300, 4), (1, 300)], (640, 640), "detr", None),
    ],
)
def test_published_exports_are_recognised(shapes, size_hw, name, classes):
    assert recognise_format(shapes, size_hw) == name
    assert FORMATS[name].class_count(shapes) == classes


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 255, 80, 80)] * 3,
        [(1, 116, 8400), (1, 32, 160, 160)],
        [(1, 8400, 4), (1, 8400, 80)],
        [(1, 1000)],
        [(1, 84, 999)],
    ],
)
def test_unknown_shapes_are_refused_with_the_known_formats(shapes):
    with pytest.raises(UserError, match=r"\(1, \d+.* 640x640 .*yolox, .*detr.*--detector-format") as error:
        recognise_format(shapes, (640, 640))
    assert all(str(shape) in str(error.value) for shape in shapes)


def test_a_requested_format_must_exist_and_match():
    with pytest.raises(UserError, match="yolo99: unknown; known are yolox,"):
        get_format("yolo99", [(1, CELLS, 8)], SIZE)
    with pytest.raises(UserError, match=r"yolov8: outputs of shapes \(1, 252, 8\) .* are not of that format"):
        get_format("yolov8", [(1, CELLS, 8)], SIZE)


def test_decoded_yolox_is_not_decoded_again():
    with pytest.raises(UserError, match="--detector-format yolox-decoded"):
        FORMATS["yolox"].decode(rows(CXCYWH), SIZE, 0.1)


def test_the_grid_is_ordered_by_map_and_row():
    cell_xy, stride = cell_grid((64, 32))
    assert len(cell_xy) == 8 * 4 + 4 * 2 + 2 * 1
    assert cell_xy[:5].tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1]]
    assert cell_xy[[32, 33, 34]].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert stride[[0, 31, 32, 39, 40, 41], 0].tolist() == [8, 8, 16, 16, 32, 32]
