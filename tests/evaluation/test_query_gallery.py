"""Queries against a gallery, by hand and by a loop over the definition."""

import numpy as np
import pytest

from idfree.evaluation.query_gallery import evaluate_query_gallery


def unit(angles):
    return np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1).astype(np.float32)


def test_by_hand():
    query, gallery = unit([0]), unit([1, 2, 5, 10, 20, 3])
    labels = np.array([[7, 2], [8, 1], [7, 2], [0, 3], [7, 1], [-1, 2]])  # the last but one is of the query's camera
    found = evaluate_query_gallery(query, gallery, np.array([[7, 1]]), labels)
    # ranking: 7 (right), 8 (wrong), 7 (right), 0 (wrong); junk and the same camera are left out
    assert found["R1"] == 1
    assert found["mAP"] == pytest.approx((1 + 2 / 3) / 2)
    assert (found["queries"], found["positives"], found["negatives"]) == (1, 2, 2)
    assert (found["crops"], found["people"]) == (6, 3)


def test_ties_count_against_the_query():
    found = evaluate_query_gallery(unit([0]), unit([0, 0]), np.array([[7, 1]]), np.array([[8, 2], [7, 2]]))
    assert (found["R1"], found["R5"], found["mAP"]) == (0, 1, 0.5)


def test_queries_without_another_camera_are_left_out():
    found = evaluate_query_gallery(unit([0]), unit([0, 9]), np.array([[7, 1]]), np.array([[7, 1], [8, 1]]))
    assert (found["queries"], found["R1"], found["mAP"], found["TPR@0.1"]) == (0, None, None, None)


def test_against_the_definition():
    random = np.random.default_rng(0)
    labels = [np.stack([random.integers(0, 12, n), random.integers(1, 5, n)], axis=1) for n in (40, 300)]
    centre = random.normal(size=(12, 16))
    embeddings = [centre[each[:, 0]] + random.normal(size=(len(each), 16)) for each in labels]
    query, gallery = ((e / np.linalg.norm(e, axis=1, keepdims=True)).astype(np.float32) for e in embeddings)
    found = evaluate_query_gallery(query, gallery, *labels)
    precisions, positives, negatives = [], [], []
    for vector, (identity, camera) in zip(query, labels[0], strict=True):
        kept = ~((labels[1][:, 0] == identity) & (labels[1][:, 1] == camera))
        cosine, same = (gallery @ vector)[kept], (labels[1][:, 0] == identity)[kept]
        hits = same[np.argsort(-cosine)]
        precisions.append((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
        positives.append(cosine[same])
        negatives.append(cosine[~same])
    assert found["mAP"] == pytest.approx(np.mean(precisions))
    threshold = np.quantile(np.concatenate(negatives), 0.9)
    assert found["TPR@0.1"] == pytest.approx((np.concatenate(positives) > threshold).mean(), abs=0.005)
