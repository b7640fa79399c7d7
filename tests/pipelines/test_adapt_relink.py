"""The acceptance test of `idfree adapt`: cut tracklets, and which encoder wins."""

import numpy as np
import pytest

from idfree.appearance.encoder import Encoder
from idfree.core.cropset import CropSet
from idfree.pipelines.adaptation.relink import (
    FEW_JUDGED,
    SEEDS,
    Cut,
    Relinked,
    compare,
    cut_tracklets,
    describe,
    draw_gap,
    embedding_distances,
    position_distances,
    relink,
    relink_with,
)

FRAMES = 50


def street(people: int) -> CropSet:
    """A tracklet of FRAMES frames for each person; their crops are grey, and the grey tells the person."""
    tracklet = np.arange(people).repeat(FRAMES)
    crops = np.zeros((len(tracklet), 16, 8, 3), dtype=np.uint8) + (tracklet * 20 + 5)[:, None, None, None]
    frame = np.tile(np.arange(1, FRAMES + 1), people)
    box = np.array([0.0, 0.0, 40.0, 80.0]) + tracklet[:, None] * np.array([100.0, 0.0, 100.0, 0.0])
    return CropSet(crops.astype(np.uint8), tracklet, frame, np.zeros_like(tracklet), box)


class Blind(Encoder):
    """Everybody appearance the same."""

    name, dimension, size_hw, batch, match_threshold = "blind", 2, (16, 8), 8, 0.1

    def encode(self, crops):
        return np.tile(np.float32([1, 0]), (len(crops), 1))


class Sharp(Blind):
    """The grey is an angle."""

    match_threshold = 1e-3

    def encode(self, crops):
        angle = crops[:, 0, 0, 0] / 255 * np.pi
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_halves_lie_on_both_sides_of_the_gap_and_the_gallery_holds_nothing_of_later():
    crops = street(3)
    cuts = cut_tracklets(crops, np.array([True, False, False]), [10.0])
    assert len(cuts) == SEEDS
    for cut in cuts:
        own, begin = cut.gallery[cut.own], crops.frame[cut.later].min()
        assert set(crops.tracklet[own]) == set(crops.tracklet[cut.later]) == {0}
        assert 5 <= begin - crops.frame[own].max() <= 41  # 0.5 to 4 s, and up to a frame
        assert len(cut.gallery) == 3
        assert all(crops.frame[rows].max() < begin for rows in cut.gallery)


def test_short_and_timeless_tracklets_are_not_cut():
    random = np.random.default_rng(0)
    assert draw_gap(np.arange(7), 10.0, random) is None  # from frame 1 to 5: 0.4 s
    assert draw_gap(np.full(50, -1), 10.0, random) is None
    assert draw_gap(np.arange(10), 10.0, random) is not None


def test_of_equal_distances_none_is_nearest_and_the_threshold_decides_what_is_right():
    cut = Cut(0, np.array([0]), [np.array([1]), np.array([2])], own=0)
    distances = [np.array([0.2, 0.4]), np.array([0.2, 0.2]), np.array([0.05, 0.4])]
    relinked = relink(distances, [cut] * 3, threshold=0.1)
    assert relinked.is_nearest.tolist() == [True, False, True]
    assert relinked.is_right.tolist() == [False, False, True]
    assert relinked.score.tolist() == [0.5, 0.0, 1.0]


def test_distances_are_means_over_pairs_and_in_heights():
    cut = Cut(0, np.array([0]), [np.array([1, 2]), np.array([2])], own=0)
    embedding = np.float32([[1, 0], [1, 0], [0, 1]])
    assert embedding_distances(embedding, [cut])[0] == pytest.approx([0.5, 1])
    boxes = np.array([[0, 0, 10, 20], [0, 0, 10, 20], [40, 0, 50, 20.0]])
    assert position_distances(boxes, [cut])[0] == pytest.approx([2, 2])


@pytest.mark.parametrize(
    ("gain", "is_clear"),
    [([0.0] * 4, False), ([0.5] * 4, True), ([0.5, 0.5, 0, 0], False), ([0.5, 0.5, 0.5, 0], True), ([0.5] * 3, False)],
)
def test_a_gain_is_clear_above_two_standard_errors_and_with_enough_tracklets(gain, is_clear):
    """Scores of a cut are 0, ½ or 1; the best so far has ½ everywhere."""
    score = np.array(gain) + 0.5
    best = Relinked(np.ones(len(gain), dtype=bool), np.zeros(len(gain), dtype=bool))
    found = compare(Relinked(score > 0, score > 0.5), best, np.arange(len(gain)), np.ones(len(gain), dtype=bool))
    assert found.is_clear == is_clear
    assert (found.mean is None) == (len(gain) < FEW_JUDGED)


def test_only_cuts_that_count_are_compared():
    all_of, none_of = (np.full(8, value) for value in (True, False))
    first = np.arange(8) < 4
    gain = compare(Relinked(first, first), Relinked(none_of, none_of), np.arange(8), first)
    assert (gain.mean, gain.error, gain.tracklets) == (1, 0, 4)
    assert describe(Relinked(first, none_of), first) == {"rank1": 1, "right": 0}
    assert describe(Relinked(all_of, all_of), none_of) == {"rank1": None, "right": None}


def test_an_encoder_that_learned_nothing_re_links_nobody_and_one_that_sees_everybody():
    crops = street(FEW_JUDGED + 4)
    cuts = cut_tracklets(crops, np.ones(FEW_JUDGED + 4, dtype=bool), [10.0])
    everything = np.ones(len(cuts), dtype=bool)
    assert describe(relink_with(Blind(), crops, cuts), everything) == {"rank1": 0, "right": 0}
    assert describe(relink_with(Sharp(), crops, cuts), everything) == {"rank1": 1, "right": 1}
    nothing = relink(position_distances(crops.xyxy, cuts), cuts, None)
    assert describe(nothing, everything, has_threshold=False) == {"rank1": 1, "right": None}  # nobody moves
    assert len(relink_with(Blind(), crops, []).score) == 0
