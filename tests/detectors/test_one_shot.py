"""One-shot detectors: with a stub session."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.letterbox import letterbox
from idfree.core.settings import override
from idfree.core.types import Frame
from idfree.detectors import open_detector
from idfree.detectors.one_shot import OneShotDetector, OneShotDetectorSettings

IMAGE = np.random.default_rng(0).integers(0, 256, (150, 320, 3), dtype=np.uint8)
BOXES = np.array([[30.0, 20.0, 70.0, 120.0], [200.0, 60.0, 230.0, 140.0]])
METADATA = {
    "idfree.kind": "tracker",
    "size": "96x128",
    "names": "{0: 'person', 1: 'dog'}",
    "limit": "0.25",
    "farthest": "0.5",
}


@dataclass
class Network:
    """Stub of an ONNX Runtime session with constant outputs; `seen`: the last input image."""

    size_hw: tuple = (96, 128)
    metadata: dict = field(default_factory=lambda: dict(METADATA))

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
        return SimpleNamespace(custom_metadata_map=self.metadata)

    def run(self, names, feed):
        self.seen = feed["image"].copy()
        return self.outputs


def test_boxes_are_in_image_pixels_with_their_embeddings():
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
def test_the_input_image_is_that_of_training(image_hw):
    pytest.importorskip("torch")
    from idfree.learn.data.labelled_images import LabelledImage
    from idfree.learn.data.warp import NO_AUGMENTATION, augment_image

    noise = np.random.default_rng(1).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    image = cv2.resize(noise, image_hw[::-1], interpolation=cv2.INTER_CUBIC)
    network = Network()
    OneShotDetector("m.onnx", session=network)(Frame(1, image))
    none = np.zeros((0, 4))
    trained = augment_image(
        LabelledImage(image, none, none, np.zeros(0, np.int64), none),
        (96, 128),
        np.random.default_rng(0),
        NO_AUGMENTATION,
    )
    seen, trained = network.seen[0].astype(int), trained.image.astype(int)
    fit = letterbox(image_hw, (96, 128), "centre")
    whole = np.array([[0.0, 0.0, *image_hw[::-1]]])
    corners = np.array([[0, 0, 1], [*image_hw[::-1], 1]]) @ fit.matrix.T
    np.testing.assert_allclose(fit.to_input(whole)[0], corners[:, :2].ravel(), atol=1e-9)
    (left, top), (height, width) = fit.offset_xy, fit.resized_hw
    border = int(np.ceil(max(fit.scale_xy)))  # pixels in which training blends the image with its padding
    inside = np.zeros((96, 128), dtype=bool)
    inside[top : top + height, left : left + width] = True
    np.testing.assert_array_equal(seen[~inside], 127)
    within = (slice(top + border, top + height - border), slice(left + border, left + width - border))
    assert np.abs(seen[within] - trained[within]).max() <= 3  # of 256: rounding differs
    inside[max(top - border, 0) : top + height + border, max(left - border, 0) : left + width + border] = True
    np.testing.assert_array_equal(seen[~inside], trained[~inside])


def test_images_of_another_size_leave_no_trace():
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
    ("metadata", "settings", "message"),
    [
        ({}, OneShotDetectorSettings(size="100x64"), "size 100x64: expected multiples of 32"),
        ({}, OneShotDetectorSettings(size="big"), "size=big: expected WIDTHxHEIGHT, such as 1088x608"),
        ({"size": ""}, OneShotDetectorSettings(), "its metadata says size=, expected HEIGHTxWIDTH"),
        ({"limit": "low"}, OneShotDetectorSettings(), "its metadata says limit=low, expected a number"),
    ],
)
def test_invalid_sizes_and_thresholds_are_refused(metadata, settings, message):
    with pytest.raises(UserError, match=rf"m\.onnx: .*{message}"):
        OneShotDetector("m.onnx", settings, session=Network(metadata={**METADATA, **metadata}))


def test_errors_name_the_file_and_the_frame():
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


def test_thresholds_are_none_without_metadata():
    metadata = {name: value for name, value in METADATA.items() if name not in ("limit", "farthest")}
    assert OneShotDetector("m.onnx", session=Network(metadata=metadata)).match_threshold is None


def test_the_metadata_determines_the_kind_of_detector():
    detector = open_detector("best.pt", session=Network(), classes="person", assignments=["min_score=0.3"])
    assert isinstance(detector, OneShotDetector)
    assert (detector.settings.min_score, detector.class_ids.tolist()) == (0.3, [0])
    with pytest.raises(UserError, match="is a model of appearance, expected a detector; it is for --appearance"):
        open_detector("m.onnx", session=Network(metadata={"idfree.kind": "appearance"}))
    with pytest.raises(UserError, match="is a model of pose, expected a detector; was it written by a newer idfree"):
        open_detector("m.onnx", session=Network(metadata={"idfree.kind": "pose"}))


def test_boxes_without_embeddings():
    """Another session leaves out the embedding; one that cannot, computes it in vain."""
    detector = OneShotDetector("some/model.onnx", classes=["dog"], session=Network()).without_embeddings()
    assert not detector.has_embeddings
    view = detector(Frame(3, IMAGE))
    np.testing.assert_allclose(view.detections.xyxy, BOXES[1:], atol=1e-3)
    assert view.detections.embedding is None
    assert (view.match_threshold, view.upper_threshold) == (None, None)


def test_occlusion_centres_are_in_image_pixels():
    """The unlikely one is left out; without the output there are none."""
    network = Network()
    place = letterbox(IMAGE.shape[:2], network.size_hw, "centre").to_input(np.array([[50.0, 60, 50, 60]]))[0, :2]
    network.outputs.append(np.array([[*place, 0.6], [1, 1, 0.05]], np.float32))
    network.get_outputs = lambda: [SimpleNamespace(name=name) for name in (*"bsce", "occlusions")]
    view = OneShotDetector("some/model.onnx", session=network)(Frame(1, IMAGE))
    np.testing.assert_allclose(view.occlusions, [[50, 60, 0.6]], atol=1e-3)
    assert OneShotDetector("some/model.onnx", session=Network())(Frame(1, IMAGE)).occlusions.shape == (0, 3)
