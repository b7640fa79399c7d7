"""Concatenated encoders."""

import numpy as np
import pytest

from idfree.appearance import concatenate_colour
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import ConcatenatedEncoder, balanced_weight, concatenate
from idfree.appearance.encoder import Encoder


class Mean(Encoder):
    """The direction of the mean colour."""

    name, dimension, size_hw, batch, match_threshold, upper_threshold = "mean", 3, (16, 8), 4, 0.1, 0.2
    colour_weight = 0.25

    def encode(self, crops):
        mean = crops.mean(axis=(1, 2)) + 1
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


CROPS = np.random.default_rng(0).integers(0, 256, (10, 16, 8, 3), dtype=np.uint8)


def test_distances_are_the_weighted_mean():
    one, two = Mean(), ColourHistogram()
    both = ConcatenatedEncoder(one, two, 0.25, 0.2, 0.3)
    assert (both.dimension, both.match_threshold, both.upper_threshold, both.size_hw) == (
        3 + two.dimension,
        0.2,
        0.3,
        (16, 8),
    )
    embedding = both.embed_crops(CROPS)
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    cosines = [e.embed_crops(CROPS) @ e.embed_crops(CROPS).T for e in (one, two)]
    np.testing.assert_allclose(embedding @ embedding.T, 0.75 * cosines[0] + 0.25 * cosines[1], atol=1e-5)


def test_a_weight_of_0_or_1_leaves_one_encoder():
    a, b = np.eye(3)[:2], np.eye(4)[:2]
    np.testing.assert_array_equal(concatenate(a, b, 0.0)[:, :3], a)
    np.testing.assert_array_equal(concatenate(a, b, 1.0)[:, 3:], b)


def test_balanced_weight():
    """If both distances equal their thresholds, the second one is that fraction of the mean."""
    weight = balanced_weight(0.3, first_threshold=0.5, second_threshold=0.2)
    first, second = (1 - weight) * 0.5, weight * 0.2
    assert second / (first + second) == pytest.approx(0.3)
    assert balanced_weight(0.0, 0.5, 0.2) == 0


def test_a_network_with_colour():
    both = concatenate_colour(Mean())
    assert (both.name, both.weight, both.match_threshold, both.upper_threshold) == ("mean and colour", 0.25, 0.1, 0.2)
