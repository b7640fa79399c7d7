"""Acceptance test without labels: tracklets are cut in two at random gaps, and each encoder re-links the halves.

A person who is lost for a moment and found again is what appearance is for in tracking. A long tracklet with its middle
left out is such a case, and its answer is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.encoder import Embedding, Encoder
from idfree.core.cropset import CropSet
from idfree.core.stored_crops import select
from idfree.core.types import Floats, Integers

GAP = (0.5, 4.0)  # seconds
SEEDS = 5  # cuts of each tracklet
MIN_HALF = 2  # crops that a half has at the least
MAX_COMPARED = 8  # crops of each half that are compared: the ones nearest to the gap
TIE = 0.005  # difference of two scores that counts as none
CLEAR = 2.0  # standard errors that a gain must exceed: chance alone does so about once in forty times
FEW_JUDGED = 4  # cut tracklets: fewer cannot show that training has helped


@dataclass(frozen=True)
class Cut:
    """A tracklet cut in two: rows of crops of its later half, and of each tracklet that has begun by then.

    own: the number of its own earlier half among `gallery`.
    """

    tracklet: int
    later: Integers
    gallery: list[Integers]
    own: int


@dataclass(frozen=True)
class Relinked:
    """Which cuts (C,) are re-linked: the own half is nearest; it is, and within the match threshold ("right")."""

    is_nearest: NDArray[np.bool_]
    is_right: NDArray[np.bool_]

    @property
    def score(self) -> Floats:
        """(C,) mean of both."""
        return (self.is_nearest.astype(float) + self.is_right) / 2

    def where(self, mask: NDArray[np.bool_], other: "Relinked") -> "Relinked":
        """With the rows of `other` where a mask (C,) is True."""
        return Relinked(
            np.where(mask, other.is_nearest, self.is_nearest), np.where(mask, other.is_right, self.is_right)
        )


def cut_tracklets(crops: CropSet, among: NDArray[np.bool_], frame_rate: Sequence[float], seed: int = 0) -> list[Cut]:
    """Cut each tracklet of a mask (T,) that is long enough SEEDS times. frame_rate: of each video, frames per second.

    Tracklets of one person may lie in the gallery twice; that makes the test harder for all encoders alike.
    """
    random = np.random.default_rng(seed)
    order = np.lexsort((crops.frame, crops.tracklet))
    rows = np.split(order, np.flatnonzero(np.diff(crops.tracklet[order])) + 1)
    video = crops.tracklet_video()
    cuts = []
    for tracklet in np.flatnonzero(among).tolist():
        rate = frame_rate[video[tracklet]]
        neighbours = [rows[other] for other in np.flatnonzero(video == video[tracklet]) if other != tracklet]
        for _ in range(SEEDS):
            if gap := draw_gap(crops.frame[rows[tracklet]], rate, random):
                cuts.append(make_cut(crops.frame, tracklet, rows[tracklet], neighbours, gap))
    return cuts


def draw_gap(frame: Integers, rate: float, random: np.random.Generator) -> tuple[float, float] | None:
    """Last frame of the earlier half and first of the later one, from sorted frames (K,); None if it is too short."""
    if len(frame) < 2 * MIN_HALF or frame[0] < 0:
        return None
    earliest, latest = float(frame[MIN_HALF - 1]), float(frame[-MIN_HALF])
    longest = min(GAP[1] * rate, latest - earliest)
    if longest < GAP[0] * rate:
        return None
    gap = random.uniform(GAP[0] * rate, longest)
    end = random.uniform(earliest, latest - gap)
    return end, end + gap


def make_cut(
    frame: Integers, tracklet: int, rows: Integers, neighbours: list[Integers], gap: tuple[float, float]
) -> Cut:
    """The cut of a tracklet with the crops `rows` (K,), among those with the crops `neighbours`; rows by frame."""
    end, begin = gap
    gallery = [rows[frame[rows] <= end][-MAX_COMPARED:]]
    gallery += [seen for other in neighbours if len(seen := other[frame[other] < begin][-MAX_COMPARED:])]
    return Cut(tracklet, rows[frame[rows] >= begin][:MAX_COMPARED], gallery, own=0)


def relink(distances: list[Floats], cuts: Sequence[Cut], threshold: float | None) -> Relinked:
    """Which cuts are re-linked, from the distances of each to its gallery; nothing is within the threshold None."""
    nearest = [not np.any(np.delete(each, cut.own) <= each[cut.own]) for each, cut in zip(distances, cuts, strict=True)]
    limit = -np.inf if threshold is None else threshold
    accepted = [each[cut.own] <= limit for each, cut in zip(distances, cuts, strict=True)]
    is_nearest = np.array(nearest, dtype=bool)
    return Relinked(is_nearest, is_nearest & np.array(accepted, dtype=bool))


def embedding_distances(embedding: Embedding, cuts: Sequence[Cut]) -> list[Floats]:
    """Mean cosine distances (G,) between the crops of the later half and those of each in the gallery."""
    return [
        1 - np.stack([embedding[rows].mean(axis=0) for rows in cut.gallery]) @ embedding[cut.later].mean(axis=0)
        for cut in cuts
    ]


def position_distances(xyxy: Floats, cuts: Sequence[Cut]) -> list[Floats]:
    """Distances (G,) of centres, in heights of the box, between the two sides of the gap: without appearance."""
    centre, height = (xyxy[:, :2] + xyxy[:, 2:]) / 2, np.maximum(xyxy[:, 3] - xyxy[:, 1], 1)
    return [
        np.linalg.norm(centre[[rows[-1] for rows in cut.gallery]] - centre[cut.later[0]], axis=1) / height[cut.later[0]]
        for cut in cuts
    ]


def relink_embeddings(embedding: Embedding, cuts: Sequence[Cut], threshold: float | None) -> Relinked:
    """Re-link with the unit embeddings (K, D) of all crops."""
    return relink(embedding_distances(embedding, cuts), cuts, threshold)


def relink_with(encoder: Encoder, crops: CropSet, cuts: Sequence[Cut]) -> Relinked:
    """Re-link with the embeddings and the match threshold of an encoder; only the crops of cuts are embedded."""
    if not cuts:
        return relink([], cuts, None)
    rows = np.unique(np.concatenate([part for cut in cuts for part in (cut.later, *cut.gallery)]))
    embedding = np.zeros((len(crops), encoder.dimension), dtype=np.float32)
    embedding[rows] = encoder.embed_crops(select(crops.crops, rows))
    return relink_embeddings(embedding, cuts, encoder.match_threshold)


@dataclass(frozen=True)
class Gain:
    """Mean gain in the score of one candidate over another, its standard error over tracklets, and their number.

    mean, error: None with fewer than FEW_JUDGED tracklets, which show nothing.
    """

    mean: float | None
    error: float | None
    tracklets: int

    @property
    def is_clear(self) -> bool:
        """Whether it is above TIE and CLEAR standard errors."""
        return self.mean is not None and self.error is not None and self.mean > max(TIE, CLEAR * self.error)


def compare(challenger: Relinked, best: Relinked, tracklet: Integers, is_judged: NDArray[np.bool_]) -> Gain:
    """The gain of a challenger on the cuts of a mask (C,). tracklet: (C,), of each cut."""
    numbers, index = np.unique(tracklet[is_judged], return_inverse=True)
    if len(numbers) < FEW_JUDGED:
        return Gain(None, None, len(numbers))
    by_tracklet = np.bincount(index, (challenger.score - best.score)[is_judged]) / np.bincount(index)
    error = float(by_tracklet.std(ddof=1) / np.sqrt(len(numbers)))
    return Gain(round(float(by_tracklet.mean()), 4), round(error, 4), len(numbers))


def describe(relinked: Relinked, is_judged: NDArray[np.bool_], has_threshold: bool = True) -> dict[str, float | None]:
    """Shares of the cuts of a mask (C,) that are re-linked; None without cuts, and without a threshold."""
    if not is_judged.any():
        return {"rank1": None, "right": None}
    right = round(float(relinked.is_right[is_judged].mean()), 4) if has_threshold else None
    return {"rank1": round(float(relinked.is_nearest[is_judged].mean()), 4), "right": right}
