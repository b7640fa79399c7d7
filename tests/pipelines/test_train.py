"""What is learnt from: identities that motion alone finds."""

from dataclasses import replace

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.pipelines.train import LINKED, by_motion


@pytest.fixture
def walk() -> Footage:
    """Three people who walk side by side; of the third nobody knows what is in the box."""
    frame, person = np.repeat(np.arange(1, 21), 3), np.tile(np.arange(3), 20)
    left = 20.0 + 150 * person + 3 * frame
    xyxy = np.stack([left, np.full(60, 50.0), left + 40, np.full(60, 150.0)], axis=1)
    boxes = Annotation(frame, person + 5, xyxy, (person < 2).astype(float), np.zeros(60, np.int64), np.ones(60))
    return Footage("walk", boxes, 20, lambda number: np.zeros((200, 600, 3), np.uint8), moving=True)


def test_motion_tells_who_is_who_without_reading_a_name(walk):
    nameless = replace(walk, boxes=replace(walk.boxes, id=np.full(60, -1)))
    for footage in (walk, nameless):
        found = by_motion(footage, LINKED).boxes
        np.testing.assert_array_equal(found.id.reshape(20, 3), np.tile([1, 2, -1], (20, 1)))
        np.testing.assert_array_equal(found.xyxy, walk.boxes.xyxy)


def test_who_is_gone_comes_back_as_another(walk):
    away = walk.boxes[(walk.boxes.id != 5) | (abs(walk.boxes.frame - 10.5) > 2)]
    found = by_motion(replace(walk, boxes=away), LINKED).boxes
    assert len(np.unique(found.id[away.id == 5])) == 2
    assert len(np.unique(found.id[away.id == 6])) == 1


def test_a_region_in_the_place_of_a_box_does_not_take_its_name(walk):
    twice = walk.boxes[np.repeat(np.arange(60), 2)]
    twice = replace(twice, score=np.where(np.arange(120) % 2, 0.0, twice.score))
    found = by_motion(replace(walk, boxes=twice), LINKED).boxes.id.reshape(20, 3, 2)
    np.testing.assert_array_equal(found[..., 0], np.tile([1, 2, -1], (20, 1)))
    assert (found[..., 1] == -1).all()


def test_still_images_show_nobody_twice(walk):
    assert (by_motion(replace(walk, moving=False), LINKED).boxes.id == -1).all()
