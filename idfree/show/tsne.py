"""Exact t-SNE (van der Maaten 2008, Visualizing Data using t-SNE), for up to a few thousand points.

Deterministic: initialised with the two principal components (Kobak 2019).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

PERPLEXITY = 30.0  # effective number of neighbours (van der Maaten 2008, sec. 3: 5 to 50)
ITERATIONS, EARLY = 500, 125  # in all, and with early exaggeration: half of van der Maaten's (2014, sec. 4.2)
EXAGGERATION = 12.0  # early exaggeration, and points per unit of the learning rate (van der Maaten 2014; Belkina 2019)
MIN_RATE = 10.0  # learning rate for few points; 50 overshoots during early exaggeration
MOMENTUM = (0.5, 0.8)  # early and late (van der Maaten 2008, sec. 3.4)
GAIN_STEP, GAIN_DECAY, MIN_GAIN = 0.2, 0.8, 0.01  # adaptive gains (Jacobs 1988; the authors' code)
INITIAL_SPREAD = 1e-4  # standard deviation of the initial positions (van der Maaten 2008, sec. 3.4)
BISECTIONS = 40  # steps for the bandwidth of each point
MIN_PROBABILITY = 1e-12  # lower bound of probabilities


def tsne(
    points: NDArray[np.floating[Any]], perplexity: float = PERPLEXITY, iterations: int = ITERATIONS
) -> NDArray[np.float64]:
    """t-SNE of points (N, D): their positions (N, 2).

    perplexity: effective number of neighbours, at most a third of the points.
    """
    count = len(points)
    if count < 3:  # no neighbours to preserve
        return np.stack([np.arange(count, dtype=np.float64), np.zeros(count)], axis=1)
    target = joint_probabilities(
        squared_distances(np.asarray(points, dtype=np.float64)), min(perplexity, (count - 1) / 3)
    ).astype(np.float32)
    position = principal_components(points)
    step, gain = np.zeros_like(position), np.ones_like(position)
    rate = max(count / EXAGGERATION, MIN_RATE)
    for iteration in range(iterations):
        early = iteration < EARLY
        grad = gradient(target * np.float32(EXAGGERATION if early else 1), position)
        gain = np.maximum(np.where(np.sign(grad) != np.sign(step), gain + GAIN_STEP, gain * GAIN_DECAY), MIN_GAIN)
        step = MOMENTUM[not early] * step - rate * gain * grad
        position = position + step - (position + step).mean(axis=0)
    return position


def joint_probabilities(distance: NDArray[np.float64], perplexity: float) -> NDArray[np.float64]:
    """Joint probabilities p_ij (N, N), summing to 1, from squared distances (eq. 1 and sec. 3.1)."""
    shifted = distance - np.where(np.eye(len(distance), dtype=bool), np.inf, distance).min(axis=1, keepdims=True)
    np.fill_diagonal(shifted, np.inf)  # p_ii = 0
    typical = max(float(np.median(shifted[np.isfinite(shifted)])), MIN_PROBABILITY)
    low, high = np.full(len(shifted), 1e-6 / typical), np.full(len(shifted), 1e6 / typical)
    for _ in range(BISECTIONS):
        middle = np.sqrt(low * high)
        too_wide = entropy(shifted, middle) > np.log(perplexity)
        low, high = np.where(too_wide, middle, low), np.where(too_wide, high, middle)
    probability = conditional_probabilities(shifted, np.sqrt(low * high))
    return np.asarray(np.maximum((probability + probability.T) / (2 * len(shifted)), MIN_PROBABILITY))


def conditional_probabilities(shifted: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Conditional probabilities p_j|i (N, N): a Gaussian around each point; precision (N,) = 1 / 2σ²."""
    weight = np.exp(-shifted * precision[:, None])
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def entropy(shifted: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy (N,) of each row of `conditional_probabilities` in nats: the logarithm of its perplexity."""
    probability = conditional_probabilities(shifted, precision)
    return np.asarray(-(probability * np.log(np.maximum(probability, MIN_PROBABILITY))).sum(axis=1))


def gradient(target: NDArray[np.float32], position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradient (N, 2) of the Kullback-Leibler divergence (eq. 5)."""
    similarity = 1 / (1 + squared_distances(position.astype(np.float32)))
    np.fill_diagonal(similarity, 0)
    force = (target - similarity / similarity.sum()) * similarity
    return np.asarray(4 * (force.sum(axis=1, keepdims=True) * position - force @ position))


def squared_distances(points: NDArray[Any]) -> NDArray[Any]:
    """Squared Euclidean distances (N, N)."""
    length = (points**2).sum(axis=1)
    return np.maximum(length[:, None] + length - 2 * points @ points.T, 0)


def principal_components(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The first two principal components (N, 2), scaled to INITIAL_SPREAD; zeros if there is only one."""
    centred = np.asarray(points, dtype=np.float64) - points.mean(axis=0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    axes = (left[:, :2] * scale[:2]) * np.sign(left[np.abs(left[:, :2]).argmax(axis=0), range(min(2, left.shape[1]))])
    axes = np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))
    return np.asarray(axes / max(float(axes[:, 0].std()), MIN_PROBABILITY) * INITIAL_SPREAD)
