"""Fused: ByteTrack without embeddings; with them, appearance passes, veto and long re-identification."""

import numpy as np

from idfree.core.types import Detections, View
from idfree.trackers.fused import second_best_cost, unambiguous
from idfree.trackers.registry import ByteTrack, ByteTrackSettings, Fused, FusedSettings

RED, BLUE = np.eye(4)[:2]


def frame_of(*people, score=0.9):
    """Detections of one frame: (x, embedding) of each person, 60 px wide and 160 high; all embeddings may be None."""
    boxes = [[x, 100, x + 60, 260] for x, _ in people]
    embeddings = None if not people or people[0][1] is None else np.array([embedding for _, embedding in people])
    return Detections(np.array(boxes, dtype=float).reshape(-1, 4), np.full(len(people), score), embedding=embeddings)


def ids(tracker, frames):
    return [tracker.update(frame).id.tolist() for frame in frames]


def test_equals_bytetrack_without_embeddings():
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


def test_two_that_swap_places_while_hidden_keep_their_ids():
    """They are hidden for ten frames and return at each other's place, near enough for the motion gate."""
    before = [frame_of((100, RED), (140, BLUE))] * 5
    after = [frame_of((100, BLUE), (140, RED))] * 3
    assert ids(Fused(), [*before, *[frame_of()] * 10, *after])[-1] == [1, 2]
    tracks = Fused()
    last = [tracks.update(frame) for frame in [*before, *[frame_of()] * 10, *after]][-1]
    assert last.xyxy[last.id.tolist().index(1), 0] > 120  # red moved to the right


def test_appearance_vetoes_a_perfect_overlap():
    """Another person replaces the first at the same place."""
    frames = [frame_of((100, RED))] * 5 + [frame_of((100, BLUE))] * 3
    assert ids(Fused(), frames)[-1] == [2]
    assert ids(Fused(FusedSettings(veto=np.inf)), frames)[-1] == [1]


def test_no_veto_below_the_encoder_s_upper_threshold():
    """If same-person pairs of the encoder are often that far apart, overlap decides."""
    frames = [frame_of((100, RED))] * 5 + [frame_of((100, BLUE))] * 3
    views = [View(frame, match_threshold=0.4, upper_threshold=1.1) for frame in frames]
    assert ids(Fused(), views)[-1] == [1]
    views = [View(frame, match_threshold=0.4, upper_threshold=0.9) for frame in frames]
    assert ids(Fused(), views)[-1] == [2]


def test_unambiguous_pairs_match_without_appearance():
    """Two overlap a little, with swapped embeddings, within the upper threshold: the ids do not swap."""
    frames = [frame_of((100, RED), (136, BLUE))] * 5 + [frame_of((101, BLUE), (137, RED))] * 3

    def last_at_left(tracker, upper_threshold):
        views = [View(frame, match_threshold=0.4, upper_threshold=upper_threshold) for frame in frames]
        tracks = [tracker.update(view) for view in views][-1]
        return tracks.id[tracks.xyxy[:, 0].argmin()]

    assert last_at_left(Fused(), 1.1) == 1
    assert last_at_left(Fused(FusedSettings(undisputed=0.0)), 1.1) == 2
    assert last_at_left(Fused(), 0.9) == 2  # beyond the upper threshold: vetoed


def test_unambiguous():
    """Track 0 is near detections 1 and 2, tracks 2 and 3 are near 0; track 4 overlaps with 3, but is not near it."""
    i, j = np.array([0, 0, 1, 2, 3, 4]), np.array([1, 2, 4, 0, 0, 3])
    near = np.array([True, True, True, True, True, False])
    assert unambiguous(i, j, near).tolist() == [False, False, True, False, False, False]
    assert unambiguous(i[:0], j[:0], near[:0]).shape == (0,)


def test_memory_is_longer_with_embeddings():
    """Hidden for 3.3 seconds: re-identified with embeddings, removed without."""
    hidden = [frame_of()] * 100
    assert ids(Fused(), [*[frame_of((100, RED))] * 5, *hidden, *[frame_of((100, RED))] * 2])[-1] == [1]
    assert ids(Fused(), [*[frame_of((100, None))] * 5, *hidden, *[frame_of((100, None))] * 2])[-1] == [2]
    short = Fused(FusedSettings(memory=2.0))
    assert ids(short, [*[frame_of((100, RED))] * 5, *hidden, *[frame_of((100, RED))] * 2])[-1] == [2]


def test_ambiguous_re_identification_is_rejected():
    """Two of similar appearance are hidden for two seconds; one returns, exactly like the first or in between."""
    crimson = np.array([0.9, 0.0, 0.0, np.sqrt(1 - 0.9**2)])
    between = (RED + crimson) / np.linalg.norm(RED + crimson)
    before = [*[frame_of((100, RED), (180, crimson))] * 5, *[frame_of()] * 60]
    assert ids(Fused(), [*before, *[frame_of((140, RED))] * 2])[-1] == [1]
    assert ids(Fused(), [*before, *[frame_of((140, between))] * 2])[-1] == [3]
    assert ids(Fused(FusedSettings(distinct=np.inf)), [*before, *[frame_of((140, between))] * 2])[-1] != [3]
    soon = [*before[:5], *[frame_of()] * 20, *[frame_of((140, between))] * 2]  # within ByteTrack's patience
    assert ids(Fused(), soon)[-1] != [3]


def test_second_best_cost():
    """Three tracks for detection 4, two of equal cost for detection 0, one for detection 2."""
    cost, j = np.array([0.3, 0.5, 0.1, 0.2, 0.5, 0.7]), np.array([4, 0, 4, 4, 0, 2])
    np.testing.assert_array_equal(second_best_cost(cost, j), [0.1, 0.5, 0.2, 0.1, 0.5, np.inf])
    assert second_best_cost(np.zeros(0), np.zeros(0, dtype=np.int64)).shape == (0,)


def test_unknown_embeddings_cause_no_veto_and_no_update():
    """A low score continues its track by overlap, whatever its embedding; the track's embedding stays."""
    tracker = Fused()
    frames = [frame_of((100, RED))] * 5 + [frame_of((100, BLUE), score=0.3)] * 5
    assert ids(tracker, frames)[-1] == [1]
    np.testing.assert_allclose(tracker.tracks.embedding[0], RED, atol=1e-6)
    assert ids(tracker, [frame_of((100, np.zeros(4)))])[-1] == [1]


def test_appearance_confirms_tracks():
    """More than half a width per frame to the right: too far for overlap, near enough for the motion gate."""
    steps = [frame_of((100, BLUE))] + [frame_of((100, BLUE), (400 + 36 * n, RED)) for n in range(4)]
    assert ids(Fused(), steps)[-1] == [1, 2]
    unknown = [Detections(frame.xyxy, frame.score) for frame in steps]
    assert ids(Fused(), unknown)[-1] == [1]
