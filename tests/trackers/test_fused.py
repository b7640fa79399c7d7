"""Fused: ByteTrack's passes without looks; with them, looks come first, and people are remembered."""

import numpy as np

from idfree.core.types import Detections, View
from idfree.trackers.fused import rivals, undisputed
from idfree.trackers.registry import ByteTrack, ByteTrackSettings, Fused, FusedSettings

RED, BLUE = np.eye(4)[:2]


def seen(*people, score=0.9):
    """One frame: (x, looks) of each person, 60 px wide and 160 high; looks None if nobody's are known."""
    boxes = [[x, 100, x + 60, 260] for x, _ in people]
    looks = None if not people or people[0][1] is None else np.array([look for _, look in people])
    return Detections(np.array(boxes, dtype=float).reshape(-1, 4), np.full(len(people), score), embedding=looks)


def ids(tracker, frames):
    return [tracker.update(frame).id.tolist() for frame in frames]


def test_without_looks_it_is_bytetrack():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 500, (8, 2))
    scene, same = [], ByteTrackSettings(high_score=0.5, new_score=0.5)
    for _ in range(60):
        corner = corner + rng.normal(0, 6, corner.shape)
        boxes, score = np.concatenate([corner, corner + [60, 160]], axis=1), rng.uniform(0.05, 1, 8)
        scene.append(Detections(boxes, score)[rng.random(8) < 0.8])
    for one, two in zip(*([t.update(frame) for frame in scene] for t in (Fused(), ByteTrack(same))), strict=True):
        np.testing.assert_array_equal(one.xyxy, two.xyxy)
        np.testing.assert_array_equal(one.id, two.id)


def test_two_who_swap_places_behind_each_other_keep_their_names():
    """They are gone for ten frames and come back where the other was, near enough for the gate."""
    before = [seen((100, RED), (140, BLUE))] * 5
    after = [seen((100, BLUE), (140, RED))] * 3
    assert ids(Fused(), [*before, *[seen()] * 10, *after])[-1] == [1, 2]
    tracks = Fused()
    last = [tracks.update(frame) for frame in [*before, *[seen()] * 10, *after]][-1]
    assert last.xyxy[last.id.tolist().index(1), 0] > 120  # red went to the right


def test_another_who_stands_in_ones_place_is_another():
    """Where one stood another stands at once: overlap says the same, looks do not."""
    frames = [seen((100, RED))] * 5 + [seen((100, BLUE))] * 3
    assert ids(Fused(), frames)[-1] == [2]
    assert ids(Fused(FusedSettings(veto=np.inf)), frames)[-1] == [1]


def test_looks_that_vary_as_much_for_one_person_forbid_nothing():
    """Of an encoder whose own people are often that far apart, overlap is believed."""
    frames = [seen((100, RED))] * 5 + [seen((100, BLUE))] * 3
    views = [View(frame, match_threshold=0.4, upper_threshold=1.1) for frame in frames]
    assert ids(Fused(), views)[-1] == [1]
    views = [View(frame, match_threshold=0.4, upper_threshold=0.9) for frame in frames]
    assert ids(Fused(), views)[-1] == [2]


def test_who_overlaps_with_nobody_else_needs_no_looks():
    """Two overlap a little; looks are mistaken, no more than one person's may be: nobody takes another's name."""
    frames = [seen((100, RED), (136, BLUE))] * 5 + [seen((101, BLUE), (137, RED))] * 3

    def last_at_left(tracker, farthest):
        views = [View(frame, match_threshold=0.4, upper_threshold=farthest) for frame in frames]
        tracks = [tracker.update(view) for view in views][-1]
        return tracks.id[tracks.xyxy[:, 0].argmin()]

    assert last_at_left(Fused(), 1.1) == 1
    assert last_at_left(Fused(FusedSettings(undisputed=0.0)), 1.1) == 2
    assert last_at_left(Fused(), 0.9) == 2  # who looks so different is another, wherever they stand


def test_undisputed():
    """Track 0 overlaps with detections 1 and 2, tracks 2 and 3 with 0 and 0, track 4 with 3, but not nearly enough."""
    i, j = np.array([0, 0, 1, 2, 3, 4]), np.array([1, 2, 4, 0, 0, 3])
    near = np.array([True, True, True, True, True, False])
    assert undisputed(i, j, near).tolist() == [False, False, True, False, False, False]
    assert undisputed(i[:0], j[:0], near[:0]).shape == (0,)


def test_who_is_known_by_looks_is_awaited():
    """Gone for 3.3 seconds: remembered with looks, forgotten without."""
    gone = [seen()] * 100
    assert ids(Fused(), [*[seen((100, RED))] * 5, *gone, *[seen((100, RED))] * 2])[-1] == [1]
    assert ids(Fused(), [*[seen((100, None))] * 5, *gone, *[seen((100, None))] * 2])[-1] == [2]
    short = Fused(FusedSettings(memory=60))
    assert ids(short, [*[seen((100, RED))] * 5, *gone, *[seen((100, RED))] * 2])[-1] == [2]


def test_who_resembles_two_is_nobody_known():
    """Two in nearly the same clothes are gone for two seconds; one comes back, exactly as the first or in between."""
    crimson = np.array([0.9, 0.0, 0.0, np.sqrt(1 - 0.9**2)])
    between = (RED + crimson) / np.linalg.norm(RED + crimson)
    before = [*[seen((100, RED), (180, crimson))] * 5, *[seen()] * 60]
    assert ids(Fused(), [*before, *[seen((140, RED))] * 2])[-1] == [1]
    assert ids(Fused(), [*before, *[seen((140, between))] * 2])[-1] == [3]
    assert ids(Fused(FusedSettings(distinct=np.inf)), [*before, *[seen((140, between))] * 2])[-1] != [3]
    soon = [*before[:5], *[seen()] * 20, *[seen((140, between))] * 2]  # no longer than ByteTrack waits
    assert ids(Fused(), soon)[-1] != [3]


def test_rivals():
    """Three tracks for detection 4, two alike for detection 0, one for detection 2."""
    cost, j = np.array([0.3, 0.5, 0.1, 0.2, 0.5, 0.7]), np.array([4, 0, 4, 4, 0, 2])
    np.testing.assert_array_equal(rivals(cost, j), [0.1, 0.5, 0.2, 0.1, 0.5, np.inf])
    assert rivals(np.zeros(0), np.zeros(0, dtype=np.int64)).shape == (0,)


def test_unknown_looks_veto_nothing_and_teach_nothing():
    """A low score goes on with its track by overlap, whatever is seen of it, and the track's looks stay."""
    tracker = Fused()
    frames = [seen((100, RED))] * 5 + [seen((100, BLUE), score=0.3)] * 5
    assert ids(tracker, frames)[-1] == [1]
    np.testing.assert_allclose(tracker.tracks.embedding[0], RED, atol=1e-6)
    assert ids(tracker, [seen((100, np.zeros(4)))])[-1] == [1]


def test_looks_confirm_who_has_moved_on():
    """More than half a width a frame to the right: too far to overlap enough, near enough for the gate."""
    steps = [seen((100, BLUE))] + [seen((100, BLUE), (400 + 36 * n, RED)) for n in range(4)]
    assert ids(Fused(), steps)[-1] == [1, 2]
    unknown = [Detections(frame.xyxy, frame.score) for frame in steps]
    assert ids(Fused(), unknown)[-1] == [1]
