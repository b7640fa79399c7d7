"""Our own trackers as detectors: with a stand-in for the network."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from idfree.appearance.colour import ColourHistogram
from idfree.core import onnx_session as sessions
from idfree.core.errors import UserError
from idfree.core.letterbox import letterbox
from idfree.core.settings import override
from idfree.core.types import Frame
from idfree.detectors import open_detector
from idfree.detectors.one_shot import OneShotDetector, OneShotDetectorSettings

IMAGE = np.random.default_rng(0).integers(0, 256, (150, 320, 3), dtype=np.uint8)
BOXES = np.array([[30.0, 20.0, 70.0, 120.0], [200.0, 60.0, 230.0, 140.0]])
SAID = {
    "idfree.kind": "tracker",
    "size": "96x128",
    "names": "{0: 'person', 1: 'dog'}",
    "limit": "0.25",
    "farthest": "0.5",
}


@dataclass
class Network:
    """Stands in for a session: says the same of whatever it is shown, and keeps what it saw."""

    size_hw: tuple = (96, 128)
    said: dict = field(default_factory=lambda: dict(SAID))

    def __post_init__(self):
        xyxy = letterbox(IMAGE.shape[:2], self.size_hw, "centre").to_input(BOXES).astype(np.float32)
        self.outputs = [
            np.vstack([xyxy, [[5, 5, 5, 9]], xyxy[:1]]).astype(np.float32),
            np.array([0.8, 0.5, 0.4, 0.05], np.float32),
            np.array([0, 1, 0, 0]),
            np.eye(4, 8, dtype=np.float32),
        ]

    def get_inputs(self):
        return []

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map=self.said)

    def run(self, names, feed):
        self.seen = feed["image"].copy()
        return self.outputs


def test_boxes_come_back_where_they_are_in_the_image_with_their_embeddings():
    detector = OneShotDetector("some/model.onnx", session=Network())
    frame = Frame(3, IMAGE)
    view = detector(frame)
    np.testing.assert_allclose(view.detections.xyxy, BOXES, atol=1e-3)
    np.testing.assert_allclose(view.detections.score, [0.8, 0.5])
    np.testing.assert_array_equal(view.detections.embedding, np.eye(2, 8))
    assert view.detections.class_id.tolist() == [0, 1]
    assert (view.frame, view.size_hw) == (frame, (150, 320))
    assert (view.match_threshold, view.upper_threshold) == (0.25, 0.5)
    assert (detector.name, detector.needs_images, detector.has_embeddings) == ("model.onnx", True, True)


@pytest.mark.parametrize("image_hw", [(150, 320), (1080, 1920), (479, 641), (300, 100), (40, 40)])
def test_the_picture_is_that_of_training(image_hw):
    pytest.importorskip("torch")
    from idfree.learn.data.labelled_images import LabelledImage
    from idfree.learn.data.warp import STILL, vary

    noise = np.random.default_rng(1).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    image = cv2.resize(noise, image_hw[::-1], interpolation=cv2.INTER_CUBIC)
    network = Network()
    OneShotDetector("m.onnx", session=network)(Frame(1, image))
    none = np.zeros((0, 4))
    trained = vary(
        LabelledImage(image, none, none, np.zeros(0, np.int64), none), (96, 128), np.random.default_rng(0), STILL
    )
    seen, trained = network.seen[0].astype(int), trained.image.astype(int)
    fit = letterbox(image_hw, (96, 128), "centre")
    whole = np.array([[0.0, 0.0, *image_hw[::-1]]])
    corners = np.array([[0, 0, 1], [*image_hw[::-1], 1]]) @ fit.matrix.T
    np.testing.assert_allclose(fit.to_input(whole)[0], corners[:, :2].ravel(), atol=1e-9)
    (left, top), (height, width) = fit.offset_xy, fit.resized_hw
    border = int(np.ceil(max(fit.scale_xy)))  # pixels in which training blends the picture with the grey around it
    inside = np.zeros((96, 128), dtype=bool)
    inside[top : top + height, left : left + width] = True
    np.testing.assert_array_equal(seen[~inside], 127)
    within = (slice(top + border, top + height - border), slice(left + border, left + width - border))
    assert np.abs(seen[within] - trained[within]).max() <= 3  # of 256: how the two round
    inside[max(top - border, 0) : top + height + border, max(left - border, 0) : left + width + border] = True
    np.testing.assert_array_equal(seen[~inside], trained[~inside])


def test_pictures_of_another_size_leave_no_trace():
    network = Network()
    detector = OneShotDetector("m.onnx", session=network)
    seen = []
    for shape in ((96, 20, 3), (20, 128, 3), (96, 20, 3)):
        detector(Frame(1, np.full(shape, 7, np.uint8)))
        seen.append(network.seen)
    np.testing.assert_array_equal(seen[0], seen[2])
    assert (seen[1][0, :30] == 127).all()


def test_settings_and_classes():
    def scores(classes=None, **settings):
        return OneShotDetector("m.onnx", OneShotDetectorSettings(**settings), classes, session=Network())(
            Frame(1, IMAGE)
        ).detections.score

    np.testing.assert_allclose(scores(min_score=0.6), [0.8])
    np.testing.assert_allclose(scores(["dog"]), [0.5])
    np.testing.assert_allclose(scores([0], min_score=0.0), [0.8, 0.05])
    with pytest.raises(UserError, match=r"m\.onnx: --classes cat: unknown; it knows person, dog"):
        scores(["cat"])
    network = Network(size_hw=(64, 192))
    view = OneShotDetector("m.onnx", OneShotDetectorSettings(size="192x64"), session=network)(Frame(1, IMAGE))
    assert network.seen.shape == (1, 64, 192, 3)
    np.testing.assert_allclose(view.detections.xyxy, BOXES, atol=1e-3)


@pytest.mark.parametrize(
    ("said", "settings", "message"),
    [
        ({}, OneShotDetectorSettings(size="100x64"), "size 100x64: expected multiples of 32"),
        ({}, OneShotDetectorSettings(size="big"), "size=big: expected two numbers"),
        ({"size": ""}, OneShotDetectorSettings(), "metadata size=: expected two numbers"),
        ({"limit": "low"}, OneShotDetectorSettings(), "metadata limit is 'low'"),
    ],
)
def test_what_cannot_be_is_refused(said, settings, message):
    with pytest.raises(UserError, match=rf"m\.onnx: .*{message}"):
        OneShotDetector("m.onnx", settings, session=Network(said={**SAID, **said}))


def test_failures_are_named_with_the_frame():
    network = Network()
    detector = OneShotDetector("m.onnx", session=network)
    network.outputs[3][0, 1] = np.nan
    with pytest.raises(UserError, match=r"m\.onnx, frame 12: the network gives NaN"):
        detector(Frame(12, IMAGE))
    network.run = lambda *_: 1 / 0
    with pytest.raises(UserError, match=r"frame 12: the network cannot run on 128x96: division by zero"):
        detector(Frame(12, IMAGE))
    with pytest.raises(UserError, match="frame 2 comes without its image"):
        detector(Frame(2))
    with pytest.raises(UserError, match=r"must lie in 0…1"):
        override(OneShotDetectorSettings(), ["min_score=7"])


def test_without_a_limit_there_is_none():
    said = {name: value for name, value in SAID.items() if name not in ("limit", "farthest")}
    assert OneShotDetector("m.onnx", session=Network(said=said)).match_threshold is None


def test_files_say_what_they_are():
    detector = open_detector("best.pt", session=Network(), classes="person", assignments=["min_score=0.3"])
    assert isinstance(detector, OneShotDetector)
    assert (detector.settings.min_score, detector.class_ids.tolist()) == (0.3, [0])
    with pytest.raises(UserError, match="is a model of appearance, expected a detector; it is for --appearance"):
        open_detector("m.onnx", session=Network(said={"idfree.kind": "appearance"}))


def test_openvino_says_what_onnx_runtime_says(tmp_path):
    """Every element of a deformable convolution's outputs, whose offsets point anywhere."""
    pytest.importorskip("openvino")
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    shapes = {"x": [1, 3, 9, 11], "w": [4, 3, 3, 3], "offset": [1, 18, 9, 11], "b": [4], "mask": [1, 9, 9, 11]}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 9, 11])
    node = helper.make_node("DeformConv", list(shapes), ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    model = helper.make_model(
        helper.make_graph([node], "g", ports, [out]), opset_imports=[helper.make_opsetid("", 19)], ir_version=9
    )
    helper.set_model_props(model, {"idfree.kind": "tracker"})
    onnx.save(model, tmp_path / "m.onnx")
    random = np.random.default_rng(0)
    feed = {name: random.normal(0, 2, shape).astype(np.float32) for name, shape in shapes.items()}
    usual, other = (sessions.open_session(tmp_path / "m.onnx", device, 1) for device in ("cpu", "openvino"))
    np.testing.assert_allclose(other.run(None, feed)[0], usual.run(None, feed)[0], atol=1e-4)
    assert other.get_modelmeta().custom_metadata_map == {"idfree.kind": "tracker"}
    assert [(p.name, list(p.shape), p.type) for p in other.get_inputs()] == [
        (p.name, list(p.shape), p.type) for p in usual.get_inputs()
    ]
    (tmp_path / "junk.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"junk\.onnx: OpenVINO cannot load it as a model"):
        sessions.open_session(tmp_path / "junk.onnx", "openvino")


def test_without_openvino_it_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "openvino", None)
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"--device openvino needs the package openvino: pip install 'idfree\[openvino\]'"
    ):
        sessions.open_session(tmp_path / "m.onnx", "openvino")


def test_fused_is_the_default_where_there_are_looks():
    from idfree.pipelines.selection import Selection
    from idfree.pipelines.track import default_tracker

    one_shot = object.__new__(OneShotDetector)
    assert default_tracker(one_shot, Selection()) == "fused"
    assert default_tracker(one_shot, Selection(appearance="none")) == "bytetrack"
    assert default_tracker(one_shot, Selection(), ColourHistogram()) == "fused"
