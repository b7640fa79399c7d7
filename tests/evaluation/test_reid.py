"""Appearance measures against their definitions written out over all pairs, and scenes worked by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from idfree.core.boxes import xywh_to_xyxy
from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation import pairs, reid
from idfree.evaluation.reid import FAR, GAPS, appearance, truth_of

Crops = dict[str, NDArray[Any]]


def made_up(seed: int, count: int = 400, sequences: int = 2, spread: float = 1.5) -> Crops:
    """Embeddings about a centre for each person, in sequences of 300 frames."""
    rng = np.random.default_rng(seed)
    crops = {
        "identity": rng.integers(0, 8, count),
        "frame": rng.integers(1, 300, count),
        "sequence": rng.integers(0, sequences, count),
        "visibility": rng.uniform(0.4, 1, count),
    }
    centre = rng.normal(size=(sequences, 8, 16))
    return crops | {"embedding": centre[crops["sequence"], crops["identity"]] + spread * rng.normal(size=(count, 16))}


def signs(seed: int, count: int = 300) -> Crops:
    """Embeddings of ±1: their cosines are exact in float32, and many are equal."""
    crops = made_up(seed, count)
    return crops | {"embedding": np.where(crops["embedding"] > 0, 1.0, -1.0)}


def by_definition(embedding: Any, identity: Any, frame: Any, sequence: Any, visibility: Any) -> dict[str, float]:
    """Every measure, over all pairs at once."""
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
    for name, (first, last) in GAPS.items():
        right, wrong = (value[near & (gap >= first) & (gap <= last) & kind] for kind in (same, ~same))
        more, equal = (np.mean(test(right[:, None], wrong)) for test in (np.greater, np.equal))
        result[f"AUC {name}"] = more + equal / 2
    return result | by_definition_retrieval(cosine, identity, frame, sequence, visibility)


def by_definition_retrieval(cosine: Any, identity: Any, frame: Any, sequence: Any, visibility: Any) -> dict[str, float]:
    """R1 and mAP: each query's gallery ranked, wrong ones first among equals."""
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


@pytest.mark.parametrize("crops", [made_up(0), made_up(1, sequences=1), made_up(2, spread=0.3)])
def test_agrees_with_the_definition(crops: Crops) -> None:
    figures = appearance(**crops).figures()
    for name, value in by_definition(**crops).items():
        assert figures[name] == pytest.approx(value, abs=2e-6), name  # the last bit of float32 may swap a pair


def test_equal_cosines_count_half_in_auc_and_against_in_the_rest() -> None:
    crops = signs(3)
    figures = appearance(**crops).figures()
    for name, value in by_definition(**crops).items():
        assert figures[name] == pytest.approx(value, abs=1e-12), name


def test_counting_by_steps_is_close_to_comparing_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    crops = made_up(9, count=1000)
    compared = appearance(**crops).auc
    monkeypatch.setattr(reid, "SORTED", 0)
    assert appearance(**crops).auc == pytest.approx(compared, abs=1e-6)


def test_small_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    crops = signs(4)
    whole = appearance(**crops)
    monkeypatch.setattr(pairs, "BLOCK", 1000)
    assert appearance(**crops) == whole


def test_the_order_of_rows_and_the_length_of_embeddings_do_not_matter() -> None:
    crops = signs(5)
    order = np.random.default_rng(0).permutation(len(crops["identity"]))
    mixed = {name: values[order] for name, values in crops.items()}
    assert appearance(**mixed | {"embedding": 3 * mixed["embedding"]}) == appearance(**crops)


def test_perfect_embeddings() -> None:
    crops = made_up(6)
    person = crops["sequence"] * 8 + crops["identity"]
    result = appearance(**crops | {"embedding": np.eye(16)[person]})
    assert result.tpr == result.tpr_within == dict.fromkeys(FAR, 1.0)
    assert result.rank1 == result.mean_ap == 1.0
    assert set(result.auc.values()) == {1.0}
    assert result.cosine == dict.fromkeys(FAR, 0.0)
    assert result.people == 16
    assert result.positives + result.negatives == 400 * 399 // 2


def test_embeddings_that_are_all_alike_are_worth_nothing() -> None:
    result = appearance(**made_up(7) | {"embedding": np.ones((400, 4))})
    assert set(result.auc.values()) == {0.5}
    assert set(result.tpr.values()) == {0.0}
    assert result.rank1 == 0.0


def test_retrieval_by_hand() -> None:
    """Two people; the first's early crop is nearest to one of the second's late ones, then to its own."""
    degrees = np.radians([0, 30, 90, 10, 80])
    embedding = np.stack([np.cos(degrees), np.sin(degrees)], axis=1)
    result = appearance(embedding, [1, 1, 2, 2, 2], [1, 2, 1, 2, 3])
    assert result.queries == 2  # of two crops the first, of three the first
    assert result.rank1 == 0.5
    assert result.mean_ap == pytest.approx((1 / 2 + (1 / 1 + 2 / 3) / 2) / 2)


def test_unknown_crops_are_left_out_and_emptiness_is_legal() -> None:
    crops = made_up(8)
    known = crops["identity"] > 3
    unknown = crops | {"identity": np.where(known, crops["identity"], -1)}
    assert appearance(**unknown) == appearance(**{name: values[known] for name, values in crops.items()})
    nothing = appearance(np.zeros((0, 4)), [], []).figures()
    assert nothing["TPR@0.1"] is None
    assert nothing["R1"] is None
    assert nothing["crops"] == 0


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="3 rows of embedding, expected 2"):
        appearance(np.ones((3, 4)), [1, 2], [1, 1])
    with pytest.raises(UserError, match="row 1 is not finite"):
        appearance(np.array([[1.0], [np.nan]]), [1, 2], [1, 1])


def scene(rows: list[tuple[float, ...]], ids: list[int], marks: list[float], classes: list[int]) -> Annotation:
    """Rows of frame, x, y, w, h."""
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return Annotation(
        table[:, 0].astype(int),
        np.array(ids, dtype=int),
        xywh_to_xyxy(table[:, 1:]),
        np.array(marks, dtype=float),
        np.array(classes, dtype=int),
        np.linspace(0.1, 0.9, len(table)),
    )


def test_truth_of_pairs_one_to_one() -> None:
    truth = scene([(1, 0, 0, 50, 100), (1, 30, 0, 50, 100), (2, 0, 0, 50, 100)], [4, 5, 4], [1, 1, 0], [1, 1, 1])
    found = scene([(1, 2, 0, 50, 100), (1, 5, 0, 50, 100), (2, 0, 0, 50, 100)], [-1] * 3, [1] * 3, [0] * 3)
    named = truth_of(found, truth)
    assert named.id.tolist() == [4, -1, -1]  # the better one has it; 5 overlaps too little; the last is zero-marked
    assert named.visibility.tolist() == [truth.visibility[0], 0, 0]
    assert truth_of(found, truth[:0]).id.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("detector", "crops", "people", "tpr", "rank1", "mean_ap"),
    [("FRCNN", 3025, 24, 0.8383, 0.8654, 0.7815), ("SDP", 3460, 26, 0.7470, 0.8307, 0.7611)],
)
def test_a_real_model(
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
    named = truth_of(found, truth)
    assert named.embedding is not None
    result = appearance(named.embedding, named.id, named.frame, visibility=named.visibility)
    assert (result.crops, result.people) == (crops, people)
    assert (result.tpr[0.1], result.rank1, result.mean_ap) == pytest.approx((tpr, rank1, mean_ap), abs=2e-4)
