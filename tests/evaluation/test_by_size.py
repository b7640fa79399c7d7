"""Identity switches and true positive rates by the size of boxes."""

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.evaluation.reid import evaluate_embeddings
from idfree.evaluation.reid_by_size import evaluate_by_size
from idfree.evaluation.tracking import compute_metrics, evaluate

SIDES = {1: 50.0, 2: 120.0, 3: 200.0}  # of square boxes: small, medium, large


def boxes(ids):
    """Three people in each frame, side by side, of the identities ids (frames, 3)."""
    rows = [
        (frame, identity, 300.0 * person, 0.0, 300.0 * person + SIDES[person], SIDES[person])
        for frame, identities in enumerate(ids, start=1)
        for person, identity in zip(SIDES, identities, strict=True)
    ]
    columns = np.array(rows)
    ones = np.ones(len(rows))
    frame, identity = columns[:, :2].T.astype(np.int64)
    return Annotation(frame, identity, columns[:, 2:], ones, ones.astype(np.int64), ones)


def test_switches_count_by_the_size_of_the_true_box():
    truth = boxes([(1, 2, 3)] * 4)
    results = boxes([(1, 2, 3), (1, 2, 4), (5, 2, 3), (5, 2, 3)])
    metrics = compute_metrics(evaluate(truth, results))
    assert [metrics[f"IDSW_{size}"] for size in ("small", "medium", "large")] == [1, 0, 2]
    assert [metrics[f"GT_{size}"] for size in ("small", "medium", "large")] == [4, 4, 4]
    assert metrics["IDSW"] == 3
    nothing = compute_metrics(evaluate(truth, truth[:0]))
    assert (nothing["GT_large"], nothing["IDSW_large"]) == (4, 0)


def test_true_positive_rate_is_that_of_the_boxes_of_a_size():
    random = np.random.default_rng(0)
    identity, frame = np.repeat(np.arange(6), 20), np.tile(np.arange(20), 6)
    side = np.where(identity < 3, 40.0, 200.0)
    noise = np.where(identity < 3, 3.0, 0.1)[:, None]  # small ones look alike
    embedding = np.eye(6)[identity] + noise * random.normal(size=(120, 6))
    xyxy = np.stack([0 * side, 0 * side, side, side], axis=1)
    found = evaluate_by_size(embedding, identity, frame, np.zeros(120, int), xyxy)
    for name, rows in (("small", identity < 3), ("large", identity >= 3)):
        alone = evaluate_embeddings(embedding[rows], identity[rows], frame[rows])
        assert found[f"TPR@0.1_{name}"] == pytest.approx(alone.tpr[0.1])
        assert found[f"crops_{name}"] == 60
    assert found["TPR@0.1_small"] < 0.6 < 0.99 < found["TPR@0.1_large"]
    assert (found["TPR@0.1_medium"], found["crops_medium"]) == (None, 0)
