"""Two-stage detectors: with stubs of the two parts of their files."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.core.types import Frame
from idfree.detectors.two_stage import (
    PADDING,
    TwoStageDetector,
    TwoStageDetectorSettings,
    default_names,
    fit,
    open_parts,
)

IMAGE = np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)
METADATA = {"idfree.levels": "fine,coarse", "shorter": "120", "longer": "190", "names": "{0: 'person', 1: 'dog'}"}
SCALE = 1.9  # of the image: its longer side decides


@dataclass
class Part:
    """Stub of a session with constant outputs; `seen`: what it was fed."""

    outputs: list
    metadata: dict = field(default_factory=lambda: dict(METADATA))

    def get_inputs(self):
        return []

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map=self.metadata)

    def run(self, names, feed):
        self.seen = {name: each.copy() for name, each in feed.items()}
        return self.outputs


def make(settings=None, classes=None, **metadata):
    """A detector with three candidates, the second of which is suppressed, and a box head for two boxes."""
    boxes = np.array([[10, 20, 30, 50], [11, 20, 31, 50], [40, 10, 60, 70], [0, 0, 5, 5]], np.float32) * SCALE
    candidates = [boxes, np.array([0.9, 0.8, 0.4, 0.0], np.float32), np.array([0, 0, 1, 0])]
    levels = [np.full((1, 1, 2, 2), value, np.float32) for value in (4, 8)]
    refined = np.array([[[1, 2, 11, 22], [0, 0, 9, 9]], [[5, 5, 200, 10], [50, 30, 70, 90]]], np.float32) * SCALE
    head = Part([refined, np.array([[0.7, 0.1], [0.2, 0.6]], np.float32)])
    body = Part([*candidates, *levels], METADATA | metadata)
    return TwoStageDetector("some/model.onnx", (body, head), settings, classes)


def test_boxes_are_in_image_pixels_and_suppressed():
    detector = make()
    view = detector(Frame(3, IMAGE))
    np.testing.assert_allclose(view.detections.xyxy, [[10, 20, 30, 50], [40, 10, 60, 60]], atol=1e-4)  # clipped
    np.testing.assert_allclose(view.detections.score, [0.9, 0.4])
    assert view.detections.class_id.tolist() == [0, 1]
    assert (view.size_hw, detector.name, detector.names) == ((60, 100), "model.onnx", {0: "person", 1: "dog"})


def test_the_input_is_resized_and_padded():
    detector = make()
    detector(Frame(1, np.full((60, 100, 3), 7, np.uint8)))
    seen = detector.model.session.seen["image"]
    assert (seen.shape, seen.dtype) == ((1, 128, 192, 3), np.uint8)
    assert (seen[0, :114, :190] == 7).all()
    assert (seen[0, 114:] == PADDING).all()
    assert (seen[0, :, 190:] == PADDING).all()
    detector(Frame(2, np.full((100, 60, 3), 7, np.uint8)))
    assert detector.model.session.seen["image"].shape == (1, 192, 128, 3)


def test_given_boxes_are_regressed_by_the_box_head_alone():
    detector = make()
    view = detector(Frame(1, IMAGE))
    detector.model.session.seen = None
    boxes, scores = view.refine(np.array([[0.0, 1, 10, 20], [50, 30, 70, 60]]), np.array([0, 1]))
    np.testing.assert_allclose(boxes, [[1, 2, 11, 22], [50, 30, 70, 60]], atol=1e-4)  # the second is clipped
    np.testing.assert_allclose(scores, [0.7, 0.6])
    assert detector.model.session.seen is None
    fed = detector.head.session.seen
    assert sorted(fed) == ["coarse", "fine", "proposals"]
    assert (fed["fine"].max(), fed["coarse"].max()) == (4, 8)
    np.testing.assert_allclose(fed["proposals"], np.array([[0, 1, 10, 20], [50, 30, 70, 60]]) * SCALE, rtol=1e-6)


def test_a_view_keeps_the_levels_of_its_frame():
    detector = make()
    first = detector(Frame(1, IMAGE))
    detector.model.session.outputs = [*detector.model.session.outputs[:3], *np.ones((2, 1, 1, 2, 2), np.float32)]
    detector(Frame(2, IMAGE))
    first.refine(np.array([[0.0, 1, 10, 20], [50, 30, 70, 60]]))
    assert detector.head.session.seen["fine"].max() == 4


def test_boxes_of_unknown_classes_stay_without_a_score():
    given = np.array([[0.0, 1, 10, 20], [50, 30, 70, 60]])
    boxes, scores = make()(Frame(1, IMAGE)).refine(given, np.array([2, 0]))
    assert boxes[0].tolist() == given[0].tolist()
    np.testing.assert_allclose(scores, [0, 0.2])


def test_no_boxes():
    boxes, scores = make()(Frame(1, IMAGE)).refine(np.zeros((0, 4)))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))


def test_settings_select_boxes():
    frame = Frame(1, IMAGE)
    assert len(make(TwoStageDetectorSettings(max_iou=0.95))(frame).detections) == 3
    assert len(make(TwoStageDetectorSettings(max_boxes=1))(frame).detections) == 1
    assert make(TwoStageDetectorSettings(min_score=0.85))(frame).detections.class_id.tolist() == [0]
    assert make(TwoStageDetectorSettings(min_score=0), ["dog"])(frame).detections.class_id.tolist() == [1]
    assert len(make(TwoStageDetectorSettings(min_score=0))(frame).detections) == 2  # a score of 0 is no candidate
    detector = make(TwoStageDetectorSettings(shorter=60, longer=1000))
    detector(frame)
    assert detector.model.session.seen["image"].shape == (1, 64, 128, 3)


@pytest.mark.parametrize(
    ("image_hw", "resized_hw", "input_hw"),
    [
        ((1080, 1920), (749, 1333), (768, 1344)),
        ((480, 640), (800, 1066), (800, 1088)),
        ((1000, 500), (1333, 666), (1344, 672)),
        ((800, 1333), (800, 1333), (800, 1344)),
    ],
)
def test_images_are_resized_as_in_torchvision(image_hw, resized_hw, input_hw):
    geometry = fit(image_hw, 800, 1333)
    assert (geometry.resized_hw, geometry.input_hw, geometry.offset_xy) == (resized_hw, input_hw, (0, 0))


def test_names_begin_after_the_background():
    names = default_names(91)
    assert (names[0], names[2], len(names), names[89]) == ("person", "car", 80, "toothbrush")
    assert (default_names(2), default_names(4)) == ({0: "person"}, {})


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("min_score=2", "min_score=2.0 and max_iou=0.5 must lie in 0…1"),
        ("max_boxes=0", "max_boxes=0 must be at least 1"),
        ("longer=8", "longer=8 must be at least 32 px"),
    ],
)
def test_wrong_settings_are_errors(assignment, message):
    with pytest.raises(UserError, match=message):
        override(TwoStageDetectorSettings(), [assignment])


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"shorter": "7"}, "some/model.onnx: its metadata says shorter=7, expected at least 32 px"),
        ({"names": "{0: 'person'}"}, "--classes dog: unknown; it knows person"),
    ],
)
def test_wrong_files_are_errors(metadata, message):
    with pytest.raises(UserError, match=message):
        make(classes=["dog"], **metadata)


def test_a_file_without_levels_and_an_ir_are_errors(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(UserError, match=r"lack idfree\.levels: expected a file that idfree export wrote"):
        open_parts(Part([], {}), tmp_path / "model.onnx")
    with pytest.raises(UserError, match=r"OpenVINO IR, which cannot be cut in two; use the \.onnx"):
        open_parts(Part([]), tmp_path / "model.xml")


def test_a_frame_without_its_image_is_an_error():
    with pytest.raises(UserError, match=r"frame 3 comes without its image: the detector model\.onnx"):
        make()(Frame(3))


def test_nan_is_an_error():
    detector = make()
    view = detector(Frame(5, IMAGE))
    detector.head.session.outputs[1][0, 0] = np.nan
    with pytest.raises(UserError, match=r"model\.onnx, its box head: the network gives NaN"):
        view.refine(np.array([[0.0, 1, 10, 20], [50, 30, 70, 60]]))
