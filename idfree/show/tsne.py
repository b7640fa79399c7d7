"""t-SNE (van der Maaten 2008, Visualizing Data using t-SNE): points of many dimensions drawn on paper, neighbours near.

Exact, for up to a few thousand points, and without chance: it begins at the two main axes (Kobak 2019).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Singles = NDArray[np.float32]

PERPLEXITY = 30.0  # neighbours that count (van der Maaten 2008, sec. 3: 5 to 50)
ITERATIONS, EARLY = 500, 125  # in all, and those that pull harder: half of van der Maaten's (2014, sec. 4.2)
PULL = 12.0  # early exaggeration, and the points to a unit of the learning rate (van der Maaten 2014; Belkina 2019)
LEAST_RATE = 10.0  # learning rate of few points: with 50 they overshoot while they are pulled harder
MOMENTUM = (0.5, 0.8)  # early and late (van der Maaten 2008, sec. 3.4)
MORE, LESS, LEAST_GAIN = 0.2, 0.8, 0.01  # how steps grow and shrink (Jacobs 1988; the authors' code)
BEGINNING = 1e-4  # spread of the points to begin with (van der Maaten 2008, sec. 3.4)
HALVINGS = 40  # of the search for each point's own scale
NOTHING = 1e-12  # what chances are at least


def tsne(
    points: NDArray[np.floating[Any]], perplexity: float = PERPLEXITY, iterations: int = ITERATIONS
) -> NDArray[np.float64]:
    """(N, 2) places for points (N, D), whose neighbours by Euclidean distance lie near each other.

    perplexity: how many neighbours count, less where there are fewer than three times as many points.
    """
    count = len(points)
    if count < 3:  # nothing but themselves to be near to
        return np.stack([np.arange(count, dtype=np.float64), np.zeros(count)], axis=1)
    wanted = joint(squared(np.asarray(points, dtype=np.float64)), min(perplexity, (count - 1) / 3)).astype(np.float32)
    place = main_axes(points)
    step, gain = np.zeros_like(place), np.ones_like(place)
    rate = max(count / PULL, LEAST_RATE)
    for iteration in range(iterations):
        early = iteration < EARLY
        slope = gradient(wanted * np.float32(PULL if early else 1), place)
        gain = np.maximum(np.where(np.sign(slope) != np.sign(step), gain + MORE, gain * LESS), LEAST_GAIN)
        step = MOMENTUM[not early] * step - rate * gain * slope
        place = place + step - (place + step).mean(axis=0)
    return place


def joint(distance: NDArray[np.float64], perplexity: float) -> NDArray[np.float64]:
    """(N, N) chances p_ij, 1 in all, that i and j are neighbours, from squared distances (eq. 1 and sec. 3.1)."""
    away = distance - np.where(np.eye(len(distance), dtype=bool), np.inf, distance).min(axis=1, keepdims=True)
    np.fill_diagonal(away, np.inf)  # nobody is a neighbour of himself
    typical = max(float(np.median(away[np.isfinite(away)])), NOTHING)
    low, high = np.full(len(away), 1e-6 / typical), np.full(len(away), 1e6 / typical)
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        flat = entropy(away, middle) > np.log(perplexity)
        low, high = np.where(flat, middle, low), np.where(flat, high, middle)
    chance = conditional(away, np.sqrt(low * high))
    return np.asarray(np.maximum((chance + chance.T) / (2 * len(away)), NOTHING))


def conditional(away: NDArray[np.float64], sharpness: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, N) p_j|i: a Gaussian around each point, 1/2σ² its sharpness (N,)."""
    weight = np.exp(-away * sharpness[:, None])
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def entropy(away: NDArray[np.float64], sharpness: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) of each row of `conditional`, in nats: the logarithm of its perplexity."""
    chance = conditional(away, sharpness)
    return np.asarray(-(chance * np.log(np.maximum(chance, NOTHING))).sum(axis=1))


def gradient(wanted: Singles, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) by which the divergence between wanted and drawn neighbours grows (eq. 5)."""
    closeness = 1 / (1 + squared(place.astype(np.float32)))
    np.fill_diagonal(closeness, 0)
    force = (wanted - closeness / closeness.sum()) * closeness
    return np.asarray(4 * (force.sum(axis=1, keepdims=True) * place - force @ place))


def squared(points: NDArray[Any]) -> NDArray[Any]:
    """(N, N) squared distances."""
    length = (points**2).sum(axis=1)
    return np.maximum(length[:, None] + length - 2 * points @ points.T, 0)


def main_axes(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(N, 2) the two principal components, hardly apart; a column of zeros where there is but one."""
    centred = np.asarray(points, dtype=np.float64) - points.mean(axis=0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    axes = (left[:, :2] * scale[:2]) * np.sign(left[np.abs(left[:, :2]).argmax(axis=0), range(min(2, left.shape[1]))])
    axes = np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))
    return np.asarray(axes / max(float(axes[:, 0].std()), NOTHING) * BEGINNING)
