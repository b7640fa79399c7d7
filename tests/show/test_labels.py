"""Where labels of boxes stand: beside their box, in the image, not on each other, and still."""

from itertools import combinations

import numpy as np

from idfree.show.labels import LabelPlaces, covered_area

IMAGE, LABEL = (300, 400), (10, 60)  # height, width


def place(boxes, places=None):
    labels = (places or LabelPlaces()).place(range(len(boxes)), boxes, [LABEL] * len(boxes), IMAGE)
    return labels, [(x, y, x + LABEL[1], y + LABEL[0]) for x, y in labels]


def test_alone_above_its_box_and_at_the_top_of_the_image_within_it():
    assert place([(50, 100, 90, 200)])[0] == [(50, 90)]
    assert place([(50, 5, 90, 200)])[0] == [(50, 5)]
    assert place([(380, 100, 420, 200)])[0] == [(340, 90)]  # moved into the image


def test_labels_of_a_group_do_not_cover_each_other():
    boxes = [(50 + 8 * n, 100 + 3 * n, 90 + 8 * n, 200 + 3 * n) for n in range(3)]
    _, rectangles = place(boxes)
    assert max(covered_area(one, [other]) for one, other in combinations(rectangles, 2)) <= 0.1 * LABEL[0] * LABEL[1]


def test_a_label_within_a_small_box_would_hide_it():
    (_, low), _ = place([(50, 100, 90, 120), (52, 100, 92, 120)])
    assert low == (32, 90) or low[1] >= 120


def test_without_any_free_place_it_has_the_one_that_is_covered_least():
    same = [(50, 100, 90, 200)] * 8
    labels, _ = place(same)
    assert len(labels) == 8
    assert all(0 <= x <= IMAGE[1] - LABEL[1] and 0 <= y <= IMAGE[0] - LABEL[0] for x, y in labels)


def test_labels_do_not_jump_to_and_fro_while_boxes_shake():
    places, moved, last = LabelPlaces(), 0, None
    shake = np.random.default_rng(0).integers(-2, 3, (50, 2))
    for dx, dy in shake.tolist():  # the upper label is covered by the limit of a new place, now more and now less
        boxes = [(50, 101, 90, 200), (50 + dx, 92 + dy, 90 + dx, 180 + dy)]
        (_, (x, y)), _ = place(boxes, places)
        offset = (x - boxes[1][0], y - boxes[1][1])
        moved += last is not None and offset != last
        last = offset
    assert moved <= 1


def test_a_label_leaves_its_place_where_the_box_comes_to_the_edge():
    places = LabelPlaces()
    assert place([(50, 100, 90, 200)], places)[0] == [(50, 90)]
    assert place([(50, 5, 90, 200)], places)[0] == [(50, 5)]
