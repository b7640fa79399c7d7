"""Which pairs of boxes are certain to be two objects, and which are neighbours."""

import numpy as np

from idfree.trackers.certain_pairs import apart, near

BOXES = np.array([[0.0, 0, 20, 60], [5, 0, 25, 60], [40, 0, 60, 60], [90, 0, 110, 60], [0, 61, 10, 79]])


def test_boxes_that_overlap_are_not_apart():
    mask = apart(BOXES)
    assert not mask.diagonal().any()
    assert not mask[0, 1]
    assert mask[0, 2:].all()
    assert (mask == mask.T).all()


def test_neighbours_are_within_the_height_of_the_larger_box():
    """Centres x 10, 15, 50, 100, 5; y 30, 30, 30, 30, 70: the larger height is 60 for all pairs."""
    mask = near(BOXES)
    assert (mask == mask.T).all()
    assert mask[0].tolist() == [True, True, True, False, True]
    assert mask[3].tolist() == [False, False, True, True, False]
