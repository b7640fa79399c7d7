"""Training data: identities from motion-only tracking."""

from dataclasses import replace

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.pipelines.training.training_data import LINK_SETTINGS, link_by_motion


@pytest.fixture
def walk() -> Footage:
    """Three people who walk side by side; the boxes of the third are ignore regions."""
    frame, person = np.repeat(np.arange(1, 21), 3), np.tile(np.arange(3), 20)
    left = 20.0 + 150 * person + 3 * frame
    xyxy = np.stack([left, np.full(60, 50.0), left + 40, np.full(60, 150.0)], axis=1)
    boxes = Annotation(frame, person + 5, xyxy, (person < 2).astype(float), np.zeros(60, np.int64), np.ones(60))
    return Footage("walk", boxes, 20, lambda number: np.zeros((200, 600, 3), np.uint8), is_sequence=True)


def test_identities_are_linked_by_motion_and_annotated_ones_are_not_used(walk):
    without_ids = replace(walk, boxes=replace(walk.boxes, id=np.full(60, -1)))
    for footage in (walk, without_ids):
        linked = link_by_motion(footage, LINK_SETTINGS).boxes
        np.testing.assert_array_equal(linked.id.reshape(20, 3), np.tile([1, 2, -1], (20, 1)))
        np.testing.assert_array_equal(linked.xyxy, walk.boxes.xyxy)


def test_a_person_who_was_absent_gets_a_new_identity(walk):
    absent = walk.boxes[(walk.boxes.id != 5) | (abs(walk.boxes.frame - 10.5) > 2)]
    linked = link_by_motion(replace(walk, boxes=absent), LINK_SETTINGS).boxes
    assert len(np.unique(linked.id[absent.id == 5])) == 2
    assert len(np.unique(linked.id[absent.id == 6])) == 1


def test_an_ignore_region_on_a_box_does_not_get_its_identity(walk):
    twice = walk.boxes[np.repeat(np.arange(60), 2)]
    twice = replace(twice, score=np.where(np.arange(120) % 2, 0.0, twice.score))
    linked = link_by_motion(replace(walk, boxes=twice), LINK_SETTINGS).boxes.id.reshape(20, 3, 2)
    np.testing.assert_array_equal(linked[..., 0], np.tile([1, 2, -1], (20, 1)))
    assert (linked[..., 1] == -1).all()


def test_still_images_have_no_identities(walk):
    assert (link_by_motion(replace(walk, is_sequence=False), LINK_SETTINGS).boxes.id == -1).all()
