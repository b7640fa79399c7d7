"""What users give as detections: arrays, tensors, and objects of other packages."""

from types import SimpleNamespace

import numpy as np
import pytest

from idfree.core.arrays import to_array
from idfree.core.errors import UserError
from idfree.core.types import Detections, View

BOX = np.array([[10.0, 20, 30, 60]])


class Tensor:
    """Stands for a tensor of another package that must be detached and copied to the CPU first."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return Tensor(self.values)

    def cpu(self):
        return SimpleNamespace(numpy=lambda: np.asarray(self.values))

    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert a tensor of another device to numpy")


@pytest.mark.parametrize(
    ("given", "score", "class_id"),
    [
        (BOX, 1, 0),
        (BOX.tolist(), 1, 0),
        (BOX[0], 1, 0),
        (np.c_[BOX, 0.5].astype(np.float32), 0.5, 0),
        (np.c_[BOX, 0.5, 3], 0.5, 3),
        (Tensor(np.c_[BOX, 0.5, 3]), 0.5, 3),
        (SimpleNamespace(xyxy=BOX, confidence=[0.5], class_id=None, tracker_id=None), 0.5, 0),
        (SimpleNamespace(boxes=SimpleNamespace(xyxy=Tensor(BOX), conf=Tensor([0.5]), cls=Tensor([3.0]))), 0.5, 3),
        ({"boxes": BOX, "scores": [0.5], "labels": [3]}, 0.5, 3),
    ],
)
def test_detections_of_other_packages(given, score, class_id):
    detections = View(given).detections
    assert detections.xyxy.tolist() == BOX.tolist()
    assert (detections.score.tolist(), detections.class_id.tolist()) == ([score], [class_id])


@pytest.mark.parametrize("given", [None, [], (), np.zeros(0), np.zeros((0, 4)), np.zeros((0, 6))])
def test_no_detections(given):
    assert len(Detections.convert(given)) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("boxes", "the text 'boxes' instead of detections: expected idfree.Detections, an array"),
        (5, r"an array of shape \(\) instead of detections"),
        (np.zeros((48, 64, 3)), r"an array of shape \(48, 64, 3\) \(an image\?\) instead of detections"),
        (np.zeros((2, 3)), r"an array of shape \(2, 3\) instead of detections: expected \(N, 4 to 6\)"),
        (np.zeros((2, 135)), r"embeddings go into idfree.Detections"),
        ({"rows": 1}, "a dict instead of detections"),
        (object(), "an object instead of detections"),
        ([[1, 2, 3, 4], [1]], "a list instead of detections"),
        (np.array([[1, 2, 3, 4, 0.5, 1.5]]), "class_id is 1.5, expected whole numbers"),
        ({"boxes": BOX, "scores": [0.5, 0.5]}, r"score has shape \(2,\), expected \(1,\)"),
    ],
)
def test_other_inputs_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        Detections.convert(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"xyxy": None}, "xyxy is a NoneType, expected numbers"),
        ({"xyxy": BOX, "score": "x"}, "score is the text 'x', expected numbers"),
        ({"xyxy": BOX, "class_id": ["person"]}, "class_id is a list, expected numbers"),
        ({"xyxy": BOX, "class_id": [np.nan]}, "class_id is nan, expected whole numbers"),
        ({"xyxy": BOX, "embedding": np.array([[None]])}, "embedding is an array of object, expected numbers"),
    ],
)
def test_columns_that_are_no_numbers(given, message):
    with pytest.raises(UserError, match=message):
        Detections(**given)


def test_arrays_of_the_right_type_are_not_copied():
    array = np.zeros(3)
    assert to_array("score", array, np.float64) is array
    assert to_array("embedding", array.astype(np.float16)).dtype == np.float16


def test_the_shape_of_camera_motion():
    with pytest.raises(UserError, match=r"camera has shape \(3, 3\), expected an affine map \(2, 3\)"):
        View(None, camera=np.eye(3))
