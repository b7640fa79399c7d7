"""The HOG people detector."""

import itertools

import numpy as np
import pytest

from idfree.core.boxes import iou, xywh_to_xyxy
from idfree.core.errors import UserError
from idfree.core.types import Frame
from idfree.detectors.hog import HogDetector, HogDetectorSettings, person_probability, trim_windows


def test_boxes_are_windows_without_their_margin():
    windows = np.array([[10.0, 20.0, 74.0, 148.0]])
    settings = HogDetectorSettings(trim_x=0.25, trim_y=0.125)
    np.testing.assert_allclose(trim_windows(windows, settings), [[26, 36, 58, 132]])
    assert trim_windows(np.zeros((0, 4)), settings).shape == (0, 4)


def test_the_probability_grows_with_the_weight_and_is_one_half_at_even():
    weight = np.linspace(-3, 6, 50)
    values = person_probability(weight, HogDetectorSettings())
    assert (np.diff(values) > 0).all()
    assert values.min() > 0
    assert values.max() < 1
    assert person_probability(np.array([HogDetectorSettings().even]), HogDetectorSettings())[0] == pytest.approx(0.5)


@pytest.mark.parametrize("size_hw", [(90, 160), (40, 640), (400, 40), (1, 1)])
def test_an_image_without_people_gives_an_empty_view(size_hw):
    view = HogDetector(HogDetectorSettings(width=320))(Frame(1, np.full((*size_hw, 3), 90, np.uint8)))
    assert len(view.detections) == 0
    assert view.size_hw == size_hw


def test_a_frame_without_its_image_is_refused():
    assert (HogDetector.name, HogDetector.needs_images, HogDetector.has_embeddings) == ("hog", True, False)
    with pytest.raises(UserError, match="frame 4 comes without its image"):
        HogDetector()(Frame(4))


def test_most_people_of_pets09_are_detected(shared):
    av = pytest.importorskip("av")
    table = np.loadtxt(shared / "data/MOT15/train/PETS09-S2L1/gt/gt.txt", delimiter=",")
    with av.open(str(shared / "data/videos/PETS09-S2L1.mp4")) as container:
        images = [f.to_ndarray(format="bgr24") for f in itertools.islice(container.decode(video=0), 61)]
    hog, hits, total = HogDetector(), [], 0
    for number in (1, 31, 61):
        before = images[number - 1].copy()
        detections = hog(Frame(number, images[number - 1])).detections
        truth = xywh_to_xyxy(table[table[:, 0] == number, 2:6] - [1, 1, 0, 0])
        hits += (iou(truth, detections.xyxy).max(axis=1) > 0.5).tolist()
        total += len(detections)
        assert (np.diff(detections.score) <= 0).all()
        assert (detections.xyxy >= 0).all()
        assert (detections.xyxy <= [768, 576, 768, 576]).all()
        np.testing.assert_array_equal(images[number - 1], before)
    assert np.mean(hits) >= 0.7
    assert sum(hits) >= 0.7 * total
