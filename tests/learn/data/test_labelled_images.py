"""Footages numbered through: pictures, boxes, identities, categories."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.learn.data.labelled_images import LabelledImages


def test_all_pictures_and_rows_are_numbered_through(footages):
    scenes = LabelledImages.of(footages)
    assert scenes.footage.tolist() == [0, 0, 0, 1, 1]
    assert scenes.frame.tolist() == [1, 2, 3, 1, 2]
    assert [scenes[picture].row.tolist() for picture in range(5)] == [[0, 1], [], [3, 4], [5], [6]]
    assert (scenes[4].xyxy == [[34, 12, 54, 52]]).all()
    assert (scenes[4].image == footages[1].image(2)).all()


def test_pictures_of_which_nothing_is_known_are_left_out(footages):
    one = footages[0]
    last = one.boxes.frame == 3
    xyxy, score = one.boxes.xyxy.copy(), one.boxes.score.copy()
    xyxy[last], score[last] = [(0, 0, 100, 60), (0, 0, 100, 58)], 0
    hidden = replace(one, boxes=replace(one.boxes, xyxy=xyxy, score=score))
    assert LabelledImages.of([hidden, footages[1]]).frame.tolist() == [1, 2, 1, 2]
    assert LabelledImages.of([replace(hidden, size_hw=None)]).frame.tolist() == [1, 2, 3]
    score[np.flatnonzero(last)[0]] = 1  # somebody who is everywhere
    assert LabelledImages.of([hidden]).frame.tolist() == [1, 2, 3]


def test_one_id_in_two_footages_is_two_identities(footages):
    scenes = LabelledImages.of(footages)
    assert scenes.identity.tolist() == [0, 1, -1, 1, -1, 2, 2]  # the region has none, nor has −1
    assert scenes.identities == 3


def test_mark_zero_is_a_region_and_no_object(footages):
    scene = LabelledImages.of(footages)[0]
    assert (scene.unknown == [[40, 5, 55, 15]]).all()
    assert 2 not in scene.row


def test_classes_chosen_are_the_categories_and_others_are_no_objects(footages):
    assert LabelledImages.of(footages).category.tolist() == [0, 0, -1, 0, 0, 0, 0]
    scenes = LabelledImages.of(footages, classes=(2, 1))
    assert scenes.category.tolist() == [1, 1, -1, 1, 0, 1, 1]
    assert scenes.categories == 2
    only = LabelledImages.of(footages, classes=(2,))
    assert only[2].row.tolist() == [4]
    assert only[2].unknown.shape == (0, 4)  # the other class is simply not looked for
    assert only.identities == 0


def test_a_box_cut_by_the_border_keeps_its_extent(footages):
    boxes = replace(footages[0].boxes, xyxy=footages[0].boxes.xyxy - [20, 0, 20, 0])
    scene = LabelledImages.of([replace(footages[0], boxes=boxes)])[0]
    assert scene.xyxy[0].tolist() == [-10, 10, 10, 50]
    assert scene.visible[0].tolist() == [0, 10, 10, 50]


def test_nothing_to_learn_from_is_said(footages):
    with pytest.raises(UserError, match="no pictures to train on: nothing given"):
        LabelledImages.of([])
    with pytest.raises(UserError, match="no boxes to train on in 3 pictures: one"):
        LabelledImages.of([replace(footages[0], boxes=Annotation.empty())])
    with pytest.raises(UserError, match="no boxes of class 3 or 4 to train on in 5 pictures: one, two"):
        LabelledImages.of(footages, classes=(3, 4))


def test_the_fingerprint_tells_labels_apart(footages):
    moved = replace(footages[0], boxes=replace(footages[0].boxes, xyxy=footages[0].boxes.xyxy + 1))
    marks = {
        LabelledImages.of(some, classes).fingerprint()
        for some in (footages, [moved, footages[1]])
        for classes in ((), (1,))
    }
    assert len(marks) == 4
    assert LabelledImages.of(footages).fingerprint() == LabelledImages.of(footages).fingerprint()
    assert LabelledImages.of(footages).fingerprint().startswith("5 pictures of 2 footages, 7 boxes, ")
