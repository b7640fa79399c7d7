"""Crossings and visits of single tracks, worked by hand. Boxes are 10 px wide and 40 px high; 5 % of it are 2 px."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Tracks
from idfree.counting.counter import Counter, CounterSettings
from idfree.counting.shapes import read_lines, read_zones
from idfree.counting.tables import Visits, occupancy

LEVEL = "0,100,200,100"  # y = 100; 1: down
SQUARE = "100,100,200,100,200,200,100,200"


def walk(counter, points, id=1, frames=None, kind=0):
    """Count one track whose anchor is at these points, one a frame; None: it is not seen."""
    for frame, point in zip(frames or range(1, len(points) + 1), points, strict=True):
        counter.add(frame, box(point, id, kind))
    return counter.finish()


def box(point, id=1, kind=0):
    """One track, the middle of whose lower edge is this point, or none."""
    if point is None:
        return Tracks(np.zeros((0, 4)), *(np.zeros(0, dtype=np.int64) for _ in range(3)))
    x, y = point
    xyxy = np.array([[x - 5, y - 40, x + 5, y]], dtype=np.float64)
    return Tracks(xyxy, np.array([id]), np.ones(1), np.array([kind]))


def crossed(ys, line=LEVEL, x=50, **options):
    """(sign, frame) of each crossing of a line by a track at these heights."""
    counter = Counter(read_lines(line), **options)
    found, _ = walk(counter, [None if y is None else (x, y) for y in ys])
    return list(zip(found.sign.tolist(), found.frame.tolist(), strict=True))


def test_down_and_up():
    assert crossed([80, 90, 99, 101, 110]) == [(1, 4)]
    assert crossed([110, 101, 99, 90]) == [(-1, 3)]


def test_there_and_back_counts_each_way():
    assert crossed([90, 110, 90, 110]) == [(1, 2), (-1, 3), (1, 4)]


def test_jitter_at_the_line_counts_once():
    """Within 2 px of the line no side is confirmed; the crossing is at the last change of sides."""
    assert crossed([90, 99, 101, 98.5, 101.5, 99, 101, 110]) == [(1, 7)]


def test_standing_on_the_line_and_going_back_is_no_crossing():
    assert crossed([90, 99, 101, 99, 102, 90]) == []


def test_a_track_that_begins_on_the_line_has_no_side_yet():
    assert crossed([101, 99, 90, 80]) == []
    assert crossed([101, 99, 90, 110]) == [(1, 4)]


def test_without_hysteresis_each_change_counts():
    assert len(crossed([90, 99, 101, 98.5, 101.5, 110], settings=CounterSettings(hysteresis=0))) == 3


def test_gaps_are_bridged_up_to_their_length():
    """gap: 2 s, that is 4 frames here."""
    assert crossed([90, None, None, None, 110], frame_rate=2) == [(1, 5)]
    assert crossed([90, None, None, None, None, 110], frame_rate=2) == []


def test_only_between_the_ends():
    assert crossed([90, 110], x=250) == []
    counter = Counter(read_lines(LEVEL))
    found, _ = walk(counter, [(150, 90), (250, 90), (250, 110), (150, 110), (150, 90)])  # round the end, back across
    assert found.sign.tolist() == [-1]


def test_the_place_is_interpolated():
    """From (190, 90) to (230, 110) the way leads past the end at x = 200; from (170, 90) it crosses at 200 exactly."""
    for start, count in ((190, 0), (170, 1)):
        found, _ = walk(Counter(read_lines(LEVEL)), [(start, 90), (230, 110)])
        assert len(found) == count


@pytest.mark.parametrize(
    ("line", "words", "normal"),
    [
        ("0,0,10,0", ("down", "up"), (0, 1)),
        ("10,0,0,0", ("down", "up"), (0, 1)),
        ("0,0,0,10", ("right", "left"), (1, 0)),
        ("0,10,0,0", ("right", "left"), (1, 0)),
        ("0,0,10,10", ("right", "left"), (0.5**0.5, -(0.5**0.5))),
    ],
)
def test_directions_are_those_of_the_picture(line, words, normal):
    (given,) = read_lines(line)
    assert given.directions == words
    assert given.normal == pytest.approx(normal)


def test_several_lines_and_tracks():
    counter = Counter(read_lines(["a=0,100,200,100", "b=0,200,200,200"]))
    for frame, (y1, y2) in enumerate([(90, 210), (150, 150), (250, 50)], start=1):
        both = [box((50, y1), 3, 0), box((60, y2), 1, 7)]
        counter.add(frame, Tracks(*(np.concatenate([getattr(t, n) for t in both]) for n in list(vars(both[0])))))
    found, _ = counter.finish()
    rows = zip(*(getattr(found, name).tolist() for name in ("id", "line", "sign", "frame", "class_id")), strict=True)
    assert sorted(rows) == [(1, 0, -1, 3, 7), (1, 1, -1, 2, 7), (3, 0, 1, 2, 0), (3, 1, 1, 3, 0)]
    assert counter.totals.tolist() == [[1, 1], [1, 1]]


def visited(xs, **options):
    """(first, last) of each visit of a square by a track at these x, y = 150."""
    _, visits = walk(Counter((), read_zones(SQUARE), **options), [None if x is None else (x, 150) for x in xs])
    return list(zip(visits.first.tolist(), visits.last.tolist(), strict=True))


def test_a_visit():
    assert visited([50, 90, 110, 150, 190, 210, 250]) == [(3, 5)]


def test_a_track_that_begins_or_ends_inside():
    assert visited([150, 160, 250]) == [(1, 2)]
    assert visited([50, 150, 160]) == [(2, 3)]
    assert visited([101, 99]) == [(1, 2)]  # never clearly outside


def test_jitter_at_the_edge_is_one_visit():
    assert visited([90, 101, 99, 101, 150, 199, 201, 199, 201, 210]) == [(4, 8)]


def test_a_visit_outlasts_a_short_gap():
    assert visited([150, None, None, None, 150, 50], frame_rate=2) == [(1, 5)]
    assert visited([150, None, None, None, None, 150, 50], frame_rate=2) == [(1, 1), (6, 6)]


def test_present():
    counter = Counter((), read_zones(SQUARE))
    counter.add(1, box((150, 150)))
    assert counter.present().tolist() == [1]
    counter.add(2, box(None))
    assert counter.present().tolist() == [0]


def test_occupancy():
    zone, first, last = np.array([0, 0, 1]), np.array([1, 3, 2]), np.array([3, 4, 2])
    visits = Visits(zone, zone, zone, first, last)
    assert occupancy(visits, 2, np.arange(1, 6)).T.tolist() == [[1, 1, 2, 1, 0], [0, 1, 0, 0, 0]]


def test_the_anchor():
    assert crossed([110, 130], anchor="centre") == [(1, 2)]  # 40 px high: the centre is 20 px above
    with pytest.raises(UserError, match="--anchor head: expected bottom or centre"):
        Counter((), anchor="head")


def test_nothing():
    counter = Counter((), ())
    counter.add(1, box((1, 1)))
    crossings, visits = counter.finish()
    assert (len(crossings), len(visits)) == (0, 0)
