"""CropSet: coexisting tracklets by hand, saving and loading, validation."""

import numpy as np
import pytest

from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.tracklet_spans import TrackletSpans

# tracklet: frames (video): 0: 1…5 (0)   1: 5…9 (0)   2: 6…7 (0)   3: 1…9 (1)
ROWS = [(0, 5, 0), (0, 1, 0), (1, 5, 0), (2, 6, 0), (2, 7, 0), (1, 9, 0), (3, 1, 1), (3, 9, 1)]


def crop_set(rows=ROWS, **changes):
    tracklet, frame, video = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    random = np.random.default_rng(0)
    columns = {
        "crops": random.integers(0, 256, (len(rows), 8, 4, 3), dtype=np.uint8),
        "tracklet": tracklet,
        "frame": frame,
        "video": video,
        "xyxy": random.random((len(rows), 4)),
    }
    return CropSet(**{**columns, **changes})


def coexistence(spans):
    """(T, T) whether two tracklets coexist."""
    i, j = np.indices((len(spans), len(spans)))
    return spans.coexist(i.ravel(), j.ravel()).reshape(len(spans), len(spans))


def test_spans_and_coexistence():
    crops = crop_set()
    spans = crops.spans()
    assert spans.first.tolist() == [1, 5, 6, 1]
    assert spans.last.tolist() == [5, 9, 7, 9]
    assert crops.tracklet_video().tolist() == [0, 0, 0, 1]
    assert crops.tracklet_count == 4
    expected = np.zeros((4, 4), dtype=bool)
    expected[[0, 1, 1, 2], [1, 0, 2, 1]] = True  # common frames: 5 of tracklets 0 and 1; 6 and 7 of 1 and 2
    np.testing.assert_array_equal(coexistence(spans), expected)
    assert spans.have_partner().tolist() == [True, True, True, False]
    assert spans.partners(1).tolist() == [0, 2]


def test_partners_agree_with_all_pairs():
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 40):
        video, first = random.integers(0, 3, count), random.integers(-1, 30, count)
        spans = TrackletSpans(video, first, np.where(first < 0, -1, first + random.integers(0, 9, count)))
        pairs = coexistence(spans)
        assert spans.have_partner().tolist() == pairs.any(axis=1).tolist()
        assert all(spans.partners(k).tolist() == np.flatnonzero(pairs[k]).tolist() for k in range(count))
        among = random.random(count) < 0.5
        assert spans.have_partner(among).tolist() == (pairs & among & among[:, None]).any(axis=1).tolist()


def test_tracklets_without_time_do_not_coexist():
    crops = crop_set([(0, -1, 0), (0, -1, 2), (1, -1, 0), (2, -1, 0)], identities=True)
    assert not coexistence(crops.spans()).any()
    assert not coexistence(TrackletSpans(np.array([0, 0]), np.array([-1, -1]), np.array([-1, -1]))).any()


def test_empty_set():
    crops = crop_set([])
    assert len(crops) == crops.tracklet_count == 0
    assert coexistence(crops.spans()).shape == (0, 0)


def test_save_and_load(tmp_path):
    for crops in (crop_set(), crop_set([]), crop_set(identities=True)):
        path = tmp_path / "folder" / "crops.npz"
        crops.save(path)
        loaded = CropSet.load(path)
        for name in ("crops", "tracklet", "frame", "video", "xyxy"):
            expected = getattr(crops, name)
            np.testing.assert_array_equal(getattr(loaded, name), expected)
            assert getattr(loaded, name).dtype == expected.dtype
        assert loaded.identities is crops.identities
        assert [p.name for p in path.parent.iterdir()] == ["crops.npz"]


def test_file_name_without_suffix(tmp_path):
    crop_set().save(tmp_path / "crops")
    assert len(CropSet.load(tmp_path / "crops")) == len(ROWS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame": np.zeros(3, dtype=np.int64)}, r"frame has the shape \(3,\), expected \(8,\)"),
        ({"xyxy": np.zeros((8, 5))}, r"xyxy has the shape \(8, 5\), expected \(8, 4\)"),
        ({"crops": np.zeros((8, 4, 3), dtype=np.uint8)}, r"crops have the shape .* expected \(K, H, W, 3\)"),
        ({"tracklet": np.array([0, 0, 1, 3, 3, 1, 4, 4])}, "numbered from 0 without a gap"),
        ({"video": np.array([0, 1, 0, 0, 0, 0, 1, 1])}, "a tracklet lies in two videos"),
    ],
)
def test_invalid_columns_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        crop_set(**changes)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"none\.npz: cannot be read: No such file"):
        CropSet.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", boxes=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("text.npz", "other.npz", "array.npy", "."):
        with pytest.raises(UserError, match=r"is no set of crops written by idfree|Is a directory"):
            CropSet.load(tmp_path / name)
    good = {name: getattr(crop_set(), name) for name in ("crops", "tracklet", "frame", "video")}
    np.savez(tmp_path / "short.npz", xyxy=np.zeros((2, 4)), identities=np.array(False), **good)
    with pytest.raises(UserError, match=r"short\.npz: CropSet: xyxy has the shape"):
        CropSet.load(tmp_path / "short.npz")
