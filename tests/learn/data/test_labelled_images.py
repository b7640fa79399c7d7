"""Concatenated footages: images, boxes, identities, categories."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.learn.data.labelled_images import LabelledImages


def test_images_and_rows_are_concatenated(footages):
    dataset = LabelledImages.from_footages(footages)
    assert dataset.footage.tolist() == [0, 0, 0, 1, 1]
    assert dataset.frame.tolist() == [1, 2, 3, 1, 2]
    assert [dataset[number].row.tolist() for number in range(5)] == [[0, 1], [], [3, 4], [5], [6]]
    assert (dataset[4].xyxy == [[34, 12, 54, 52]]).all()
    assert (dataset[4].image == footages[1].image(2)).all()


def test_images_covered_by_an_ignore_region_are_left_out(footages):
    one = footages[0]
    last = one.boxes.frame == 3
    xyxy, score = one.boxes.xyxy.copy(), one.boxes.score.copy()
    xyxy[last], score[last] = [(0, 0, 100, 60), (0, 0, 100, 58)], 0
    hidden = replace(one, boxes=replace(one.boxes, xyxy=xyxy, score=score))
    assert LabelledImages.from_footages([hidden, footages[1]]).frame.tolist() == [1, 2, 1, 2]
    assert LabelledImages.from_footages([replace(hidden, size_hw=None)]).frame.tolist() == [1, 2, 3]
    score[np.flatnonzero(last)[0]] = 1  # an object that fills the image
    assert LabelledImages.from_footages([hidden]).frame.tolist() == [1, 2, 3]


def test_one_id_in_two_footages_is_two_identities(footages):
    dataset = LabelledImages.from_footages(footages)
    assert dataset.identity.tolist() == [0, 1, -1, 1, -1, 2, 2]  # none for ignore regions and id −1
    assert dataset.identity_count == 3


def test_score_zero_is_an_ignore_region(footages):
    sample = LabelledImages.from_footages(footages)[0]
    assert (sample.ignore == [[40, 5, 55, 15]]).all()
    assert 2 not in sample.row


def test_selected_classes_are_the_categories(footages):
    assert LabelledImages.from_footages(footages).category.tolist() == [0, 0, -1, 0, 0, 0, 0]
    dataset = LabelledImages.from_footages(footages, classes=(2, 1))
    assert dataset.category.tolist() == [1, 1, -1, 1, 0, 1, 1]
    assert dataset.category_count == 2
    only = LabelledImages.from_footages(footages, classes=(2,))
    assert only[2].row.tolist() == [4]
    assert only[2].ignore.shape == (0, 4)  # other classes are not ignore regions
    assert only.identity_count == 0


def test_a_box_cut_by_the_border_keeps_its_extent(footages):
    boxes = replace(footages[0].boxes, xyxy=footages[0].boxes.xyxy - [20, 0, 20, 0])
    sample = LabelledImages.from_footages([replace(footages[0], boxes=boxes)])[0]
    assert sample.xyxy[0].tolist() == [-10, 10, 10, 50]
    assert sample.visible[0].tolist() == [0, 10, 10, 50]


def test_footage_without_objects_is_refused(footages):
    with pytest.raises(UserError, match="no images to train on: nothing given"):
        LabelledImages.from_footages([])
    with pytest.raises(UserError, match="no boxes to train on in 3 images: one"):
        LabelledImages.from_footages([replace(footages[0], boxes=Annotation.empty())])
    with pytest.raises(UserError, match="no boxes of class 3 or 4 to train on in 5 images: one, two"):
        LabelledImages.from_footages(footages, classes=(3, 4))


def test_fingerprints_differ_between_labels(footages):
    moved = replace(footages[0], boxes=replace(footages[0].boxes, xyxy=footages[0].boxes.xyxy + 1))
    fingerprints = {
        LabelledImages.from_footages(some, classes).fingerprint()
        for some in (footages, [moved, footages[1]])
        for classes in ((), (1,))
    }
    assert len(fingerprints) == 4
    assert LabelledImages.from_footages(footages).fingerprint() == LabelledImages.from_footages(footages).fingerprint()
    assert LabelledImages.from_footages(footages).fingerprint().startswith("5 pictures of 2 footages, 7 boxes, ")
