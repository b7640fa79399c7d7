"""Average linkage of tracklets under cannot-link constraints."""

import numpy as np

from idfree.appearance.grouping import group_tracklets


def embeddings(*degrees: float) -> np.ndarray:
    """Unit vectors at angles: their cosine distance is 1 − cos of the difference."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def links(count: int, *pairs: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((count, count), dtype=bool)
    for i, j in pairs:
        mask[i, j] = mask[j, i] = True
    return mask


def test_near_tracklets_are_grouped_and_numbered_in_order():
    assert group_tracklets(embeddings(0, 90, 5, 92), links(4), 0.1).tolist() == [0, 1, 0, 1]
    assert group_tracklets(embeddings(0, 90, 5, 92), links(4), 1e-6).tolist() == [0, 1, 2, 3]
    assert len(group_tracklets(np.zeros((0, 2)), links(0), 0.1)) == 0


def test_those_that_coexist_are_kept_apart_also_through_a_third():
    """0 and 2 coexist; 1 is nearest to 0, so that 2 must not join them by way of 1."""
    assert group_tracklets(embeddings(0, 1, 3), links(3), 0.1).tolist() == [0, 0, 0]
    assert group_tracklets(embeddings(0, 1, 3), links(3, (0, 2)), 0.1).tolist() == [0, 0, 1]


def test_the_mean_distance_of_groups_counts_not_the_smallest():
    """Single linkage would chain 0°, 20° and 40°; the mean distance of 40° to both others is 0.147."""
    assert group_tracklets(embeddings(0, 20, 40), links(3), 0.1).tolist() == [0, 0, 1]
    assert group_tracklets(embeddings(0, 20, 40), links(3), 0.15).tolist() == [0, 0, 0]


def test_the_mean_is_over_tracklets():
    """A group of two (0°, 10°) and a lone one at 60°: (0.5 + 0.357) / 2 = 0.429."""
    rows = embeddings(0, 10, 60)
    assert group_tracklets(rows, links(3), 0.43).tolist() == [0, 0, 0]
    assert group_tracklets(rows, links(3), 0.42).tolist() == [0, 0, 1]
