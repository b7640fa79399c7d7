"""Halves and every n-th frame."""

from collections.abc import Callable
from typing import Any

import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation.frame_subset import every, half

Annotate = Callable[[Any], Annotation]


@pytest.mark.parametrize(("length", "first"), [(0, 0), (1, 1), (2, 2), (7, 4), (8, 5), (525, 263)])
def test_halves_are_the_whole(annotate: Annotate, length: int, first: int) -> None:
    """The first ⌊n/2⌋ + 1 frames train, the rest validate and count from 1."""
    whole = annotate([[frame, frame % 3, frame, 0, 1, 1] for frame in range(1, length + 1)])
    train, train_length = half(whole, length, "train")
    val, val_length = half(whole, length, "val")
    assert (train_length, val_length) == (first, length - first)
    assert train.frame.tolist() == list(range(1, first + 1))
    assert val.frame.tolist() == list(range(1, length - first + 1))
    assert [*train.xyxy[:, 0], *val.xyxy[:, 0]] == whole.xyxy[:, 0].tolist()
    assert [*train.id, *val.id] == whole.id.tolist()


def test_rows_beyond_the_end_stay_beyond(annotate: Annotate) -> None:
    """So that they are still found and named."""
    val, length = half(annotate([[9, 1, 0, 0, 1, 1]]), 8, "val")
    assert (val.frame.tolist(), length) == ([4], 3)


@pytest.mark.parametrize(
    ("n", "length", "kept"), [(1, 4, [1, 2, 3, 4]), (3, 7, [1, 4, 7]), (3, 9, [1, 4, 7]), (9, 4, [1])]
)
def test_every(annotate: Annotate, n: int, length: int, kept: list[int]) -> None:
    whole = annotate([[frame, 1, frame, 0, 1, 1] for frame in range(1, length + 1)])
    part, part_length = every(whole, n, length)
    assert part.xyxy[:, 0].tolist() == kept
    assert part.frame.tolist() == list(range(1, part_length + 1))


def test_mistakes(annotate: Annotate) -> None:
    with pytest.raises(UserError, match="half 'test': expected train or val"):
        half(annotate([]), 4, "test")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="every 0: expected 1 or more"):
        every(annotate([]), 0, 4)
