"""The people model in the package: its file, what it finds, its parts, what is said of other classes."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Frame
from idfree.detectors import open_detector
from idfree.detectors.people import FILE
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.synthetic.scene import make_street

MAX_BYTES = 12e6
MIN_SCORE, MIN_IOU = 0.5, 0.5
FOUND = 10  # of 20 people of the street, some of whom hide each other; 12 to 15 are found


@pytest.fixture(scope="module")
def people():
    return open_detector("people", threads=1)


@pytest.fixture(scope="module")
def street():
    """A frame of a synthetic street, and the boxes of its people."""
    made = make_street(3, people=20, frames=1, size_hw=(576, 768))
    return next(iter(made.sequence)), made.truth.xyxy


def iou(a, b):
    """(N, M) intersection over union of boxes (N, 4) and (M, 4)."""
    low, high = np.maximum(a[:, None, :2], b[:, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    area = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    return common / (area[0][:, None] + area[1] - common)


def test_the_file_is_small_and_says_what_it_is(people):
    assert FILE.stat().st_size <= MAX_BYTES
    assert people.names == {0: "person"}
    metadata = people.model.metadata
    assert metadata["licence"] == "Apache-2.0"
    assert "person-detection-retail-0013" in metadata["source"]
    for name in ("people.txt", "people.LICENSE.txt"):
        assert "Apache License" in FILE.with_name(name).read_text(encoding="utf-8")


def test_it_finds_people(people, street):
    frame, truth = street
    view = people(frame)
    found = view.detections[view.detections.score >= MIN_SCORE]
    assert np.count_nonzero(iou(truth, found.xyxy).max(axis=1) >= MIN_IOU) >= FOUND
    assert set(found.class_id.tolist()) == {0}


def test_nobody_is_found_in_an_empty_image(people):
    detections = people(Frame(1, np.full((90, 160, 3), 114, np.uint8))).detections
    assert len(detections) == 0


@pytest.mark.parametrize(("image_hw", "size_hw"), [((576, 768), (480, 640)), ((1080, 1920), (416, 736))])
def test_its_input_has_the_shape_of_the_images(people, image_hw, size_hw):
    people(Frame(1, np.zeros((*image_hw, 3), np.uint8)))
    assert people.size_hw == size_hw
    fixed = open_detector("people", assignments=["size=544x320"], threads=1)
    fixed(Frame(1, np.zeros((*image_hw, 3), np.uint8)))
    assert fixed.size_hw == (320, 544)


def test_parts_of_a_better_box_score_less(people, street):
    """Half of the person, whose box lies in that of the whole, is no second person for trackers."""
    frame, _ = street
    plain = open_detector("people", assignments=["part_score=1"], threads=1)(frame).detections
    found = people(frame).detections
    assert len(found) <= len(plain)
    assert found.score.sum() < plain.score.sum()
    assert (np.diff(found.score) <= 0).all()


def test_openvino_gives_the_same_boxes_for_the_original(people, street, shared):
    openvino = pytest.importorskip("openvino")
    cv2 = pytest.importorskip("cv2")
    model = openvino.Core().read_model(shared / "data/models/omz/person-detection-retail-0013-FP16.xml")
    image = cv2.resize(street[0].image, (544, 320)).transpose(2, 0, 1)[None].astype(np.float32)
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rows = compiled(image)[0][0, 0]
    rows = rows[rows[:, 2] >= MIN_SCORE]
    x, y, width, height, score = people.model.session.run(None, {"images": image[:, ::-1] / 255})[0][0]
    candidates = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    assert len(rows)
    for row in rows:
        apart = np.abs(candidates - row[3:] * np.tile((544, 320), 2)).max(axis=1)
        nearest = (apart + np.abs(score - row[2])).argmin()
        assert apart[nearest] < 1e-2
        assert score[nearest] == pytest.approx(row[2], abs=1e-4)


def test_other_classes_are_told_where_to_go():
    assert open_detector("people", classes="person", threads=1).class_ids.tolist() == [0]
    for classes in ("car", "person,car", "2"):
        with pytest.raises(
            UserError, match=r"--classes (car|2): people, the default detector, knows people \(class 0\)"
        ):
            open_detector("people", classes=classes)


def test_the_name_is_no_path():
    config = DetectorConfig("people")
    assert (config.file, config.inputs(), config.is_network, config.class_numbers()) == (FILE, [], True, ())
