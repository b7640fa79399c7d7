"""Simulated detector of a synthetic street: misses, localisation errors, false positives, scores and embeddings."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from idfree.core.boxes import Floats, Integers, clip, cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from idfree.core.types import Annotation
from idfree.synthetic.canvas import PinholeCamera
from idfree.synthetic.street import Street, StreetSettings, is_visible_box
from idfree.synthetic.trajectories import FAR_LANE, NEAR_LANES

MIN_MERGED_IOU = 0.4  # of two people that may be detected as one
VISIBLE_SCORE, OCCLUSION_PENALTY = 0.95, 0.6  # score of a visible person, and by how much a fully occluded one has less
SCORE_NOISE, MIN_SCORE = 0.05, 0.05  # standard deviation by which scores are lowered at random; lower bound
FALSE_SCORES = (0.1, 0.7)  # range of the scores of false positives
FALSE_HEIGHTS, FALSE_ASPECTS = (1.2, 1.9), (0.3, 0.5)  # ranges of their heights in metres, and of width / height


def simulate_detections(
    rng: Generator, truth: Annotation, occluder: Integers, street: Street, settings: StreetSettings
) -> Annotation:
    """Simulate a detector with embeddings: misses, jitter, false positives; occlusion lowers scores."""
    true = simulate_true_positives(rng, truth, occluder, street, settings)
    false = simulate_false_positives(rng, street, settings)
    frame, xyxy, score, embedding = (np.concatenate(columns) for columns in zip(true, false, strict=True))
    xyxy, count = clip(xyxy, street.camera.size_hw), len(frame)
    id, class_id = np.full(count, -1), np.ones(count, dtype=np.int64)
    detections = Annotation(frame, id, xyxy, score, class_id, np.ones(count), normalise_rows(embedding))
    order = np.argsort(frame, kind="stable")
    return detections[order[is_visible_box(xyxy[order])]]


def simulate_true_positives(
    rng: Generator, truth: Annotation, occluder: Integers, street: Street, settings: StreetSettings
) -> tuple[Integers, Floats, Floats, Floats]:
    """Frame (K,), xyxy (K, 4), score (K,) and embedding (K, D) of detected people.

    The embedding of an occluded person is mixed with that of the main occluder.
    """
    occluded = 1 - truth.visibility
    miss_rate = settings.miss_clear + (settings.miss_hidden - settings.miss_clear) * occluded**2
    detected = rng.random(len(truth)) >= miss_rate
    truth, occluded, occluder = truth[detected], occluded[detected], occluder[detected]
    if settings.merged:
        truth, kept = merge_boxes(rng, truth, settings.merged)
        occluded, occluder = occluded[kept], occluder[kept]
    xyxy = jitter_boxes(rng, truth.xyxy, settings.jitter)
    noise = np.abs(rng.normal(0, SCORE_NOISE, len(truth)))
    score = np.clip(VISIBLE_SCORE - OCCLUSION_PENALTY * occluded - noise, MIN_SCORE, 1)
    identity = sample_identities(rng, street.appearance.lookalike_of, settings)
    own, other = identity[truth.id - 1], identity[occluder]
    mixed = (1 - occluded)[:, None] * own + (occluded * (occluder >= 0))[:, None] * other
    embedding_noise = rng.normal(0, settings.embedding_noise * settings.embedding_size**-0.5, mixed.shape)
    return truth.frame, xyxy, score, mixed + embedding_noise


def simulate_false_positives(
    rng: Generator, street: Street, settings: StreetSettings
) -> tuple[Integers, Floats, Floats, Floats]:
    """Frame (K,), xyxy (K, 4), score (K,) and embedding (K, D) of false positives."""
    frames = len(street.trajectories.distance)
    xyxy, frame = sample_false_boxes(rng, street.camera, frames, settings.false_positives)
    embedding = rng.normal(size=(len(xyxy), settings.embedding_size))
    return frame, xyxy, rng.uniform(*FALSE_SCORES, len(xyxy)), embedding


def sample_identities(rng: Generator, lookalike_of: Integers, settings: StreetSettings) -> Floats:
    """Sample unit embeddings (N + 1, D) of N people and, last, of objects; those of lookalikes are similar."""
    own = normalise_rows(rng.normal(size=(len(lookalike_of) + 1, settings.embedding_size)))
    similar = np.append(lookalike_of, len(lookalike_of))
    weight = (similar != np.arange(len(similar)))[:, None] * settings.embedding_likeness
    return normalise_rows(own + weight * (own[similar] - own))


def merge_boxes(rng: Generator, boxes: Annotation, probability: float) -> tuple[Annotation, Integers]:
    """Replace pairs of overlapping boxes by the box around both, in the row of the more visible one.

    Returns the boxes, and their rows (M,) in `boxes`. A box is in one pair at most.
    """
    xyxy, is_kept = boxes.xyxy.copy(), np.ones(len(boxes), dtype=bool)
    for frame in np.unique(boxes.frame):
        rows = np.flatnonzero(boxes.frame == frame)
        first, second = np.nonzero(np.triu(iou(boxes.xyxy[rows], boxes.xyxy[rows]) >= MIN_MERGED_IOU, 1))
        used: set[int] = set()
        for pair in zip(rows[first].tolist(), rows[second].tolist(), strict=True):
            if used.isdisjoint(pair) and rng.random() < probability:
                seen, hidden = sorted(pair, key=lambda row: -float(boxes.visibility[row]))
                xyxy[seen, :2] = np.minimum(xyxy[seen, :2], xyxy[hidden, :2])
                xyxy[seen, 2:] = np.maximum(xyxy[seen, 2:], xyxy[hidden, 2:])
                is_kept[hidden] = False
                used.update(pair)
    kept = np.flatnonzero(is_kept)
    return replace(boxes, xyxy=xyxy)[kept], kept


def jitter_boxes(rng: Generator, xyxy: Floats, sigma: float) -> Floats:
    """Shift and scale boxes randomly: Gaussian centre and log size with `sigma` relative to width and height."""
    boxes = xyxy_to_cxcywh(xyxy)
    shift, log_scale = rng.normal(0, sigma, (2, len(boxes), 2))
    boxes[:, :2] += shift * boxes[:, 2:]
    boxes[:, 2:] *= np.exp(log_scale)
    return cxcywh_to_xyxy(boxes)


def sample_false_boxes(rng: Generator, camera: PinholeCamera, frames: int, rate: float) -> tuple[Floats, Integers]:
    """Sample boxes (K, 4) of the size that people have at random positions, and their frames (K,); `rate` per frame."""
    frame = np.repeat(np.arange(1, frames + 1), rng.poisson(rate, frames))
    z = rng.uniform(NEAR_LANES[0][0], FAR_LANE[1], len(frame))
    foot = camera.project(rng.uniform(-1, 1, len(frame)) * camera.aperture * z, 0, z)
    height = rng.uniform(*FALSE_HEIGHTS, len(frame)) * camera.focal / z
    size = np.stack([height * rng.uniform(*FALSE_ASPECTS, len(frame)), height], axis=1)
    return np.concatenate([foot - size * [0.5, 1], foot + size * [0.5, 0]], axis=1), frame


def normalise_rows(vectors: Floats) -> Floats:
    """Scale vectors (N, D) to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
