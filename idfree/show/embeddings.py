"""Plots of embeddings with known identities: t-SNE, OUTrack's matching matrix of two frames, distance histograms."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Annotation, Floats, Image, Integers
from idfree.show.colours import palette
from idfree.show.text import draw_heading, paste, render_label
from idfree.show.tsne import tsne

SIDE, MARGIN, TEXT = 900, 40, 11  # px: image side, margin, text height
DOT = 4  # px, radius
GREEN, RED, GREY = (55, 127, 26), (46, 34, 207), (160, 160, 160)  # b, g, r
DARK = np.array([100.0, 40.0, 10.0])  # b, g, r of a matrix entry of 1; 0 is white
CELLS = (3, 40)  # px: minimum and maximum side of a cell of the matrix
LIGHT_GREY = (230, 230, 230)  # grid
BINS = 100  # of the histograms of cosine distances, 0…2


@dataclass(frozen=True)
class MatchingMatrix:
    """Soft assignment matrix M of the objects of two frames (Liu 2021, OUTrack, sec. 3.1).

    weights (N, N + 1): assignment of each object to every other one and, in the last column, to the placeholder.
    identity (N,). first_count: number of objects of the first frame. placeholder: similarity of all objects to it.
    """

    weights: Floats
    identity: Integers
    first_count: int
    placeholder: float

    @property
    def metrics(self) -> dict[str, float | None]:
        """Metrics by name.

        placeholder: its similarity. to_placeholder: mean assignment to it. matched: accuracy of the largest assignment
        of identities that are in both frames, None if there are none.
        """
        same = (self.identity[:, None] == self.identity) & ~np.eye(len(self.identity), dtype=bool)
        in_both = same.any(axis=1)
        correct = np.pad(same, ((0, 0), (0, 1)))[np.arange(len(same)), self.weights.argmax(axis=1)]
        return {
            "placeholder": self.placeholder,
            "to_placeholder": float(self.weights[:, -1].mean()) if len(same) else None,
            "matched": float(correct[in_both].mean()) if in_both.any() else None,
        }


def match_frames(boxes: Annotation, frames: tuple[int, int]) -> MatchingMatrix:
    """Matching matrix of the boxes of two frames, each sorted by identity (placeholder and temperature of OUTrack)."""
    rows = [boxes[boxes.rows_at(frame)] for frame in frames]
    first, second = (part[np.argsort(part.id, kind="stable")] for part in rows)
    unit = normalise(np.concatenate([embedding_of(first), embedding_of(second)]))
    count, similarity = len(unit), (unit @ unit.T).astype(np.float64)
    off_diagonal = ~np.eye(count, dtype=bool)
    placeholder = float(similarity[off_diagonal].mean()) if count > 1 else 0.0
    similarity = np.where(off_diagonal, similarity, -np.inf)
    logits = 2 * np.log(count + 2) * np.column_stack([similarity, np.full(count, placeholder)])  # of count + 1 columns
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True, initial=placeholder))
    weights = exponential / exponential.sum(axis=1, keepdims=True)
    return MatchingMatrix(weights, np.concatenate([first.id, second.id]), len(first), placeholder)


def choose_frames(boxes: Annotation, gap: int) -> tuple[int, int] | None:
    """The two frames at most `gap` apart with the most common identities, then the largest gap; None if one."""
    frames = np.unique(boxes.frame)
    people = {frame: set(boxes.id[boxes.rows_at(frame)].tolist()) for frame in frames.tolist()}
    partner = frames[np.searchsorted(frames, frames + gap, side="right") - 1]
    pairs = list(zip(frames.tolist(), partner.tolist(), strict=True))
    distinct = [(a, b) for a, b in pairs if a != b]
    return max(distinct, key=lambda pair: (len(people[pair[0]] & people[pair[1]]), pair[1] - pair[0]), default=None)


def pair_cosines(boxes: Annotation) -> tuple[Floats, Floats]:
    """Cosine similarities of all same-identity pairs and of all different-identity pairs."""
    unit = normalise(embedding_of(boxes))
    i, j = np.triu_indices(len(unit), k=1)
    cosine = (unit @ unit.T).astype(np.float64)[i, j]
    same = boxes.id[i] == boxes.id[j]
    return cosine[same], cosine[~same]


def sample_evenly(boxes: Annotation, max_count: int) -> Annotation:
    """At most `max_count` rows with a known identity, evenly spaced over time."""
    rows = np.flatnonzero(boxes.id >= 0)
    return boxes[rows[np.unique(np.linspace(0, len(rows) - 1, min(max_count, len(rows))).round().astype(int))]]


def draw_tsne(boxes: Annotation, title: str) -> Image:
    """t-SNE plot of embeddings: a dot each in the colour of its identity, the id at the median position."""
    import cv2

    canvas = white_image(SIDE, SIDE)
    xy = tsne(normalise(embedding_of(boxes)))
    low, high = xy.min(axis=0), xy.max(axis=0)
    xy = SIDE / 2 + (xy - (low + high) / 2) / max(float((high - low).max()), 1e-9) * (SIDE - 2 * MARGIN)
    for (x, y), colour in zip(xy.round().astype(int).tolist(), palette(boxes.id), strict=True):
        cv2.circle(canvas, (x, y), DOT, colour, cv2.FILLED, cv2.LINE_AA)
    for identity, colour in zip(identities := np.unique(boxes.id), palette(identities), strict=True):
        x, y = np.median(xy[boxes.id == identity], axis=0).astype(int).tolist()
        paste(canvas, render_label(str(identity), TEXT, colour), x + DOT, y + DOT)
    draw_heading(canvas, title, TEXT)
    return canvas


def draw_matrix(matching: MatchingMatrix, title: str) -> Image:
    """Draw the matching matrix: large entries are dark, the placeholder column is on the right, true matches are
    outlined in green, grey lines separate the frames.
    """
    import cv2

    count = len(matching.weights)
    side = int(np.clip((SIDE - 2 * MARGIN) // max(count + 1, 1), *CELLS))
    cells = (255 - matching.weights[..., None] * (255 - DARK)).round().astype(np.uint8)
    canvas = white_image(count * side + 2 * MARGIN, max((count + 1) * side, SIDE // 2) + 2 * MARGIN)
    enlarged = cells.repeat(side, axis=0).repeat(side, axis=1)
    canvas[MARGIN : MARGIN + enlarged.shape[0], MARGIN : MARGIN + enlarged.shape[1]] = enlarged
    for k in (0, matching.first_count, count):
        at = MARGIN + k * side
        cv2.line(canvas, (MARGIN, at), (MARGIN + (count + 1) * side, at), GREY)
        cv2.line(canvas, (at, MARGIN), (at, MARGIN + count * side), GREY)
    same = (matching.identity[:, None] == matching.identity) & ~np.eye(count, dtype=bool)
    for y, x in MARGIN + side * np.argwhere(same):
        cv2.rectangle(canvas, (int(x), int(y)), (int(x) + side - 1, int(y) + side - 1), GREEN)
    for k, colour in enumerate(palette(matching.identity)):
        at, end = MARGIN + k * side, MARGIN + (k + 1) * side - 1
        cv2.rectangle(canvas, (MARGIN - 8, at), (MARGIN - 3, end), colour, cv2.FILLED)
        cv2.rectangle(canvas, (at, MARGIN + count * side + 3), (end, MARGIN + count * side + 8), colour, cv2.FILLED)
    draw_heading(canvas, title, TEXT)
    return canvas


def draw_distances(same: Floats, other: Floats, title: str) -> Image:
    """Histograms of cosine distances of same-identity (green) and different-identity pairs (red), from cosines."""
    import cv2

    canvas, edges = white_image(SIDE // 2, SIDE), np.linspace(0, 2, BINS + 1)
    counts = [np.histogram(np.clip(1 - cosine, 0, 2), edges)[0] / max(len(cosine), 1) for cosine in (same, other)]
    height, width = canvas.shape[0] - 2 * MARGIN, SIDE - 2 * MARGIN
    top = max(float(np.max(counts)), 1e-9)
    for tick in (0.0, 0.5, 1.0, 1.5, 2.0):
        x = MARGIN + round(tick / 2 * width)
        cv2.line(canvas, (x, MARGIN), (x, MARGIN + height), LIGHT_GREY)
        paste(canvas, render_label(f"{tick:g}", TEXT, (255, 255, 255)), x - TEXT, MARGIN + height)
    for count, colour in zip(counts, (GREEN, RED), strict=True):
        x_of_bin, y_of_bin = (edges[:-1] + edges[1:]) / 4 * width, height * (1 - count / top)
        line = (MARGIN + np.stack([x_of_bin, y_of_bin], axis=1)).round().astype(np.int32)
        cv2.polylines(canvas, [line], False, colour, 2, cv2.LINE_AA)
    for row, (text, colour) in enumerate((("one person", GREEN), ("two people", RED))):
        paste(canvas, render_label(text, TEXT, colour), SIDE, MARGIN * (1 + row))
    draw_heading(canvas, title, TEXT)
    return canvas


def normalise(embedding: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """L2-normalise rows (K, D); zero rows stay zero."""
    embedding = np.asarray(embedding, dtype=np.float32)
    return embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), np.float32(1e-12))


def embedding_of(boxes: Annotation) -> NDArray[np.floating[Any]]:
    """Embeddings (K, D) of boxes that have them."""
    assert boxes.embedding is not None
    return boxes.embedding


def white_image(height: int, width: int) -> Image:
    """A white image (height, width, 3)."""
    return np.full((height, width, 3), 255, dtype=np.uint8)
