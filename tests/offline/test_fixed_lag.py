"""Fixed lag: as a whole video if the lag is as long; what was given out stays; ids stay; memory is bounded."""

from dataclasses import replace

import numpy as np
import pytest

from idfree.core.types import Annotation, Detections, Tracks
from idfree.offline.fixed_lag import HISTORY, FixedLag
from idfree.offline.kept_embeddings import MAX_SAMPLES, KeptEmbeddings
from idfree.offline.track_rows import by_track
from idfree.offline.whole_video import Video, refine_tracks

VIDEO = Video(30.0, (1200, 1920))


def tracks_of(boxes: dict[int, float]) -> Tracks:
    """Tracks of one frame: by id, the place along a line; each id walks on a line of its own unless given as 1.5."""
    ids = np.array([*boxes], dtype=np.int64)
    left = np.array([*boxes.values()], dtype=np.float64)
    top = np.where(ids >= 10, 100.0 * (ids - 8), 50.0)
    xyxy = np.stack([left, top, left + 40, top + 90], axis=1)
    return Tracks(xyxy, ids, np.ones(len(ids)), np.ones(len(ids), dtype=np.int64))


def crowd(frame: int) -> dict[int, float]:
    """People who are seen all the time."""
    return {10 + n: 100.0 * n + 3 * frame for n in range(6)}


def walk(pieces: dict[int, range], frames: int) -> dict[int, Tracks]:
    """Frames with the crowd, and one person whose track is in pieces: by id, frames."""
    return {
        f: tracks_of(crowd(f) | {i: 3.0 * f for i, among in pieces.items() if f in among}) for f in range(1, frames + 1)
    }


def run(lag: float, frames: dict[int, Tracks], video: Video = VIDEO) -> dict[int, Tracks]:
    """All frames that come out, each once and in order."""
    late, out = FixedLag(lag, video), []
    for number, tracks in frames.items():
        out += late.add(number, tracks)
    out += late.finish()
    assert [number for number, _ in out] == [*frames]
    return dict(out)


def annotation(frames: dict[int, Tracks]) -> Annotation:
    """All frames as one table."""
    columns = {n: np.concatenate([getattr(t, n) for t in frames.values()]) for n in ("id", "xyxy", "score", "class_id")}
    frame = np.repeat([*frames], [len(t) for t in frames.values()])
    return Annotation(frame=frame, visibility=np.ones(len(frame)), **columns)


PIECES = {1: range(1, 60), 2: range(70, 130), 3: range(140, 181)}


def test_a_lag_as_long_as_the_video_is_the_whole_video():
    frames = walk(PIECES, 180)
    late, whole = annotation(run(100.0, frames)), refine_tracks(annotation(frames), VIDEO)
    for name in ("frame", "id", "xyxy", "score"):
        np.testing.assert_array_equal(getattr(late, name), getattr(whole, name))


@pytest.mark.parametrize("lag", [1.0, 2.0])
def test_pieces_keep_the_id_that_was_given_out(lag):
    out = run(lag, walk(PIECES, 180))
    assert all(tracks.id.tolist() == [1, *range(10, 16)] for tracks in out.values())
    filled = [number for number, tracks in out.items() if (tracks.score == 0).any()]
    assert filled == [*range(60, 70), *range(130, 140)]


def test_what_comes_after_the_lag_changes_nothing():
    frames = walk(PIECES, 180)
    short = {number: tracks for number, tracks in frames.items() if number <= 100}
    whole, part = run(1.0, frames), run(1.0, short)
    for number in range(1, 70):
        np.testing.assert_array_equal(whole[number].xyxy, part[number].xyxy)
        np.testing.assert_array_equal(whole[number].id, part[number].id)


def test_frames_wait_no_longer_than_the_lag():
    late, given = FixedLag(1.0, VIDEO), 0
    for number, tracks in walk(PIECES, 180).items():
        for given, _ in late.add(number, tracks):
            assert number - given >= 0.75 * 30 - 1
        assert number - (given + 1) <= 30  # the frame that waits longest


def test_a_track_found_again_whose_id_another_has_taken_goes_on_with_a_spare_one():
    frames = walk({1: range(1, 60), 2: range(65, 200)}, 400)
    for number in range(150, 401):  # the tracker finds 1 elsewhere, while 2 goes on as 1
        frames[number] = tracks_of(crowd(number) | ({2: 3.0 * number} if number < 200 else {}) | {1: 900.0})
    out = run(1.0, frames)
    assert all(len(set(tracks.id.tolist())) == len(tracks) for tracks in out.values())
    assert {1, 2} <= set(out[199].id.tolist())
    assert out[300].id.tolist() == [2, *range(10, 16)]


def test_irregular_frames_of_a_camera_are_timed_by_their_times():
    late, out = FixedLag(1.0, VIDEO), []
    numbers = [*range(1, 400, 3)]  # two of three frames are dropped
    for number in numbers:
        out += late.add(number, tracks_of(crowd(number)), time=number / 15)  # the camera is slower than was assumed
    assert late.describe_video().frame_rate == pytest.approx(15)
    out += late.finish()
    assert [number for number, _ in out] == numbers


def test_the_camera_is_followed():
    shift = np.cumsum(np.random.default_rng(0).normal(0, 15, 400))
    late, out = FixedLag(1.0, Video(30.0)), []
    for number in range(1, 401):
        left = {} if 200 < number < 207 else {1: 500 + shift[number - 1]}
        camera = np.array([[1.0, 0, shift[number - 1] - shift[number - 2] if number > 1 else 0], [0, 1, 0]])
        out += late.add(number, tracks_of(left), camera=camera)
    out += late.finish()
    np.testing.assert_allclose([tracks.xyxy[0, 0] for _, tracks in out], 500 + shift, atol=0.5)


def test_memory_is_bounded():
    late = FixedLag(1.0, VIDEO)
    for number in range(1, 1501):
        boxes = crowd(number) | {100 + number // 40: 3.0 * (number % 40)}
        embedding = Detections(np.tile([0.0, 0, 9, 9], (7, 1)), embedding=np.ones((7, 4)))
        tracks = replace(tracks_of(boxes), detection=np.arange(7))
        late.add(number, tracks, detections=embedding)
    assert len(late.frames) <= 30 * (1.25 + HISTORY) + 1
    assert len(late.kept.samples) <= 20
    assert sum(map(len, late.kept.samples.values())) <= 20 * 2 * MAX_SAMPLES


def test_empty_frames():
    out = run(0.5, {number: tracks_of({}) for number in range(1, 100)})
    assert not any(len(tracks) for tracks in out.values())
    assert FixedLag(1.0, VIDEO).finish() == []


def test_kept_embeddings_follow_their_track():
    kept = KeptEmbeddings()
    for number in range(1, 9):
        kept.add_sample(1 + (number > 4), number, np.full(3, number, dtype=np.float32))
    kept.rename(2, 1)
    kept.drop_before(3)
    rows = by_track(annotation({number: tracks_of({1: 0.0}) for number in range(1, 9)}))
    found = kept.of_rows(rows)
    assert found is not None
    assert found[1][:, 0].tolist() == [3, 4, 5, 6, 7, 8]
    kept.drop_before(9)
    assert kept.samples == kept.counts == kept.strides == {}
