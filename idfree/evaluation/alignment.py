"""Truth and results of one sequence as flat arrays, and which boxes of the two share how much of their area."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import area, iou_of_pairs, touching_pairs
from idfree.core.types import Annotation, Floats, Integers

EPS = float(np.finfo(np.float64).eps)  # the slack of the official kit's comparisons
BLOCK = 500_000  # box pairs looked at in one go: bounds the memory in a crowd


@dataclass(frozen=True, eq=False)
class Alignment:
    """What is compared: a row per box, sorted by frame, and a row per pair of boxes that share area.

    gt_frame, gt_id (G,) and tracker_frame, tracker_id (D,): frames from 0, identities 0…gt_ids − 1 without gaps.
    gt, tracker (P,): the rows of each pair, in order of frames. similarity (P,): its IoU, above 0.
    frames: the length of the sequence.
    """

    frames: int
    gt_frame: Integers
    gt_id: Integers
    tracker_frame: Integers
    tracker_id: Integers
    gt: Integers
    tracker: Integers
    similarity: Floats

    @property
    def gt_ids(self) -> int:
        """How many identities the truth has."""
        return int(self.gt_id.max(initial=-1)) + 1

    @property
    def tracker_ids(self) -> int:
        """How many identities the results have."""
        return int(self.tracker_id.max(initial=-1)) + 1

    @cached_property
    def frame(self) -> Integers:
        """(P,) the frame of each pair."""
        return self.gt_frame[self.gt]

    @cached_property
    def gt_from(self) -> Integers:
        """(frames + 1,) the first row of truth of each frame, and their number."""
        return np.searchsorted(self.gt_frame, np.arange(self.frames + 1))

    @cached_property
    def tracker_from(self) -> Integers:
        """(frames + 1,) the first row of results of each frame, and their number."""
        return np.searchsorted(self.tracker_frame, np.arange(self.frames + 1))

    @cached_property
    def pair_from(self) -> list[int]:
        """The first pair of each frame, and their number."""
        return np.searchsorted(self.frame, np.arange(self.frames + 1)).tolist()

    @cached_property
    def shape(self) -> list[tuple[int, int]]:
        """How many boxes of truth and of results each frame has."""
        return list(zip(np.diff(self.gt_from).tolist(), np.diff(self.tracker_from).tolist(), strict=True))

    @cached_property
    def cell(self) -> Integers:
        """(P,) the place of each pair in the matrix of its frame, truth × results, row after row."""
        row, column = self.gt - self.gt_from[self.frame], self.tracker - self.tracker_from[self.frame]
        return row * np.diff(self.tracker_from)[self.frame] + column

    def frames_of(self, pairs: NDArray[Any]) -> Integers:
        """The frames, ascending, in which some pairs (mask or index) lie."""
        seen = np.zeros(self.frames, dtype=np.bool_)
        seen[self.frame[pairs]] = True
        return np.flatnonzero(seen)

    def pairs_of(self, frame: int) -> slice:
        """The pairs of one frame."""
        return slice(self.pair_from[frame], self.pair_from[frame + 1])

    def dense(self, frame: int, values: Floats) -> Floats:
        """`values`, one per pair of a frame, as the matrix of that frame, truth × results; 0 elsewhere."""
        matrix = np.zeros(self.shape[frame])
        matrix.reshape(-1)[self.cell[self.pairs_of(frame)]] = values
        return matrix

    def without(self, gt: NDArray[np.bool_], tracker: NDArray[np.bool_]) -> "Alignment":
        """The scene less the masked rows (G,), (D,) of truth and results; identities are numbered anew."""
        gt, tracker = ~gt, ~tracker
        pairs = gt[self.gt] & tracker[self.tracker]
        return Alignment(
            self.frames,
            self.gt_frame[gt],
            numbered(self.gt_id[gt])[1],
            self.tracker_frame[tracker],
            numbered(self.tracker_id[tracker])[1],
            (np.cumsum(gt) - 1)[self.gt[pairs]],
            (np.cumsum(tracker) - 1)[self.tracker[pairs]],
            self.similarity[pairs],
        )


def align(truth: Annotation, results: Annotation, frames: int) -> Alignment:
    """Truth and results of a sequence of so many frames, compared box by box."""
    gt, tracker, similarity = overlaps(truth, results, frames)
    return Alignment(
        frames,
        truth.frame - 1,
        numbered(truth.id)[1],
        results.frame - 1,
        numbered(results.id)[1],
        gt,
        tracker,
        similarity,
    )


def numbered(values: Integers) -> tuple[Integers, Integers]:
    """The distinct values, ascending, and the place of each value among them."""
    span = int(values.max(initial=-1)) + 1
    if values.min(initial=0) < 0 or span > 16 * len(values) + 1024:
        distinct, place = np.unique(values, return_inverse=True)
        return distinct, place.reshape(len(values))
    place = np.zeros(span, dtype=np.int64)  # a table where it stays small: five times faster than sorting
    place[values] = 1
    distinct = np.flatnonzero(place)
    place[distinct] = np.arange(len(distinct))
    return distinct, place[values]


def overlaps(truth: Annotation, results: Annotation, frames: int) -> tuple[Integers, Integers, Floats]:
    """Row pairs (i, j) of truth and results that lie in one frame and share area, i ascending, and their IoU > 0."""
    gt_from, tracker_from = (np.searchsorted(a.frame, np.arange(1, frames + 2)) for a in (truth, results))
    work = np.cumsum(np.diff(gt_from) * np.diff(tracker_from))
    edges = [0, *(np.flatnonzero(np.diff(work // BLOCK)) + 1), frames]
    blocks = [np.zeros((2, 0), dtype=np.int64)]
    for first, last in pairwise(edges):
        a, b = slice(gt_from[first], gt_from[last]), slice(tracker_from[first], tracker_from[last])
        i, j = touching_in_frame(truth.frame[a], truth.xyxy[a], results.frame[b], results.xyxy[b])
        blocks.append(np.stack([i + a.start, j + b.start]))
    i, j = np.concatenate(blocks, axis=1)
    similarity = iou_of_pairs(truth.xyxy[i], results.xyxy[j])
    share = similarity > 0
    return i[share], j[share], similarity[share]


def touching_in_frame(
    a_frame: Integers, a_xyxy: Floats, b_frame: Integers, b_xyxy: Floats
) -> tuple[Integers, Integers]:
    """Row pairs (i, j), i ascending, of boxes of one frame that may share area: all that do, and a few near misses.

    The frames are laid side by side in x, so that one sweep does for all. That rounds the last digits off, hence
    the near misses: boxes of `a` reach one pixel further. Boxes without area, or not finite, touch nothing.
    """
    i, j = (np.flatnonzero((size > EPS) & (size < np.inf)) for size in (area(a_xyxy), area(b_xyxy)))
    a, b, frame = a_xyxy[i], b_xyxy[j], np.concatenate([a_frame[i], b_frame[j]])
    if len(a) == 0 or len(b) == 0:
        return i[:0], j[:0]
    x = np.concatenate([a[:, [0, 2]], b[:, [0, 2]]])
    x += (np.ptp(x) + 4) * (frame - frame.min())[:, None]
    a[:, [0, 2]], b[:, [0, 2]] = np.split(x, [len(a)])
    in_a, in_b = touching_pairs(a + np.array([-1, -1, 1, 1]), b)
    return i[in_a], j[in_b]
