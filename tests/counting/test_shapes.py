"""Lines and zones as users give them."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.counting.shapes import read_lines, read_zones


@pytest.mark.parametrize(
    "given", ["door=1,2,3,4", ["door=1, 2 3;4"], {"door": (1, 2, 3, 4)}, {"door": [[1, 2], [3, 4]]}]
)
def test_lines(given):
    (line,) = read_lines(given)
    assert (line.name, line.corners.tolist()) == ("door", [[1, 2], [3, 4]])


def test_names_of_those_without():
    assert [line.name for line in read_lines([1, 2, 3, 4])] == ["line"]
    assert [line.name for line in read_lines(["1,2,3,4", "b=1,2,3,4", (1, 2, 3, 4)])] == ["line 1", "b", "line 3"]
    assert [zone.name for zone in read_zones(np.array([[0, 0], [1, 0], [1, 1]]))] == ["zone"]
    assert read_lines(()) == ()


@pytest.mark.parametrize(
    ("read", "given", "message"),
    [
        (read_lines, "1,2,3", "line '1,2,3': expected x1,y1,x2,y2"),
        (read_lines, "1,2,1,2", "two different points"),
        (read_lines, "1,2,3,4,5,6", "two different points"),
        (read_lines, "a,2,3,4", "expected x1,y1,x2,y2"),
        (read_lines, "1,2,3,inf", "expected x1,y1,x2,y2"),
        (read_zones, "1,2,3,4", "three corners or more"),
        (read_zones, "0,0,1,0,2,0", "three corners or more"),
        (read_zones, "0,0,1,1,2,2", "not all on one line"),
        (read_zones, "1e308,0,-1e308,4,5,1e308", "expected x1,y1,x2,y2,x3,y3"),
        (read_lines, "1e308,0,-1e308,4", "expected x1,y1,x2,y2"),
        (read_lines, "1e-320,0,2e-320,0", "two different points"),
        (read_zones, [None], "expected x1,y1,x2,y2,x3,y3"),
        (read_lines, ["a=1,2,3,4", "a=1,2,3,4"], "two lines are called 'a'"),
    ],
)
def test_mistakes(read, given, message):
    with pytest.raises(UserError, match=message):
        read(given)


def test_distance_from_a_zone():
    (zone,) = read_zones("0,0,10,0,10,10,0,10")
    points = np.array([[5, 5], [5, 1], [5, -2], [13, 14], [-1, 5]])
    assert zone.signed_distance(points) == pytest.approx([5, 1, -2, -5, -1])


def test_a_zone_that_is_not_convex():
    (zone,) = read_zones("0,0,10,0,10,10,5,5,0,10")  # a notch from below
    assert (zone.signed_distance(np.array([[5, 4], [5, 8], [1, 8]])) > 0).tolist() == [True, False, True]
