"""t-SNE: neighbours stay neighbours; the gradient; degenerate inputs."""

import numpy as np
import pytest

from idfree.show.tsne import conditional_probabilities, entropy, gradient, joint_probabilities, squared_distances, tsne


def test_two_blobs_stay_two():
    random = np.random.default_rng(0)
    blob = np.repeat([0, 1], 40)
    points = random.normal(size=(80, 10)) + 8 * blob[:, None]
    place = tsne(points, iterations=200)
    distance = squared_distances(place)
    np.fill_diagonal(distance, np.inf)
    assert (blob[distance.argsort(axis=1)[:, :20]] == blob[:, None]).all()
    centre = np.stack([place[blob == k].mean(axis=0) for k in (0, 1)])
    assert np.linalg.norm(centre[0] - centre[1]) > 2 * np.linalg.norm(place - centre[blob], axis=1).mean()
    assert (tsne(points, iterations=200) == place).all()


def test_every_point_has_so_many_neighbours():
    random = np.random.default_rng(1)
    points = random.normal(size=(50, 3)) * random.uniform(0.01, 100, (50, 1))
    chance = joint_probabilities(squared_distances(points), perplexity=5)
    assert chance.sum() == pytest.approx(1)
    assert np.allclose(chance, chance.T)
    away = squared_distances(points)
    np.fill_diagonal(away, np.inf)
    assert np.allclose(conditional_probabilities(away, np.full(50, 1e-9)), (1 - np.eye(50)) / 49, atol=1e-3)
    assert np.allclose(entropy(away, np.full(50, 1e-9)), np.log(49), atol=1e-3)


def test_the_gradient_is_that_of_the_divergence():
    random = np.random.default_rng(2)
    wanted, place = joint_probabilities(squared_distances(random.normal(size=(6, 4))), 2), random.normal(size=(6, 2))

    def divergence(place):
        closeness = 1 / (1 + squared_distances(place))
        np.fill_diagonal(closeness, 0)
        drawn = np.maximum(closeness / closeness.sum(), 1e-300)
        return (wanted * np.log(wanted / drawn))[~np.eye(6, dtype=bool)].sum()

    step = 1e-5 * np.eye(12).reshape(12, 6, 2)
    slope = np.array([divergence(place + one) - divergence(place - one) for one in step]).reshape(6, 2) / 2e-5
    assert np.allclose(gradient(wanted.astype(np.float32), place), slope, atol=1e-4)


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.ones((1, 3)), np.eye(2), np.ones((9, 4)), np.eye(3)[:, :1]])
def test_few_or_equal_points(points):
    place = tsne(points, iterations=20)
    assert place.shape == (len(points), 2)
    assert np.isfinite(place).all()
