from types import SimpleNamespace

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Detections, Frame, Sequence, Tracks, View


def test_detections_from_lists_with_defaults():
    detections = Detections([[0, 0, 10, 20], [5, 5, 9, 9]])
    assert detections.xyxy.dtype == np.float64
    assert detections.score.tolist() == [1, 1]
    assert detections.class_id.tolist() == [0, 0]
    assert detections.embedding is None
    assert Detections([]).xyxy.shape == (0, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 2, 3]],), r"xyxy has shape \(1, 3\), expected \(N, 4\)"),
        (([[1, 2, 3, 4]], [1, 1]), r"score has shape \(2,\), expected \(1,\)"),
        (([[1, 2, 3, 4]], [1], [1, 2]), "class_id has shape"),
        (([[1, 2, 3, 4]], None, None, [1, 2]), r"embedding has shape \(2,\), expected \(1, D\)"),
    ],
)
def test_detections_of_inconsistent_shapes_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Detections(*arguments)


def test_selecting_rows_by_index_and_mask():
    detections = Detections([[0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3]], [0.1, 0.2, 0.3], [1, 2, 3], np.eye(3))
    part = detections[[2, 0]]
    assert part.score.tolist() == [0.3, 0.1]
    assert part.embedding.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert detections.select(detections.score > 0.15).class_id.tolist() == [2, 3]
    assert detections.select(detections.score > 0) is detections


def test_valid_mask():
    detections = Detections(
        [[0, 0, 5, 5], [9, 0, 9, 5], [np.nan, 0, 5, 5], [0, 0, 5, 5], [30, 0, 40, 5]], [1, 1, 1, np.inf, 1]
    )
    assert detections.valid_mask().tolist() == [True, False, False, False, True]
    assert detections.valid_mask((20, 20)).tolist() == [True, False, False, False, False]


def test_embeddings_that_are_not_finite_become_zeros():
    embedding = np.full((3, 2048), 40, np.float16)  # their sums exceed the range of float16
    detections = Detections(np.tile([0, 0, 5, 5], (3, 1)), embedding=embedding)
    assert detections.with_finite_embeddings() is detections
    embedding[1, 7], embedding[2, 3] = np.nan, np.inf
    assert detections.valid_mask().all()
    finite = detections.with_finite_embeddings().embedding
    assert finite.dtype == np.float16
    assert finite.any(axis=1).tolist() == [True, False, False]


def test_views_without_embedder_or_refiner():
    view = View(Detections([]))
    with pytest.raises(UserError, match="no appearance"):
        view.embed(np.zeros((1, 4)))
    with pytest.raises(UserError, match="cannot be regressed"):
        view.refine(np.zeros((1, 4)))


def test_rows_of_an_annotation_by_frame():
    boxes = np.arange(12.0).reshape(3, 4)
    annotation = Annotation(
        np.array([1, 3, 3]), np.array([7, 8, 9]), boxes, np.ones(3), np.ones(3, dtype=int), np.ones(3)
    )
    assert annotation.detections_at(3).xyxy.tolist() == boxes[1:].tolist()
    assert annotation.tracks_at(3).id.tolist() == [8, 9]
    assert len(annotation.detections_at(2)) == 0
    assert len(annotation[annotation.id > 7]) == 2
    assert len(Annotation.empty().detections_at(1)) == 0


def test_sequence_without_images():
    def read():
        raise AssertionError("read")
        yield Frame(1)

    frames = list(Sequence("a", read, length=3, frame_rate=2).without_images())
    assert [(f.number, f.image, f.time) for f in frames] == [(1, None, 0), (2, None, 0.5), (3, None, 1)]
    with pytest.raises(UserError, match="number of frames is unknown"):
        Sequence("camera", read).without_images()


def test_to_supervision():
    supervision = pytest.importorskip("supervision", reason="Roboflow's package is not installed")
    tracks = Tracks(np.array([[1.0, 2, 3, 4]]), np.array([7]), np.array([0.5]), np.array([2]))
    converted = tracks.to_supervision()
    assert isinstance(converted, supervision.Detections)
    assert converted.tracker_id.tolist() == [7]
    assert Detections.from_supervision(converted).score.tolist() == [0.5]


def test_from_supervision():
    source = SimpleNamespace(xyxy=np.array([[1, 2, 3, 4]]), confidence=None, class_id=np.array([5]))
    detections = Detections.from_supervision(source)
    assert (detections.score.tolist(), detections.class_id.tolist()) == ([1], [5])
