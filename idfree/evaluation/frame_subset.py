"""Subsets of a sequence's frames for evaluation, renumbered from 1: the first ones, a half, or every n-th frame."""

from dataclasses import replace
from typing import Literal

from idfree.core.errors import UserError
from idfree.core.types import Annotation


def select_first(annotation: Annotation, count: int) -> Annotation:
    """The boxes of the first `count` frames. Raises UserError if count < 1."""
    if count < 1:
        raise UserError(f"--frames {count}: expected 1 or more")
    return annotation[annotation.frame <= count]


def select_half(annotation: Annotation, length: int, part: Literal["train", "val"]) -> tuple[Annotation, int]:
    """The boxes in one half of a sequence of `length` frames, renumbered from 1, and the length of that half.

    Of n frames, the first ⌊n/2⌋ + 1 train, the others validate (CenterTrack: Zhou 2020). Identities are not
    renumbered. Raises UserError if `part` is invalid.
    """
    if part not in ("train", "val"):
        raise UserError(f"half {part!r}: expected train or val")
    first = min(length // 2 + 1, length)
    if part == "train":
        return annotation[annotation.frame <= first], first
    second_half = annotation[annotation.frame > first]
    return replace(second_half, frame=second_half.frame - first), length - first


def select_every_nth(annotation: Annotation, n: int, length: int) -> tuple[Annotation, int]:
    """The boxes of frames 1, 1 + n, 1 + 2n …, renumbered 1, 2, 3 …, and the number of such frames in `length`.

    For results of `track --every n`, which keep the source's frame numbers. Raises UserError if n < 1.
    """
    if n < 1:
        raise UserError(f"every {n}: expected 1 or more")
    selected = annotation[(annotation.frame - 1) % n == 0]
    return replace(selected, frame=(selected.frame - 1) // n + 1), -(-length // n)
