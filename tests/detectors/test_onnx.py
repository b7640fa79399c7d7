"""Third-party ONNX detectors: with a stub session, and with a real YOLOX on real frames."""

import itertools
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from idfree.core.boxes import iou, xywh_to_xyxy, xyxy_to_cxcywh
from idfree.core.errors import UserError
from idfree.core.letterbox import letterbox
from idfree.core.settings import override
from idfree.core.types import Frame
from idfree.detectors.candidates import cell_grid
from idfree.detectors.formats import FORMATS
from idfree.detectors.onnx import OnnxDetector, OnnxDetectorSettings

SIZE = (96, 128)
IMAGE = np.random.default_rng(0).integers(0, 256, (150, 320, 3), dtype=np.uint8)
BOXES = np.array([[30.0, 20.0, 70.0, 120.0], [200.0, 60.0, 230.0, 140.0]])
SCORE = np.array([0.8, 0.5])
CLASS = np.array([0, 2])


@dataclass
class Port:
    name: str
    shape: list
    type: str = "tensor(float)"


@dataclass
class Network:
    """Stub of an ONNX Runtime session with constant outputs; `seen`: the last input."""

    outputs: list
    inputs: list = field(default_factory=lambda: [Port("images", [1, 3, *SIZE])])
    metadata: dict = field(default_factory=dict)
    seen: dict = field(default_factory=dict)

    def get_inputs(self):
        return self.inputs

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map=self.metadata)

    def run(self, names, feed):
        self.seen = {name: value.copy() for name, value in feed.items()}
        return self.outputs


def outputs_of(name):
    """Outputs in a format that encode the two boxes of the image, of three classes."""
    xyxy = letterbox(IMAGE.shape[:2], SIZE, FORMATS[name].placement).to_input(BOXES)
    cxcywh, scores = xyxy_to_cxcywh(xyxy), np.where(CLASS[:, None] == np.arange(3), SCORE[:, None], 0.01)
    cells = len(cell_grid(SIZE)[0])
    if name == "yolox":
        cell_xy, stride = (part[:2] for part in cell_grid(SIZE))
        cxcywh = np.hstack([cxcywh[:, :2] / stride - cell_xy, np.log(cxcywh[:, 2:] / stride)])
    if name == "ssd":
        rows = np.column_stack([np.zeros(2), CLASS + 1, SCORE, xyxy / (128, 96, 128, 96)])
        return [rows[None, None].astype(np.float32)]
    if name == "end2end":
        return [np.column_stack([xyxy, SCORE, CLASS])[None].astype(np.float32)]
    if name == "detr-softmax":
        logits = np.log(np.column_stack([scores, 1 - scores.sum(axis=1)]))
        return [(cxcywh / (128, 96, 128, 96))[None].astype(np.float32), logits[None]]
    if name in ("detr", "rf-detr"):
        return [(cxcywh / (128, 96, 128, 96))[None].astype(np.float32), np.log(scores / (1 - scores))[None]]
    if name not in ("yolox", "yolox-decoded", "yolov5", "yolov6", "yolov8"):
        pytest.fail(f"no outputs for the format {name}: add them to outputs_of in {__file__}")
    table = np.zeros((1, cells * (3 if name == "yolov5" else 1), 8), dtype=np.float32)
    table[0, :2] = np.hstack([cxcywh, np.ones((2, 1)), scores])
    return [np.delete(table, 4, axis=2).transpose(0, 2, 1)] if name == "yolov8" else [table]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_boxes_in_image_pixels(name):
    detector = OnnxDetector("some/model.onnx", format=name, session=Network(outputs_of(name)))
    frame = Frame(3, IMAGE)
    view = detector(frame)
    np.testing.assert_allclose(view.detections.xyxy, BOXES, atol=1e-3)
    np.testing.assert_allclose(view.detections.score, SCORE, atol=1e-5)
    assert view.detections.class_id.tolist() == CLASS.tolist()
    assert view.frame is frame
    assert view.size_hw == (150, 320)
    assert (detector.name, detector.needs_images, detector.has_embeddings) == ("model.onnx", True, False)
    boxes, scores = view.refine(BOXES + 3, CLASS)
    np.testing.assert_allclose(boxes, BOXES, atol=1e-3)
    np.testing.assert_allclose(scores, SCORE, atol=1e-5)


def test_boxes_are_clipped_and_empty_or_infinite_ones_dropped():
    rows = np.array(
        [[-20, -20, 40, 40, 0.9, 0], [0, 0, 128, 96, 0.8, 0], [5, 5, 5, 9, 0.7, 0], [1, 1, np.inf, 9, 0.6, 0]]
    )
    session = Network([rows[None].astype(np.float32)])
    xyxy = OnnxDetector("m.onnx", session=session)(Frame(1, np.zeros((96, 128, 3), np.uint8))).detections.xyxy
    np.testing.assert_array_equal(xyxy, [[0, 0, 40, 40], [0, 0, 128, 96]])


def test_the_input_image_is_scaled_and_padded_as_the_format_defines():
    blue = np.full((96, 64, 3), (255, 0, 51), dtype=np.uint8)  # half as wide as the input
    for name, expected, grey, column in (("yolox", [255, 0, 51], 114, 10), ("yolov8", [0.2, 0, 1], 114 / 255, 64)):
        session = Network(outputs_of(name))
        OnnxDetector("m.onnx", session=session)(Frame(1, blue))
        np.testing.assert_allclose(session.seen["images"][0, :, 50, column], expected, rtol=1e-6)
        np.testing.assert_allclose(session.seen["images"][0, :, 50, 127], grey, rtol=1e-6)


def test_images_of_another_size_leave_no_trace():
    session = Network(outputs_of("yolox"))
    detector = OnnxDetector("m.onnx", session=session)
    narrow, wide = np.full((96, 20, 3), 7, np.uint8), np.full((20, 128, 3), 9, np.uint8)
    seen = []
    for image in (narrow, wide, narrow):
        detector(Frame(1, image))
        seen.append(session.seen["images"])
    np.testing.assert_array_equal(seen[0], seen[2])
    assert not (seen[1] == 7).any()


def test_fp16_goes_in_and_comes_out():
    session = Network(
        [o.astype(np.float16) for o in outputs_of("yolov8")], [Port("x", [1, 3, *SIZE], "tensor(float16)")]
    )
    detections = OnnxDetector("m.onnx", session=session)(Frame(1, IMAGE)).detections
    assert session.seen["x"].dtype == np.float16
    np.testing.assert_allclose(detections.xyxy, BOXES, atol=0.2)  # 11 bits of 128 px, twice as large in the image


def test_a_size_left_open_is_set_and_a_fixed_one_stays():
    inputs = [Port("images", ["batch", 3, "height", "width"])]
    with pytest.raises(UserError, match="640x640 are of no known"):  # the outputs are those of 128x96
        OnnxDetector("m.onnx", session=Network(outputs_of("yolox"), inputs))
    session = Network(outputs_of("yolox"), inputs)
    assert (
        len(
            OnnxDetector("m.onnx", settings=OnnxDetectorSettings(size="128x96"), session=session)(
                Frame(1, IMAGE)
            ).detections
        )
        == 2
    )
    assert session.seen["images"].shape == (1, 3, 96, 128)
    session = Network(outputs_of("yolox"), inputs, metadata={"imgsz": "[96, 128]"})
    assert OnnxDetector("m.onnx", session=session).size_hw == (96, 128)
    with pytest.raises(UserError, match="fixed at 128x96"):
        OnnxDetector("m.onnx", settings=OnnxDetectorSettings(size="64x64"), session=Network(outputs_of("yolox")))
    with pytest.raises(UserError, match="size=big: expected WIDTHxHEIGHT"):
        OnnxDetector("m.onnx", settings=OnnxDetectorSettings(size="big"), session=Network(outputs_of("yolox"), inputs))


def test_a_detr_with_a_size_input_gets_the_input_size():
    xyxy = letterbox((150, 320), SIZE, "stretch").to_input(BOXES)
    session = Network(
        [CLASS[None], xyxy[None], SCORE[None]],
        [Port("images", ["N", 3, *SIZE]), Port("orig_target_sizes", ["N", 2], "tensor(int64)")],
    )
    np.testing.assert_allclose(OnnxDetector("m.onnx", session=session)(Frame(1, IMAGE)).detections.xyxy, BOXES)
    assert session.seen["orig_target_sizes"].tolist() == [[128, 96]]


@pytest.mark.parametrize(("sides", "expected"), [([64, 64], (1, 64, 64)), (["height", None], (1, 96, 128))])
def test_a_detr_with_a_pixel_mask_gets_ones(sides, expected):
    inputs = [Port("pixel_values", ["N", 3, *SIZE]), Port("pixel_mask", ["N", *sides], "tensor(int64)")]
    session = Network(outputs_of("detr-softmax"), inputs)
    detections = OnnxDetector("m.onnx", "detr-softmax", session=session)(Frame(1, IMAGE)).detections
    np.testing.assert_allclose(detections.xyxy, BOXES, atol=1e-3)
    mask = session.seen["pixel_mask"]
    assert (mask.shape, mask.dtype, mask.all()) == (expected, np.int64, True)


def test_boxes_of_one_class_suppress_one_another_and_the_best_are_kept():
    (table,) = outputs_of("yolov8")
    table[0, :, 2] = table[0, :, 0]
    table[0, 4, 2] = 0.7  # the first box again, a little worse
    found = OnnxDetector("m.onnx", session=Network([table]))(Frame(1, IMAGE)).detections
    np.testing.assert_allclose(found.score, SCORE, atol=1e-6)
    for settings in (
        OnnxDetectorSettings(max_boxes=1),
        OnnxDetectorSettings(max_candidates=1),
        OnnxDetectorSettings(min_score=0.6),
    ):
        found = OnnxDetector("m.onnx", settings=settings, session=Network([table]))(Frame(1, IMAGE)).detections
        np.testing.assert_allclose(found.score, SCORE[:1], atol=1e-6)


def test_classes_by_name_and_by_number():
    names = {"names": "{0: 'person', 1: 'bird', 2: 'car'}"}
    for classes, scores in ((["car"], [0.5]), ([" Person ", 2], [0.8, 0.5]), (["0"], [0.8]), ([1], [])):
        detector = OnnxDetector("m.onnx", classes=classes, session=Network(outputs_of("yolov8"), metadata=names))
        np.testing.assert_allclose(detector(Frame(1, IMAGE)).detections.score, scores, atol=1e-6)
    with pytest.raises(UserError, match=r"m\.onnx: --classes dog: unknown; it knows person, bird, car$"):
        OnnxDetector("m.onnx", classes=["dog"], session=Network(outputs_of("yolov8"), metadata=names))
    with pytest.raises(UserError, match="does not name its classes, so give their numbers"):
        OnnxDetector("m.onnx", classes=["person"], session=Network(outputs_of("yolov8")))


def test_eighty_classes_have_the_names_of_coco():
    outputs = [np.zeros((1, 84, 252), dtype=np.float32)]
    names = OnnxDetector("m.onnx", session=Network(outputs)).names
    assert [names[k] for k in (0, 9, 39, 79)] == ["person", "traffic light", "bottle", "toothbrush"]
    with pytest.raises(UserError, match=r"names 1 class but gives 80 columns .* pose"):
        OnnxDetector("m.onnx", session=Network(outputs, metadata={"names": "['person']"}))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            [Port("a", [1, 3, 8, 8]), Port("b", [1, 3, 8, 8])],
            r"takes a \(1, 3, 8, 8\), b \(1, 3, 8, 8\); a detector takes one",
        ),
        ([Port("tokens", [1, 77])], "takes tokens .* a detector takes one image"),
        ([Port("x", [4, 3, 96, 128])], "export it with batch 1"),
        ([Port("x", [1, 96, 128, 3])], r"expected one image \(1, 3, H, W\)"),
        ([Port("x", [1, 3, 96, 128], "tensor(uint8)")], "is a tensor"),
    ],
)
def test_other_inputs_are_refused(inputs, message):
    with pytest.raises(UserError, match=message):
        OnnxDetector("m.onnx", session=Network(outputs_of("yolox"), inputs))


def test_nan_is_refused_with_the_frame():
    session = Network(outputs_of("yolox"))
    detector = OnnxDetector("m.onnx", session=session)
    session.outputs[0][0, 5, 1] = np.nan
    with pytest.raises(UserError, match=r"m\.onnx, frame 12: the network gives NaN"):
        detector(Frame(12, IMAGE))


def test_errors_of_the_network_are_summarised():
    def fail(*_):
        raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : Node Add failed: shapes differ\nand much more")

    session = Network([])
    session.run = fail
    with pytest.raises(UserError, match=r"^m\.onnx: the network cannot run on 128x96: shapes differ$"):
        OnnxDetector("m.onnx", session=session)


def test_a_frame_without_its_image_is_refused():
    with pytest.raises(UserError, match="frame 2 comes without its image"):
        OnnxDetector("m.onnx", session=Network(outputs_of("yolox")))(Frame(2))


def test_files_that_are_no_models_are_refused(tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"junk\.onnx: ONNX Runtime cannot load it as a model: Protobuf parsing failed"):
        OnnxDetector(tmp_path / "junk.onnx")
    with pytest.raises(UserError, match=r"none\.onnx: no such file"):
        OnnxDetector(tmp_path / "none.onnx")
    with pytest.raises(UserError, match="is a folder"):
        OnnxDetector(tmp_path)


def test_settings_are_checked():
    with pytest.raises(UserError, match=r"must lie in 0…1"):
        override(OnnxDetectorSettings(), ["max_iou=70"])
    assert override(OnnxDetectorSettings(), ["size=1280x736"]).size == "1280x736"


def read(path, numbers):
    """Frames of a video by number, in order."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        frames = itertools.islice(container.decode(video=0), max(numbers))
        return [Frame(n, f.to_ndarray(format="bgr24")) for n, f in enumerate(frames, 1) if n in numbers]


def test_yolox_nano_detects_the_large_people_of_mot17_09(shared):
    detector = OnnxDetector(shared / "data/models/yolox_nano.onnx", classes=["person"], threads=1)
    table = np.loadtxt(shared / "data/MOT17/train/MOT17-09-SDP/gt/gt.txt", delimiter=",")
    table = table[(table[:, 7] == 1) & (table[:, 8] > 0.9) & (table[:, 5] > 300)]  # fully visible people above 300 px
    overlaps = []
    for frame in read(shared / "data/videos/MOT17-09.mp4", (40, 50, 60)):
        before = frame.image.copy()
        view = detector(frame)
        truth = xywh_to_xyxy(table[table[:, 0] == frame.number, 2:6] - [1, 1, 0, 0])
        overlaps += iou(truth, view.detections.xyxy[view.detections.score > 0.5]).max(axis=1).tolist()
        assert (view.detections.xyxy >= 0).all()
        assert (view.detections.xyxy <= [1920, 1080, 1920, 1080]).all()
        assert (view.detections.class_id == 0).all()
        np.testing.assert_array_equal(frame.image, before)
        np.testing.assert_array_equal(detector(frame).detections.xyxy, view.detections.xyxy)
    assert len(overlaps) == 6
    assert min(overlaps) > 0.85
    assert np.mean(overlaps) > 0.9
