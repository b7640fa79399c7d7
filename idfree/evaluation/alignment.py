"""Ground truth and tracker boxes of one sequence as flat arrays, with the IoU of each pair of overlapping boxes.

Following TrackEval's names, "gt" is the ground truth and "tracker" the results of a tracker.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import area, overlapping_pairs_in_frames, paired_iou
from idfree.core.types import Annotation, Floats, Integers

Mask = NDArray[np.bool_]

MIN_IOU = 0.5  # of a match in CLEAR, of the identity metrics, and of a result with a distractor (MOTChallenge)
EPS = float(np.finfo(np.float64).eps)  # tolerance of TrackEval's comparisons
PAIRS_PER_BLOCK = 500_000  # candidate pairs compared at once, which bounds the memory in crowded sequences


@dataclass(frozen=True, eq=False)
class Alignment:
    """G ground truth boxes and D tracker boxes, sorted by frame, and P pairs of boxes that overlap in one frame.

    num_frames: length of the sequence. gt_frame, gt_id (G,), tracker_frame, tracker_id (D,): frames from 0, identities
    0 … num_gt_ids − 1 without gaps. gt_row, tracker_row (P,): the two boxes of each pair, pairs sorted by gt_row.
    similarity (P,): IoU of each pair, > 0. gt_area (G,): px².
    """

    num_frames: int
    gt_frame: Integers
    gt_id: Integers
    tracker_frame: Integers
    tracker_id: Integers
    gt_row: Integers
    tracker_row: Integers
    similarity: Floats
    gt_area: Floats

    @property
    def num_gt_ids(self) -> int:
        """Number of ground truth identities."""
        return int(self.gt_id.max(initial=-1)) + 1

    @property
    def num_tracker_ids(self) -> int:
        """Number of tracker identities."""
        return int(self.tracker_id.max(initial=-1)) + 1

    @cached_property
    def pair_frame(self) -> Integers:
        """(P,) frame of each pair."""
        return self.gt_frame[self.gt_row]

    @cached_property
    def gt_offsets(self) -> Integers:
        """(num_frames + 1,) row of the first ground truth box of each frame, then G (as CSR's index pointers)."""
        return np.searchsorted(self.gt_frame, np.arange(self.num_frames + 1))

    @cached_property
    def tracker_offsets(self) -> Integers:
        """(num_frames + 1,) row of the first tracker box of each frame, then D."""
        return np.searchsorted(self.tracker_frame, np.arange(self.num_frames + 1))

    @cached_property
    def pair_offsets(self) -> list[int]:
        """The index of the first pair of each frame, then P."""
        return np.searchsorted(self.pair_frame, np.arange(self.num_frames + 1)).tolist()

    @cached_property
    def frame_shapes(self) -> list[tuple[int, int]]:
        """The number of ground truth and tracker boxes in each frame."""
        return list(zip(np.diff(self.gt_offsets).tolist(), np.diff(self.tracker_offsets).tolist(), strict=True))

    @cached_property
    def flat_index(self) -> Integers:
        """(P,) position of each pair in the flattened (ground truth × tracker) matrix of its frame."""
        row = self.gt_row - self.gt_offsets[self.pair_frame]
        column = self.tracker_row - self.tracker_offsets[self.pair_frame]
        return row * np.diff(self.tracker_offsets)[self.pair_frame] + column

    def frames_of(self, pairs: NDArray[Any]) -> Integers:
        """The distinct frames of the pairs selected by mask or index, ascending."""
        mask = np.zeros(self.num_frames, dtype=np.bool_)
        mask[self.pair_frame[pairs]] = True
        return np.flatnonzero(mask)

    def pairs_in(self, frame: int) -> slice:
        """The pairs of one frame."""
        return slice(self.pair_offsets[frame], self.pair_offsets[frame + 1])

    def to_matrix(self, frame: int, values: Floats) -> Floats:
        """`values`, one per pair of a frame, as the (ground truth × tracker) matrix of the frame; 0 elsewhere."""
        matrix = np.zeros(self.frame_shapes[frame])
        matrix.reshape(-1)[self.flat_index[self.pairs_in(frame)]] = values
        return matrix

    def without_boxes(self, gt_mask: Mask, tracker_mask: Mask) -> "Alignment":
        """Remove the boxes of two masks (G,), (D,), and renumber the identities."""
        gt_kept, tracker_kept = ~gt_mask, ~tracker_mask
        pairs = gt_kept[self.gt_row] & tracker_kept[self.tracker_row]
        return Alignment(
            self.num_frames,
            self.gt_frame[gt_kept],
            unique_inverse(self.gt_id[gt_kept])[1],
            self.tracker_frame[tracker_kept],
            unique_inverse(self.tracker_id[tracker_kept])[1],
            (np.cumsum(gt_kept) - 1)[self.gt_row[pairs]],
            (np.cumsum(tracker_kept) - 1)[self.tracker_row[pairs]],
            self.similarity[pairs],
            self.gt_area[gt_kept],
        )


def align(ground_truth: Annotation, results: Annotation, num_frames: int) -> Alignment:
    """Align the ground truth and results of one sequence of `num_frames` frames; both sorted by frame."""
    gt_row, tracker_row, similarity = find_overlaps(ground_truth, results, num_frames)
    return Alignment(
        num_frames,
        ground_truth.frame - 1,
        unique_inverse(ground_truth.id)[1],
        results.frame - 1,
        unique_inverse(results.id)[1],
        gt_row,
        tracker_row,
        similarity,
        area(ground_truth.xyxy),
    )


def unique_inverse(values: Integers) -> tuple[Integers, Integers]:
    """The distinct values (U,), ascending, and the index of each value among them: `np.unique`, but faster."""
    span = int(values.max(initial=-1)) + 1
    if values.min(initial=0) < 0 or span > 16 * len(values) + 1024:
        distinct, inverse = np.unique(values, return_inverse=True)
        return distinct, inverse.reshape(len(values))
    index = np.zeros(span, dtype=np.int64)  # a lookup table if it is small: five times faster than sorting
    index[values] = 1
    distinct = np.flatnonzero(index)
    index[distinct] = np.arange(len(distinct))
    return distinct, index[values]


def find_overlaps(a: Annotation, b: Annotation, num_frames: int) -> tuple[Integers, Integers, Floats]:
    """Row pairs (P,), (P,) of boxes that overlap in one frame, i ascending, and their IoU (P,) > 0."""
    a_offsets, b_offsets = (np.searchsorted(side.frame, np.arange(1, num_frames + 2)) for side in (a, b))
    candidates = np.cumsum(np.diff(a_offsets) * np.diff(b_offsets))
    edges = [0, *(np.flatnonzero(np.diff(candidates // PAIRS_PER_BLOCK)) + 1), num_frames]
    blocks = [np.zeros((2, 0), dtype=np.int64)]
    for first, last in pairwise(edges):
        rows_a, rows_b = slice(a_offsets[first], a_offsets[last]), slice(b_offsets[first], b_offsets[last])
        i, j = overlapping_pairs_in_frames(a.frame[rows_a], a.xyxy[rows_a], b.frame[rows_b], b.xyxy[rows_b])
        blocks.append(np.stack([i + rows_a.start, j + rows_b.start]))
    i, j = np.concatenate(blocks, axis=1)
    similarity = paired_iou(a.xyxy[i], b.xyxy[j])
    overlapping = similarity > 0
    return i[overlapping], j[overlapping], similarity[overlapping]
