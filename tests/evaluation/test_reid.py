"""Re-ID metrics: agreement with literal implementations over all pairs, and scenes counted by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from idfree.core.boxes import xywh_to_xyxy
from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation import crop_pairs, reid
from idfree.evaluation.reid import FAR, FRAME_GAPS, assign_identities, evaluate_embeddings, sensitivity_index

Crops = dict[str, NDArray[Any]]


def random_crops(seed: int, count: int = 400, sequences: int = 2, spread: float = 1.5) -> Crops:
    """Random embeddings around a centre per person, in sequences of 300 frames."""
    rng = np.random.default_rng(seed)
    crops = {
        "identity": rng.integers(0, 8, count),
        "frame": rng.integers(1, 300, count),
        "sequence": rng.integers(0, sequences, count),
        "visibility": rng.uniform(0.4, 1, count),
    }
    centre = rng.normal(size=(sequences, 8, 16))
    return crops | {"embedding": centre[crops["sequence"], crops["identity"]] + spread * rng.normal(size=(count, 16))}


def sign_crops(seed: int, count: int = 300) -> Crops:
    """Embeddings of ±1: their similarities are exact in float32, and many are equal."""
    crops = random_crops(seed, count)
    return crops | {"embedding": np.where(crops["embedding"] > 0, 1.0, -1.0)}


def by_definition(embedding: Any, identity: Any, frame: Any, sequence: Any, visibility: Any) -> dict[str, float]:
    """All metrics, from the matrix of all pairs."""
    unit = (embedding / np.linalg.norm(embedding, axis=1, keepdims=True)).astype(np.float32)
    cosine = (unit @ unit.T).astype(float)
    a, b = np.triu_indices(len(unit), 1)
    near, gap, value = sequence[a] == sequence[b], abs(frame[a] - frame[b]), cosine[a, b]
    same = near & (identity[a] == identity[b])
    result = {}
    for far in FAR:
        for name, counted in (("TPR", np.ones_like(near)), ("TPR_within", near)):
            wrong = np.sort(value[~same & counted])[::-1]
            result[f"{name}@{far:g}"] = (value[same] > wrong[int(far * len(wrong) + 1e-9)]).mean()
    for name, (first, last) in FRAME_GAPS.items():
        right, wrong = (value[near & (gap >= first) & (gap <= last) & kind] for kind in (same, ~same))
        more, equal = (np.mean(test(right[:, None], wrong)) for test in (np.greater, np.equal))
        result[f"AUC {name}"] = more + equal / 2
    return result | by_definition_retrieval(cosine, identity, frame, sequence, visibility)


def by_definition_retrieval(cosine: Any, identity: Any, frame: Any, sequence: Any, visibility: Any) -> dict[str, float]:
    """R1 and mAP of each query's ranked gallery, wrong answers first among equal similarities."""
    queries, gallery = [], []
    for person in sorted(set(zip(sequence, identity, strict=True))):
        rows = [
            k for k in np.lexsort((frame, sequence)) if (sequence[k], identity[k]) == person and visibility[k] >= 0.7
        ]
        queries += rows[: len(rows) // 2]
        gallery += rows[len(rows) // 2 :]
    precisions, first = [], []
    for q in queries:
        right = [(sequence[g], identity[g]) == (sequence[q], identity[q]) for g in gallery]
        ranked = [hit for _, hit in sorted(zip(-cosine[q, gallery], right, strict=True))]
        found = np.cumsum(ranked)
        precisions.append(np.mean([found[k] / (k + 1) for k, hit in enumerate(ranked) if hit]))
        first.append(ranked[0])
    return {"R1": float(np.mean(first)), "mAP": float(np.mean(precisions))}


@pytest.mark.parametrize("crops", [random_crops(0), random_crops(1, sequences=1), random_crops(2, spread=0.3)])
def test_agrees_with_the_definition(crops: Crops) -> None:
    figures = evaluate_embeddings(**crops).metrics()
    for name, value in by_definition(**crops).items():
        assert figures[name] == pytest.approx(value, abs=2e-6), name  # the last bit of float32 may swap a pair


def test_ties_count_half_in_auc_and_against_the_model_elsewhere() -> None:
    crops = sign_crops(3)
    figures = evaluate_embeddings(**crops).metrics()
    for name, value in by_definition(**crops).items():
        assert figures[name] == pytest.approx(value, abs=1e-12), name


def test_histogram_auc_is_close_to_exact_auc(monkeypatch: pytest.MonkeyPatch) -> None:
    crops = random_crops(9, count=1000)
    compared = evaluate_embeddings(**crops).auc
    monkeypatch.setattr(reid, "MAX_EXACT_PAIRS", 0)
    assert evaluate_embeddings(**crops).auc == pytest.approx(compared, abs=1e-6)


def test_block_size_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    crops = sign_crops(4)
    whole = evaluate_embeddings(**crops)
    monkeypatch.setattr(crop_pairs, "PAIRS_PER_BLOCK", 1000)
    assert evaluate_embeddings(**crops) == whole


def test_row_order_and_embedding_norm_do_not_matter() -> None:
    crops = sign_crops(5)
    order = np.random.default_rng(0).permutation(len(crops["identity"]))
    mixed = {name: values[order] for name, values in crops.items()}
    assert evaluate_embeddings(**mixed | {"embedding": 3 * mixed["embedding"]}) == evaluate_embeddings(**crops)


def test_perfect_embeddings() -> None:
    crops = random_crops(6)
    person = crops["sequence"] * 8 + crops["identity"]
    result = evaluate_embeddings(**crops | {"embedding": np.eye(16)[person]})
    assert result.tpr == result.tpr_within == dict.fromkeys(FAR, 1.0)
    assert result.rank1 == result.mean_ap == 1.0
    assert set(result.auc.values()) == {1.0}
    assert result.cosine == dict.fromkeys(FAR, 0.0)
    assert result.people == 16
    assert result.positives + result.negatives == 400 * 399 // 2


def test_sensitivity_by_hand() -> None:
    """Cosines of one person 1 and 0.5, of two people −1 and −0.5: means 1.5 apart, deviations of 0.25."""
    histograms = np.zeros((2, 5), dtype=np.int64)  # of −1, −0.5, 0, 0.5, 1
    histograms[0, :2] = histograms[1, 3:] = 7
    assert sensitivity_index(*histograms) == pytest.approx(6)
    assert np.isnan(sensitivity_index(*histograms * [[1], [0]]))
    assert np.isnan(sensitivity_index(*np.eye(5, dtype=np.int64)[:2]))


def test_sensitivity_agrees_with_all_pairs() -> None:
    crops = sign_crops(9)
    unit = crops["embedding"] / np.linalg.norm(crops["embedding"], axis=1, keepdims=True)
    i, j = np.triu_indices(len(unit), 1)
    within = crops["sequence"][i] == crops["sequence"][j]
    i, j = i[within], j[within]
    cosine, is_same = (unit[i] * unit[j]).sum(axis=1), crops["identity"][i] == crops["identity"][j]
    same, different = cosine[is_same], cosine[~is_same]
    expected = (same.mean() - different.mean()) / np.sqrt((same.var() + different.var()) / 2)
    assert evaluate_embeddings(**crops).sensitivity == pytest.approx(expected, abs=1e-3)


def test_constant_embeddings() -> None:
    result = evaluate_embeddings(**random_crops(7) | {"embedding": np.ones((400, 4))})
    assert np.isnan(result.sensitivity)
    assert set(result.auc.values()) == {0.5}
    assert set(result.tpr.values()) == {0.0}
    assert result.rank1 == 0.0


def test_retrieval_by_hand() -> None:
    """Two people; the query of the first is most similar to a crop of the second, then to its own."""
    degrees = np.radians([0, 30, 90, 10, 80])
    embedding = np.stack([np.cos(degrees), np.sin(degrees)], axis=1)
    result = evaluate_embeddings(embedding, [1, 1, 2, 2, 2], [1, 2, 1, 2, 3])
    assert result.queries == 2  # one per person: 2 // 2 and 3 // 2
    assert result.rank1 == 0.5
    assert result.mean_ap == pytest.approx((1 / 2 + (1 / 1 + 2 / 3) / 2) / 2)


def test_unknown_crops_are_left_out_and_empty_input() -> None:
    crops = random_crops(8)
    known = crops["identity"] > 3
    unknown = crops | {"identity": np.where(known, crops["identity"], -1)}
    assert evaluate_embeddings(**unknown) == evaluate_embeddings(
        **{name: values[known] for name, values in crops.items()}
    )
    nothing = evaluate_embeddings(np.zeros((0, 4)), [], []).metrics()
    assert nothing["TPR@0.1"] is None
    assert nothing["R1"] is None
    assert nothing["crops"] == 0


def test_invalid_input() -> None:
    with pytest.raises(UserError, match="3 rows of embedding, expected 2"):
        evaluate_embeddings(np.ones((3, 4)), [1, 2], [1, 1])
    with pytest.raises(UserError, match="row 1 is not finite"):
        evaluate_embeddings(np.array([[1.0], [np.nan]]), [1, 2], [1, 1])


def scene(rows: list[tuple[float, ...]], ids: list[int], marks: list[float], classes: list[int]) -> Annotation:
    """An Annotation of rows (frame, x, y, w, h)."""
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return Annotation(
        table[:, 0].astype(int),
        np.array(ids, dtype=int),
        xywh_to_xyxy(table[:, 1:]),
        np.array(marks, dtype=float),
        np.array(classes, dtype=int),
        np.linspace(0.1, 0.9, len(table)),
    )


def test_assign_identities_one_to_one() -> None:
    truth = scene([(1, 0, 0, 50, 100), (1, 30, 0, 50, 100), (2, 0, 0, 50, 100)], [4, 5, 4], [1, 1, 0], [1, 1, 1])
    found = scene([(1, 2, 0, 50, 100), (1, 5, 0, 50, 100), (2, 0, 0, 50, 100)], [-1] * 3, [1] * 3, [0] * 3)
    named = assign_identities(found, truth)
    assert named.id.tolist() == [4, -1, -1]  # the larger IoU wins; 5 overlaps too little; the last is marked 0
    assert named.visibility.tolist() == [truth.visibility[0], 0, 0]
    assert assign_identities(found, truth[:0]).id.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("detector", "crops", "people", "tpr", "rank1", "mean_ap"),
    [("FRCNN", 3025, 24, 0.8383, 0.8654, 0.7815), ("SDP", 3460, 26, 0.7470, 0.8307, 0.7611)],
)
def test_real_model(
    shared: Path, detector: str, crops: int, people: int, tpr: float, rank1: float, mean_ap: float
) -> None:
    rows = np.load(shared / f"data/features/MOT17-09-{detector}.npy")
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    marked = np.loadtxt(shared / f"data/MOT17/train/MOT17-09-{detector}/gt/gt.txt", delimiter=",")
    marked = marked[np.argsort(marked[:, 0], kind="stable")]
    count = len(rows)
    unknown = np.full(count, -1)
    found = Annotation(
        rows[:, 0].astype(int), unknown, xywh_to_xyxy(rows[:, 2:6]), rows[:, 6], unknown, np.ones(count), rows[:, 7:]
    )
    frame, identity, kind = marked[:, [0, 1, 7]].astype(int).T
    truth = Annotation(frame, identity, xywh_to_xyxy(marked[:, 2:6]), marked[:, 6], kind, marked[:, 8])
    named = assign_identities(found, truth)
    assert named.embedding is not None
    result = evaluate_embeddings(named.embedding, named.id, named.frame, visibility=named.visibility)
    assert (result.crops, result.people) == (crops, people)
    assert (result.tpr[0.1], result.rank1, result.mean_ap) == pytest.approx((tpr, rank1, mean_ap), abs=2e-4)
