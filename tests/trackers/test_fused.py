"""Fused: log odds of overlap and appearance, learnt while tracking; a longer memory with embeddings."""

import numpy as np
import pytest

from idfree.core.types import Detections, Frame, View
from idfree.trackers.certain_pairs import apart, is_certain, sample, second_best_cost
from idfree.trackers.fused import height_weighted_iou, logit, union
from idfree.trackers.registry import Fused, FusedSettings

RED, BLUE = np.eye(4)[:2]


def frame_of(*people, score=0.9):
    """Detections of one frame: (x, embedding) of each person, 60 px wide and 160 high; all embeddings may be None."""
    boxes = [[x, 100, x + 60, 260] for x, _ in people]
    embeddings = None if not people or people[0][1] is None else np.array([embedding for _, embedding in people])
    return Detections(np.array(boxes, dtype=float).reshape(-1, 4), np.full(len(people), score), embedding=embeddings)


def ids(tracker, frames):
    return [tracker.update(frame).id.tolist() for frame in frames]


def crowd(frames, embed, seed=0):
    """Frames of eight people that walk at random; embed: embeddings (8, D) of a frame, or None."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 500, (8, 2))
    for _ in range(frames):
        corner = corner + rng.normal(0, 6, corner.shape)
        yield Detections(np.concatenate([corner, corner + [60, 160]], axis=1), np.full(8, 0.9), embedding=embed(rng))


def test_embeddings_that_tell_nobody_apart_change_nothing():
    """Random embeddings, once their distances are learnt, give the tracks of no embeddings."""
    with_random = [t.id.tolist() for t in map(Fused().update, crowd(200, random_embedding))]
    without = [t.id.tolist() for t in map(Fused().update, crowd(200, no_embedding))]
    assert with_random == without


def random_embedding(rng):
    return rng.normal(size=(8, 32))


def no_embedding(rng):
    random_embedding(rng)  # so that the boxes are the same
    return None


def test_two_that_swap_places_while_hidden_keep_their_ids():
    """They are hidden for ten frames and return at each other's place, near enough for the motion gate."""
    before = [frame_of((100, RED), (140, BLUE))] * 20
    after = [frame_of((100, BLUE), (140, RED))] * 3
    assert ids(Fused(), [*before, *[frame_of()] * 10, *after])[-1] == [1, 2]
    tracks = Fused()
    last = [tracks.update(frame) for frame in [*before, *[frame_of()] * 10, *after]][-1]
    assert last.xyxy[last.id.tolist().index(1), 0] > 120  # red moved to the right


@pytest.mark.parametrize(("shift", "expected"), [(0, 1), (30, 2)])
def test_appearance_outweighs_a_half_overlap_but_not_a_perfect_one(shift, expected):
    """Another person near the first one's place, after the distances of one object were learnt."""
    frames = [frame_of((100, RED))] * 200 + [frame_of((100 + shift, BLUE))] * 3
    assert ids(Fused(), frames)[-1] == [expected]
    unknown = [Detections(frame.xyxy, frame.score) for frame in frames]
    assert ids(Fused(), unknown)[-1] == [1]


def test_one_odd_embedding_at_the_start_does_not_outweigh_overlap():
    """Before anything is learnt, evidence against a pair is weaker than a good overlap."""
    assert ids(Fused(), [frame_of((100, RED)), frame_of((100, BLUE))])[-1] == [1]


def test_memory_is_longer_with_embeddings():
    """Hidden for 3.3 seconds: re-identified with embeddings, removed without."""
    hidden = [frame_of()] * 100
    assert ids(Fused(), [*[frame_of((100, RED))] * 5, *hidden, *[frame_of((100, RED))] * 2])[-1] == [1]
    assert ids(Fused(), [*[frame_of((100, None))] * 5, *hidden, *[frame_of((100, None))] * 2])[-1] == [2]
    short = Fused(FusedSettings(memory=2.0))
    assert ids(short, [*[frame_of((100, RED))] * 5, *hidden, *[frame_of((100, RED))] * 2])[-1] == [2]


def test_unknown_embeddings_neither_match_nor_update():
    """A low score continues its track by overlap, whatever its embedding; the track's embedding stays."""
    tracker = Fused()
    frames = [frame_of((100, RED))] * 5 + [frame_of((100, BLUE), score=0.3)] * 5
    assert ids(tracker, frames)[-1] == [1]
    np.testing.assert_allclose(tracker.tracks.embedding[0], RED, atol=1e-6)
    assert ids(tracker, [frame_of((100, np.zeros(4)))])[-1] == [1]


def test_matches_are_counted_by_the_deciding_cue():
    tracker = Fused()
    ids(tracker, [*[frame_of((100, RED))] * 20, *[frame_of()] * 60, *[frame_of((320, RED))] * 2])
    assert tracker.match_counts == {"overlap": 20, "appearance": 1}


def test_reset_forgets_what_was_learnt():
    tracker = Fused()
    ids(tracker, [frame_of((100, RED), (300, BLUE))] * 20)
    assert tracker.likelihood.same.count > 0
    tracker.reset()
    assert tracker.likelihood.same.count == tracker.likelihood.within_frame.count == 0


def test_views_carry_the_match_threshold():
    """A calibrated encoder's threshold shapes the prior: at 0.05, a distance of 0.3 is evidence against."""
    tracker = Fused()
    tracker.update(View(frame_of((100, RED)), match_threshold=0.05))
    near, far = (tracker.likelihood.log_ratio(np.array([0.3]), threshold)[0] for threshold in (None, 0.05))
    assert near > 0 > far


def test_height_weighted_iou():
    """One box of half the other's height: IoU 0.5, extents' IoU 0.5."""
    a, b = np.array([[0.0, 0, 10, 20]]), np.array([[0.0, 0, 10, 10]])
    assert height_weighted_iou(a, b, 0.0) == pytest.approx(0.5)
    assert height_weighted_iou(a, b, 2.0) == pytest.approx(0.125)
    assert height_weighted_iou(a, a + 100, 2.0) == 0


def test_logit():
    np.testing.assert_allclose(logit(np.array([0.5, 0.9, 0.0])), [0, np.log(9), np.log(1e-6 / (1 - 1e-6))])


def test_union():
    """Pair (0, 1) is in both lists and keeps its log odds, (1, 0) is raised to the least, (2, 2) is gated alone."""
    i, j, log_odds = union(
        np.array([0, 1]), np.array([1, 0]), np.array([2.0, -9.0]), np.array([0, 2]), np.array([1, 2]), -3.0
    )
    assert list(zip(i.tolist(), j.tolist(), log_odds.tolist(), strict=True)) == [
        (0, 1, 2.0),
        (1, 0, -3.0),
        (2, 2, -3.0),
    ]


def test_is_certain():
    """Track 0 fits detection 0 alone; tracks 1 and 2 both fit detection 1; track 3 hardly fits detection 2."""
    i, j = np.array([0, 1, 2, 3]), np.array([0, 1, 1, 2])
    assert is_certain(i, j, np.array([1.0, 3.0, 2.0, -0.5])).tolist() == [True, False, False, False]
    assert is_certain(i, j, np.array([1.0, 4.5, 2.0, -0.5])).tolist() == [True, True, False, False]


def test_sample_and_apart():
    assert len(sample(np.arange(1000))) <= 64
    assert sample(np.arange(3)).tolist() == [0, 1, 2]
    boxes = np.array([[0.0, 0, 10, 10], [1.0, 0, 11, 10], [50.0, 0, 60, 10]])
    assert apart(boxes).tolist() == [[False, False, True], [False, False, True], [True, True, False]]


def test_second_best_cost():
    """Three tracks for detection 4, two of equal cost for detection 0, one for detection 2."""
    cost, j = np.array([0.3, 0.5, 0.1, 0.2, 0.5, 0.7]), np.array([4, 0, 4, 4, 0, 2])
    np.testing.assert_array_equal(second_best_cost(cost, j), [0.1, 0.5, 0.2, 0.1, 0.5, np.inf])
    assert second_best_cost(np.zeros(0), np.zeros(0, dtype=np.int64)).shape == (0,)


def test_at_low_frame_rates_a_track_seen_in_the_frame_before_is_not_absent(monkeypatch):
    """Every sixth frame of 30 a second, 0.2 s apart: more than ABSENT, but no frame is missed in between."""
    tracker, absent = Fused(frame_rate=30), []
    log_ratio = tracker.likelihood.log_ratio

    def spy(distance, threshold, is_absent):
        absent.extend(is_absent.tolist())
        return log_ratio(distance, threshold, is_absent)

    monkeypatch.setattr(tracker.likelihood, "log_ratio", spy)
    for number, people in ((1, True), (7, True), (13, True), (19, False), (25, True)):
        tracker.update(View(frame_of((100, RED)) if people else frame_of(), frame=Frame(number, None, number / 30)))
    assert absent == [False, False, True]
