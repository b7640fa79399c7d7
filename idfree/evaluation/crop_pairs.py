"""Similarity statistics of all pairs of crops, in memory that does not grow with the number of pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.errors import UserError
from idfree.core.types import Floats, Integers
from idfree.evaluation.alignment import Mask

Similarities = NDArray[np.float32]  # cosine similarities
Embeddings = NDArray[np.float32]  # (K, D), of unit length

FRAME_GAPS = {"1-10": (1, 10), "11-30": (11, 30), "31-60": (31, 60), "61-150": (61, 150), ">150": (151, inf)}

BIN_WIDTH = 2.0**-17  # of the histograms of cosine similarities: 8e-6
BINS = 2**18 + 2  # from −1 to 1, and one more at both ends for the rounding of float32
SUB_BINS = 2**18  # bins of a refined histogram, within one bin
SAME_FRAME, OTHER_SEQUENCE = 0, len(FRAME_GAPS) + 1  # kinds of pairs; in between those of FRAME_GAPS, from 1
KINDS = len(FRAME_GAPS) + 2
PAIRS_PER_BLOCK = 2**22  # about 100 MB


@dataclass(frozen=True)
class SortedCrops:
    """Crops with known identity, sorted by sequence, then frame.

    embedding (K, D) of unit length; person (K,): number from 0 of each identity of each sequence; time (K,): frame,
    shifted so that sequences are more than `longest_gap` apart; visibility (K,); longest_gap: within one sequence.
    """

    embedding: Embeddings
    person: Integers
    time: Integers
    visibility: Floats
    longest_gap: int


def sort_crops(
    embedding: NDArray[np.floating[Any]],
    identity: ArrayLike,
    frame: ArrayLike,
    sequence: ArrayLike | None,
    visibility: ArrayLike | None,
) -> SortedCrops:
    """Validate and sort crops, and remove those of identity −1.

    Raises UserError if lengths differ or an embedding is not finite.
    """
    identity = np.asarray(identity, dtype=np.int64)
    columns = {
        "embedding": np.asarray(embedding),
        "frame": np.asarray(frame, dtype=np.int64),
        "sequence": np.zeros(len(identity), np.int64) if sequence is None else np.asarray(sequence, dtype=np.int64),
        "visibility": np.ones(len(identity)) if visibility is None else np.asarray(visibility, dtype=np.float64),
    }
    check_columns(columns, len(identity))
    embeddings, frames, sequences, visibilities = columns.values()
    rows = np.lexsort((identity, frames, sequences))
    rows = rows[identity[rows] != -1]
    embeddings, frames, visibilities = embeddings[rows].astype(np.float32), frames[rows], visibilities[rows]
    embeddings /= np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    _, sequence_index = np.unique(sequences[rows], return_inverse=True)
    _, person = np.unique(np.stack([sequence_index, identity[rows]]), axis=1, return_inverse=True)
    elapsed = frames - frames[np.searchsorted(sequence_index, sequence_index)]  # since the sequence's first crop
    longest_gap = int(elapsed.max(initial=0))
    time = elapsed + 2 * (longest_gap + 1) * sequence_index
    return SortedCrops(embeddings, person.ravel(), time, visibilities, longest_gap)


def check_columns(columns: dict[str, NDArray[Any]], length: int) -> None:
    """Raises UserError if a column has another length or an embedding is not finite."""
    for name, values in columns.items():
        if len(values) != length:
            raise UserError(f"appearance: {len(values)} rows of {name}, expected {length}, one for each identity")
    invalid = np.flatnonzero(~np.isfinite(columns["embedding"]).all(axis=1))
    if len(invalid):
        raise UserError(f"appearance: the embedding of row {invalid[0]} is not finite ({len(invalid)} such rows)")


def iterate_pairs(crops: SortedCrops) -> Iterator[tuple[Similarities, NDArray[np.float32], Mask]]:
    """All pairs of crops in blocks (R, C): cosine similarity, kind of pair (KINDS: not a pair), same person.

    The blocks are always the same: a float32 product may differ in its last bit in a block of another shape.
    """
    kind_of_gap = np.full(crops.longest_gap + 2, OTHER_SEQUENCE, dtype=np.float32)
    kind_of_gap[0] = SAME_FRAME
    for kind, (first, last) in enumerate(FRAME_GAPS.values(), start=1):
        kind_of_gap[first : int(min(last, crops.longest_gap)) + 1] = kind
    start, count = 0, len(crops.person)
    while start < count:
        stop = min(start + max(PAIRS_PER_BLOCK // (count - start), 1), count)
        cosine = crops.embedding[start:stop] @ crops.embedding[start:].T
        gap = crops.time[None, start:] - crops.time[start:stop, None]
        kinds = np.take(kind_of_gap, gap, mode="clip")
        kinds[np.tril_indices(stop - start)] = KINDS
        yield cosine, kinds, crops.person[start:stop, None] == crops.person[None, start:]
        start = stop


def similarity_histograms(crops: SortedCrops) -> Integers:
    """(2, KINDS, BINS) numbers of pairs of two people (0) and of one person (1), by kind and cosine similarity."""
    total = np.zeros((KINDS + 1) * 2 * BINS, dtype=np.int64)
    for cosine, kind, same in iterate_pairs(crops):
        key = bin_of(cosine)  # up to 16 × BINS: whole numbers that float32 represents exactly
        key += kind * np.float32(2 * BINS)
        np.add(key, np.float32(BINS), out=key, where=same)
        total += np.bincount(key.astype(np.intp).ravel(), minlength=len(total))
    return total.reshape(KINDS + 1, 2, BINS)[:KINDS].swapaxes(0, 1)


def similarities_by_gap(crops: SortedCrops) -> list[tuple[Similarities, Similarities]]:
    """For each of `FRAME_GAPS`, the similarities of all pairs of two people, and of one: exact, but needs memory."""
    parts: list[list[Similarities]] = [[] for _ in range(2 * len(FRAME_GAPS))]
    for cosine, kind, same in iterate_pairs(crops):
        for number in range(len(FRAME_GAPS)):
            has_gap = kind == number + 1
            parts[2 * number].append(cosine[has_gap & ~same])
            parts[2 * number + 1].append(cosine[has_gap & same])
    values = [np.concatenate(each) if each else np.zeros(0, np.float32) for each in parts]
    return list(zip(values[::2], values[1::2], strict=True))


def bin_of(cosine: Similarities) -> Similarities:
    """The histogram bin of each similarity, from 0 (rounding below −1): whole numbers in float32."""
    return np.floor(cosine * np.float32(1 / BIN_WIDTH)) + np.float32(1 / BIN_WIDTH + 1)


def refine_bins(crops: SortedCrops, bins: list[int], num_kinds: int) -> dict[int, Integers]:
    """For each of these bins, the histogram (2, BINS) of its pairs of two people (0) and of one (1), by sub-bin.

    Only pairs of a kind below `num_kinds`. Sub-bins are finer than float32: only equal similarities share one.
    """
    histograms = {number: np.zeros(2 * BINS, dtype=np.int64) for number in bins}
    for cosine, kind, same in iterate_pairs(crops):
        bin_number = bin_of(cosine)
        for number, histogram in histograms.items():
            selected = (bin_number == number) & (kind < num_kinds)
            position = cosine[selected].astype(np.float64) / BIN_WIDTH - (number - 1 / BIN_WIDTH - 1)  # 0…1, exact
            key = (position * SUB_BINS).astype(np.intp) + BINS * same[selected]
            histogram += np.bincount(key, minlength=len(histogram))
    return {number: histogram.reshape(2, BINS) for number, histogram in histograms.items()}
