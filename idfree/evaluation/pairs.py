"""Every pair of crops, counted by how similar the two are, in memory that does not grow with the pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.errors import UserError
from idfree.core.types import Floats, Integers

Similarities = NDArray[np.float32]
Flags = NDArray[np.bool_]

GAPS = {"1-10": (1, 10), "11-30": (11, 30), "31-60": (31, 60), "61-150": (61, 150), ">150": (151, inf)}  # frames

STEP = 2.0**-17  # cosines are counted in steps of 8e-6
STEPS = 2**18 + 2  # from −1 to 1, and one more at both ends for the rounding of float32
FINER = 2**18  # steps within one step that matters
SAME_FRAME, OTHER_SEQUENCE = 0, len(GAPS) + 1  # kinds of pairs, with the gaps 1, 2 … in between
KINDS = len(GAPS) + 2
BLOCK = 2**22  # pairs looked at at once: about 100 MB


@dataclass(frozen=True)
class SortedCrops:
    """Crops of known people by sequence, then frame. direction (K, D) of unit length; person (K,) from 0.

    time (K,): the frame, moved so that sequences are more than `span` apart, the longest gap within one.
    """

    direction: Similarities
    person: Integers
    time: Integers
    visibility: Floats
    span: int


def sorted_crops(
    embedding: NDArray[np.floating[Any]],
    identity: ArrayLike,
    frame: ArrayLike,
    sequence: ArrayLike | None,
    visibility: ArrayLike | None,
) -> SortedCrops:
    """Check, leave out the unknown, sort, and number the people. Raises UserError."""
    identity = np.asarray(identity, dtype=np.int64)
    columns = {
        "embedding": np.asarray(embedding),
        "frame": np.asarray(frame, dtype=np.int64),
        "sequence": np.zeros(len(identity), np.int64) if sequence is None else np.asarray(sequence, dtype=np.int64),
        "visibility": np.ones(len(identity)) if visibility is None else np.asarray(visibility, dtype=np.float64),
    }
    for name, values in columns.items():
        if len(values) != len(identity):
            raise UserError(
                f"appearance: {len(values)} rows of {name}, expected {len(identity)}, one for each identity"
            )
    direction, frames, sequences, visible = columns.values()
    odd = np.flatnonzero(~np.isfinite(direction).all(axis=1))
    if len(odd):
        raise UserError(f"appearance: the embedding of row {odd[0]} is not finite ({len(odd)} such rows)")
    rows = np.lexsort((identity, frames, sequences))
    rows = rows[identity[rows] != -1]
    direction, frames, visible = direction[rows].astype(np.float32), frames[rows], visible[rows]
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    _, number = np.unique(sequences[rows], return_inverse=True)
    _, person = np.unique(np.stack([number, identity[rows]]), axis=1, return_inverse=True)
    since = frames - frames[np.searchsorted(number, number)]  # within each sequence
    span = int(since.max(initial=0))
    return SortedCrops(direction, person.ravel(), since + 2 * (span + 1) * number, visible, span)


def pair_blocks(crops: SortedCrops) -> Iterator[tuple[Similarities, NDArray[np.float32], Flags]]:
    """Every pair of crops once, in blocks: its cosine, its kind (KINDS: no pair), whether it is of one person.

    Always the same blocks: a float32 product may differ in its last bit in a block of another shape.
    """
    kind = np.full(crops.span + 2, OTHER_SEQUENCE, dtype=np.float32)
    kind[0] = SAME_FRAME
    for number, (first, last) in enumerate(GAPS.values(), start=1):
        kind[first : int(min(last, crops.span)) + 1] = number
    start, count = 0, len(crops.person)
    while start < count:
        stop = min(start + max(BLOCK // (count - start), 1), count)
        cosine = crops.direction[start:stop] @ crops.direction[start:].T
        gap = crops.time[None, start:] - crops.time[start:stop, None]
        kinds = np.take(kind, gap, mode="clip")
        kinds[np.tril_indices(stop - start)] = KINDS
        yield cosine, kinds, crops.person[start:stop, None] == crops.person[None, start:]
        start = stop


def pair_counts(crops: SortedCrops) -> Integers:
    """(2, KINDS, STEPS): how many pairs there are of two people (0) or of one (1), of each kind, at each cosine."""
    total = np.zeros((KINDS + 1) * 2 * STEPS, dtype=np.int64)
    for cosine, kind, same in pair_blocks(crops):
        key = steps(cosine)  # up to 16 × STEPS: whole numbers that float32 holds
        key += kind * np.float32(2 * STEPS)
        np.add(key, np.float32(STEPS), out=key, where=same)
        total += np.bincount(key.astype(np.intp).ravel(), minlength=len(total))
    return total.reshape(KINDS + 1, 2, STEPS)[:KINDS].swapaxes(0, 1)


def gap_cosines(crops: SortedCrops) -> list[tuple[Similarities, Similarities]]:
    """For each of `GAPS`, the cosines of all its pairs of two people, and of one: for when there are few enough."""
    found: list[list[Similarities]] = [[] for _ in range(2 * len(GAPS))]
    for cosine, kind, same in pair_blocks(crops):
        for number in range(len(GAPS)):
            here = kind == number + 1
            found[2 * number].append(cosine[here & ~same])
            found[2 * number + 1].append(cosine[here & same])
    values = [np.concatenate(each) if each else np.zeros(0, np.float32) for each in found]
    return list(zip(values[::2], values[1::2], strict=True))


def steps(cosine: Similarities) -> Similarities:
    """The step in which each cosine lies, from 0 (or the rounding below −1) up: whole numbers in float32."""
    return np.floor(cosine * np.float32(1 / STEP)) + np.float32(1 / STEP + 1)


def close_counts(crops: SortedCrops, wanted: list[int], kinds: int) -> dict[int, Integers]:
    """(2, STEPS) for each step wanted: its pairs of two people (0) and of one (1), by cosine, `FINER` times finer.

    Only pairs of a kind below `kinds`. So fine is finer than float32 itself: only equal cosines fall together.
    """
    fine = {step: np.zeros(2 * STEPS, dtype=np.int64) for step in wanted}
    for cosine, kind, same in pair_blocks(crops):
        at = steps(cosine)
        for step, total in fine.items():
            here = (at == step) & (kind < kinds)
            part = cosine[here].astype(np.float64) / STEP - (step - 1 / STEP - 1)  # 0…1 of the step, exactly
            key = (part * FINER).astype(np.intp) + STEPS * same[here]
            total += np.bincount(key, minlength=len(total))
    return {step: total.reshape(2, STEPS) for step, total in fine.items()}
