"""Detections looked up by frame number."""

import re

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Frame
from idfree.detectors import PrecomputedDetector
from idfree.detectors.precomputed import ALL


def boxes(embedding=None):
    return Annotation(
        frame=np.array([1, 1, 4]),
        id=np.full(3, -1),
        xyxy=np.array([[0, 0, 5, 5], [1, 1, 6, 6], [2, 2, 7, 7.0]]),
        score=np.array([0.9, 0.8, 0.7]),
        class_id=np.array([0, 2, 0]),
        visibility=np.ones(3),
        embedding=embedding,
    )


def test_each_frame_has_its_rows_and_other_frames_none():
    detector = PrecomputedDetector(boxes(), size_hw=(10, 20))
    view = detector(Frame(1))
    np.testing.assert_array_equal(view.detections.xyxy, [[0, 0, 5, 5], [1, 1, 6, 6]])
    assert view.detections.class_id.tolist() == [0, 2]
    assert view.size_hw == (10, 20)
    assert view.frame == Frame(1)
    assert [len(detector(Frame(n)).detections) for n in (0, 2, 3, 4, 5)] == [0, 0, 0, 1, 0]


def test_larger_images_than_the_first():
    """Boxes in them were dropped."""
    detector = PrecomputedDetector(boxes(), size_hw=(10, 20))
    assert detector(Frame(1, np.zeros((30, 40, 3), np.uint8))).size_hw == (30, 40)


def test_views_have_the_embeddings():
    detector = PrecomputedDetector(boxes(np.eye(3, dtype=np.float32)))
    np.testing.assert_array_equal(detector(Frame(4)).detections.embedding, [[0, 0, 1]])
    assert detector(Frame(2)).detections.embedding.shape == (0, 3)


def test_name_and_capabilities():
    assert (PrecomputedDetector(boxes()).name, PrecomputedDetector(boxes(), name="det").name) == ("given", "det")
    assert not PrecomputedDetector(boxes()).needs_images
    assert not PrecomputedDetector(boxes()).has_embeddings
    assert PrecomputedDetector(boxes(np.eye(3))).has_embeddings


def test_thresholds_and_score_range_can_be_given():
    detector = PrecomputedDetector(boxes(), match_threshold=0.3, frames=range(1, 99, 3), score_range=(-1.0, 2.0))
    assert detector(Frame(4)).match_threshold == 0.3
    assert detector.score_range == (-1.0, 2.0)


@pytest.mark.parametrize(
    ("frames", "known", "unknown", "message"),
    [
        (range(1, ALL.stop, 3), (1, 4, 100), (2, 3), "only frames 1, 4, 7 … were processed: add --every 3, or"),
        (range(5, ALL.stop), (5, 6), (4,), "only frames 5, 6, 7 … were processed: add --start 5, or"),
        (range(5, 20, 2), (5, 19), (6, 3, 21), "5, 7, 9 … 19 were processed: add --start 5 --every 2 --frames 8, or"),
        (range(1, 3), (1, 2), (3,), "only frames 1, 2 were processed: add --frames 2, or"),
    ],
)
def test_frames_without_detection_are_refused(frames, known, unknown, message):
    detector = PrecomputedDetector(boxes(), frames=frames)
    assert all(detector(Frame(number)) for number in known)
    for number in unknown:
        with pytest.raises(UserError, match=re.escape(message)) as caught:
            detector(Frame(number))
        assert str(caught.value).startswith(f"frame {number} has no detections: ")
