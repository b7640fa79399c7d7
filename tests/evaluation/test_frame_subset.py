"""Halves and every n-th frame."""

from collections.abc import Callable
from typing import Any

import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation.frame_subset import select_every_nth, select_half

Annotate = Callable[[Any], Annotation]


@pytest.mark.parametrize(("length", "first"), [(0, 0), (1, 1), (2, 2), (7, 4), (8, 5), (525, 263)])
def test_halves_partition_the_sequence(annotate: Annotate, length: int, first: int) -> None:
    """The first ⌊n/2⌋ + 1 frames train, the rest validate and count from 1."""
    whole = annotate([[frame, frame % 3, frame, 0, 1, 1] for frame in range(1, length + 1)])
    train, train_length = select_half(whole, length, "train")
    val, val_length = select_half(whole, length, "val")
    assert (train_length, val_length) == (first, length - first)
    assert train.frame.tolist() == list(range(1, first + 1))
    assert val.frame.tolist() == list(range(1, length - first + 1))
    assert [*train.xyxy[:, 0], *val.xyxy[:, 0]] == whole.xyxy[:, 0].tolist()
    assert [*train.id, *val.id] == whole.id.tolist()


def test_rows_outside_the_sequence_stay_outside(annotate: Annotate) -> None:
    """So that later checks report them."""
    val, length = select_half(annotate([[9, 1, 0, 0, 1, 1]]), 8, "val")
    assert (val.frame.tolist(), length) == ([4], 3)


@pytest.mark.parametrize(
    ("n", "length", "selected"), [(1, 4, [1, 2, 3, 4]), (3, 7, [1, 4, 7]), (3, 9, [1, 4, 7]), (9, 4, [1])]
)
def test_every_nth(annotate: Annotate, n: int, length: int, selected: list[int]) -> None:
    whole = annotate([[frame, 1, frame, 0, 1, 1] for frame in range(1, length + 1)])
    part, part_length = select_every_nth(whole, n, length)
    assert part.xyxy[:, 0].tolist() == selected
    assert part.frame.tolist() == list(range(1, part_length + 1))


def test_invalid_input(annotate: Annotate) -> None:
    with pytest.raises(UserError, match="half 'test': expected train or val"):
        select_half(annotate([]), 4, "test")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="every 0: expected 1 or more"):
        select_every_nth(annotate([]), 0, 4)
