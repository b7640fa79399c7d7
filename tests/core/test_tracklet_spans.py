"""Coexistence of tracklets, by hand and against the matrix of all pairs, which grows with their square."""

import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from idfree.core.tracklet_spans import TrackletSpans

NUMBERS = st.integers(-1, 12)


def make_spans(rows):
    """From rows (video, first frame, last frame)."""
    return TrackletSpans(*np.array(rows, dtype=np.int64).reshape(-1, 3).T)


def mask_of_all_pairs(spans):
    """(T, T): who coexists with whom, by the definition."""
    rows = list(zip(spans.video.tolist(), spans.first.tolist(), spans.last.tolist(), strict=True))
    mask = np.zeros((len(rows), len(rows)), dtype=bool)
    for i, (video, first, last) in enumerate(rows):
        for j, (other_video, other_first, other_last) in enumerate(rows):
            overlaps = bool(set(range(first, last + 1)) & set(range(other_first, other_last + 1)))
            mask[i, j] = i != j and video == other_video and overlaps and first >= 0 and other_first >= 0
    return mask


@given(st.lists(st.tuples(st.integers(-2, 2), NUMBERS, st.integers(0, 6)), max_size=9), st.integers(0, 2**9 - 1))
@settings(max_examples=300, derandomize=True)
def test_as_the_matrix_of_all_pairs(rows, bits):
    spans = make_spans([(video, first, first + length if first >= 0 else -1) for video, first, length in rows])
    mask = mask_of_all_pairs(spans)
    i, j = np.divmod(np.arange(len(spans) ** 2), max(1, len(spans)))
    np.testing.assert_array_equal(spans.coexist(i, j), mask.ravel())
    for tracklet in range(len(spans)):
        assert spans.partners(tracklet).tolist() == np.flatnonzero(mask[tracklet]).tolist()
    np.testing.assert_array_equal(spans.have_partner(), mask.any(axis=1))
    among = np.array([bits >> k & 1 == 1 for k in range(len(spans))], dtype=bool)
    np.testing.assert_array_equal(spans.have_partner(among), (mask & among).any(axis=1) & among)


def test_memory_does_not_grow_with_the_square_of_tracklets():
    """The mask of 20,000 tracklets would take 400 MB."""
    count = 20_000
    first = np.arange(count) % 500
    spans = TrackletSpans(np.arange(count) // 100, first, first + 20)
    tracemalloc.start()
    assert spans.have_partner().all()
    assert spans.partners(150).tolist() == [k for k in range(130, 171) if k != 150]
    assert spans.coexist(np.arange(count - 1), np.arange(1, count)).mean() > 0.9
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
