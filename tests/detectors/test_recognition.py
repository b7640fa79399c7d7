"""DETRs and grids that have the same shapes: recognised by names, metadata and values of tiny ONNX files."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.core.types import Frame
from idfree.detectors import open_detector
from idfree.detectors.onnx import OnnxDetectorSettings
from idfree.detectors.recognition import recognise_grid

IMAGE = np.full((32, 32, 3), (0, 51, 255), dtype=np.uint8)  # blue, green, red


def logits_of(columns, last, rest=-6.0, queries=10):
    """(1, Q, C): one query with class 1, the others `rest`; in the last column `last`, but -9 for that query."""
    logits = np.full((1, queries, columns), rest, dtype=np.float32)
    logits[..., -1] = last
    logits[0, 0, 1], logits[0, 0, -1] = 3.0, -9.0
    return logits


def write(path, logits, names=("boxes", "scores"), metadata=None):
    """A DETR of constant boxes and logits; the image is added, times 0."""
    onnx = pytest.importorskip("onnx")
    helper, kinds, array = onnx.helper, onnx.TensorProto, onnx.numpy_helper.from_array
    boxes = np.full((1, logits.shape[1], 4), 0.5, dtype=np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Reshape", ["nothing", "flat"], ["none"]),
        helper.make_node("Add", ["b", "none"], [names[0]]),
        helper.make_node("Add", ["l", "none"], [names[1]]),
    ]
    given = [array(np.array([1, 2, 3]), "axes"), array(np.float32(0), "zero"), array(np.array([1, 1, 1]), "flat")]
    graph = helper.make_graph(
        nodes,
        "detr",
        [helper.make_tensor_value_info("image", kinds.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info(n, kinds.FLOAT, v.shape) for n, v in zip(names, (boxes, logits), strict=True)],
        [*given, array(boxes, "b"), array(logits, "l")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


def opened(path, *words, format=None):
    return open_detector(path, format, "", list(words), "cpu", 1)


def red_green_blue(detector):
    """Input values for the image, plane by plane."""
    detector(Frame(1, IMAGE))
    return detector.planes[0, :, 16, 16]


def normalised(rgb):
    return (np.array(rgb) - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)


def test_rf_detr_is_known_by_its_output_names_and_gets_normalised_images(tmp_path):
    detector = opened(write(tmp_path / "m.onnx", logits_of(91, -6.0), ("dets", "labels")))
    np.testing.assert_allclose(red_green_blue(detector), normalised([1, 0.2, 0]), rtol=1e-5)
    found = detector(Frame(1, IMAGE)).detections
    np.testing.assert_allclose(found.score, [1 / (1 + np.exp(-3.0))], rtol=1e-5)
    assert [detector.names[int(k)] for k in found.class_id] == ["person"]
    assert (detector.names[90], 12 in detector.names) == ("toothbrush", False)


@pytest.mark.parametrize(
    ("columns", "last", "metadata"),
    [(92, 5.0, {}), (6, 5.0, {}), (6, 5.0, {"names": "['a', 'b', 'c', 'd', 'e']"}), (92, -1.0, {})],
)
def test_a_no_object_class_is_no_object(tmp_path, caplog, columns, last, metadata):
    path = write(tmp_path / "m.onnx", logits_of(columns, last), ("pred_boxes", "logits"), metadata)
    detector = opened(path)
    found = detector(Frame(1, IMAGE)).detections
    best = found.score > 0.5
    assert found.class_id[best].tolist() == [1]
    assert (found.class_id < columns - 1).all()
    np.testing.assert_allclose(red_green_blue(detector), normalised([1, 0.2, 0]), rtol=1e-5)
    assert "taken for detr-softmax" in caplog.text


def test_a_sigmoid_detr_stays_what_it_was(tmp_path):
    for columns, names in ((80, ("pred_boxes", "logits")), (5, ("boxes", "scores"))):
        detector = opened(write(tmp_path / "m.onnx", logits_of(columns, -6.0), names))
        np.testing.assert_allclose(red_green_blue(detector), [1, 0.2, 0], rtol=1e-5)
    path = write(tmp_path / "m.onnx", logits_of(5, -6.0), ("pred_boxes", "logits"), {"model": "D-FINE nano"})
    np.testing.assert_allclose(red_green_blue(opened(path)), [1, 0.2, 0], rtol=1e-5)


def test_what_cannot_be_told_apart_is_refused_with_the_choices(tmp_path):
    unclear = write(tmp_path / "m.onnx", logits_of(6, -1.0))  # the last is the largest of nearly all, but negative
    with pytest.raises(UserError, match=r"m\.onnx: a DETR with 6 columns.*detr-softmax .*rf-detr .*detr"):
        opened(unclear)
    for name, count in (("detr-softmax", 5), ("rf-detr", 6), ("detr", 6)):
        assert opened(unclear, format=name).format.class_count([(1, 10, 4), (1, 10, 6)]) == count
    unclear = write(tmp_path / "n.onnx", logits_of(6, -6.0), ("pred_boxes", "logits"))
    with pytest.raises(UserError, match=r"n\.onnx: a DETR without .*--detector-format detr .*rf-detr"):
        opened(unclear)


def test_settings_of_the_input(tmp_path):
    path = write(tmp_path / "m.onnx", logits_of(5, -6.0))
    both = ("mean=0.485,0.456,0.406", "deviation=0.229,0.224,0.225")
    np.testing.assert_allclose(red_green_blue(opened(path, *both)), normalised([1, 0.2, 0]), rtol=1e-5)
    np.testing.assert_allclose(red_green_blue(opened(path, *both, "channels=bgr")), normalised([1, 0.2, 0])[::-1])
    np.testing.assert_allclose(
        red_green_blue(opened(path, "scale=255", "mean=127.5", "deviation=127.5")), [1, -0.6, -1]
    )
    with pytest.raises(UserError, match=r"mean=123\.7,116\.3,103\.5: above white, .* detector\.scale=255"):
        opened(path, "mean=123.7,116.3,103.5")
    for wrong in ("mean=1,2", "mean=red", "deviation=0", "deviation=1,-1,1", "scale=0", "mean=nan", "channels=grb"):
        with pytest.raises(UserError, match=wrong):
            override(OnnxDetectorSettings(), [wrong])


def test_grids_with_boxes_in_pixels_are_no_raw_yolox(caplog):
    rows = np.random.default_rng(0).random((20, 8))
    assert (recognise_grid(rows), caplog.text) == ("yolox", "")
    rows[3, 2] = 40.0
    assert recognise_grid(rows) == "yolox-decoded"
    rows[:, 4] = 1
    assert recognise_grid(rows) == "yolov6"
    assert "--detector-format overrules" in caplog.text
