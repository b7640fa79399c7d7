"""Held-out tracklets: any four are enough for both parts, as far as any split can serve both."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from idfree.core.tracklet_spans import TrackletSpans
from idfree.pipelines.labelling.held_out import MIN_PART, choose_held_out

ROW = st.tuples(st.integers(0, 1), st.integers(-1, 9), st.integers(0, 4))  # video, first frame, further frames


def make_spans(rows):
    columns = np.array(rows, dtype=np.int64).T
    return TrackletSpans(columns[0], columns[1], np.where(columns[1] < 0, -1, columns[1] + columns[2]))


def links(spans):
    """(T, T): coexisting pairs, and cannot-link pairs, which are also those of different videos."""
    i, j = np.indices((len(spans), len(spans)))
    coexisting = spans.coexist(i, j)
    return coexisting, coexisting | (spans.video[i] != spans.video[j])


def serves(spans, held_out):
    """Whether losses have negatives in training, and metrics in the rest."""
    coexisting, cannot_link = links(spans)
    is_held_out = np.isin(np.arange(len(spans)), held_out)
    return (
        cannot_link[~is_held_out][:, ~is_held_out].any(),
        coexisting[is_held_out][:, is_held_out].any(),
    )


def best_of_all_splits(spans):
    """The same of the best split: training comes first."""
    sizes = range(MIN_PART, len(spans) - MIN_PART + 1)
    return max(serves(spans, some) for size in sizes for some in combinations(range(len(spans)), size))


@given(st.lists(ROW, min_size=4, max_size=7), st.integers(0, 5))
@settings(max_examples=400, derandomize=True)
def test_any_four_tracklets_are_enough(rows, seed):
    spans = make_spans(rows)
    held_out = choose_held_out(spans, seed, 0.15)
    assert len(set(held_out)) == len(held_out)
    assert MIN_PART <= len(held_out) <= len(spans) - MIN_PART
    assert serves(spans, held_out) == best_of_all_splits(spans)


@given(st.integers(0, 10_000), st.integers(8, 200), st.integers(1, 4))
@settings(max_examples=60, derandomize=True)
def test_about_a_fraction_of_many(seed, count, videos):
    random = np.random.default_rng(seed)
    first = random.integers(0, 100, count)
    spans = TrackletSpans(np.sort(random.integers(0, videos, count)), first, first + random.integers(5, 60, count))
    held_out = choose_held_out(spans, seed, 0.15)
    assert held_out == choose_held_out(spans, seed, 0.15)
    assert max(MIN_PART, round(0.15 * count)) <= len(held_out) <= max(MIN_PART, round(0.15 * count)) + 1
    assert serves(spans, held_out)[0]


def test_one_who_is_there_all_the_time_stays_in_training():
    """All others pass one by one: their only cannot-link pairs are with the first."""
    spans = make_spans([(0, 0, 1000), *((0, 10 * k, 5) for k in range(99))])
    for seed in range(20):
        held_out = choose_held_out(spans, seed, 0.15)
        assert 0 not in held_out
        assert len(held_out) == 15


def test_the_only_pair_is_trained_on():
    spans = make_spans([(0, 0, 5), (0, 3, 5), *((0, 20 + 10 * k, 5) for k in range(30))])
    for seed in range(20):
        assert not {0, 1} & set(choose_held_out(spans, seed, 0.15))
