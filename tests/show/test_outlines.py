"""Labels of counting lines and zones."""

from idfree.show.outlines import separated_tops


def test_labels_that_would_overlap_stand_one_below_the_other():
    same, beside, between = (0.0, 50.0, 10.0), (60.0, 90.0, 10.0), (40.0, 70.0, 15.0)
    assert separated_tops([same, same, beside, between], 20) == [10, 30, 10, 50]
    assert separated_tops([(0.0, 50.0, 0.0), (0.0, 50.0, 20.0)], 20) == [0, 20]
    assert separated_tops([], 20) == []
