"""Parts of a sequence to judge on: its first or second half, or every n-th frame; renumbered from 1."""

from dataclasses import replace
from typing import Literal

from idfree.core.errors import UserError
from idfree.core.types import Annotation


def half(annotation: Annotation, length: int, part: Literal["train", "val"]) -> tuple[Annotation, int]:
    """The boxes of one half of a sequence of `length` frames, renumbered from 1, and the length of that half.

    Of n frames, the first ⌊n/2⌋ + 1 train, the rest validate (Zhou 2020, CenterTrack). Identities keep their
    numbers; one that lives in the other half only is not there. Raises UserError at another part.
    """
    if part not in ("train", "val"):
        raise UserError(f"half {part!r}: expected train or val")
    first = min(length // 2 + 1, length)
    if part == "train":
        return annotation[annotation.frame <= first], first
    rest = annotation[annotation.frame > first]
    return replace(rest, frame=rest.frame - first), length - first


def every(annotation: Annotation, n: int, length: int) -> tuple[Annotation, int]:
    """The boxes of frames 1, 1 + n, 1 + 2n …, renumbered 1, 2, 3 …, and how many such frames there are.

    For results of `track --every n`, whose frames are numbered as in the source. Raises UserError where n < 1.
    """
    if n < 1:
        raise UserError(f"every {n}: expected 1 or more")
    kept = annotation[(annotation.frame - 1) % n == 0]
    return replace(kept, frame=(kept.frame - 1) // n + 1), -(-length // n)
