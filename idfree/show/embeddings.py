"""What embeddings look like beside the truth: a map of them by identity, who resembles whom in two frames."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Annotation, Floats, Image, Integers
from idfree.show.drawing import draw_heading, label, palette, paste
from idfree.show.tsne import tsne

SIDE, MARGIN, TEXT = 900, 40, 11  # px of a picture, of the white around what is drawn, and of a capital
DOT = 4  # px, radius
GREEN, RED, GREY, BLACK = (55, 127, 26), (46, 34, 207), (160, 160, 160), (40, 40, 40)  # b, g, r
DARK = np.array([100.0, 40.0, 10.0])  # b, g, r of a share of 1, where white is 0
CELLS = (3, 40)  # px: the least and the most of a side of a cell of the matrix
BINS = 100  # of the histogram of cosine distances, 0…2


@dataclass(frozen=True)
class Matched:
    """M of two frames (Liu 2021, OUTrack, sec. 3.1): share (N, N + 1) of each object that goes to every other one, and
    in the last column to nobody. identity (N,); `first` of the objects are of the first frame. level: how alike
    everybody is to nobody.
    """

    share: Floats
    identity: Integers
    first: int
    level: float

    @property
    def figures(self) -> dict[str, float | None]:
        """placeholder; to_placeholder, the share that it takes; matched: how often the largest share of one who is in
        both frames goes to himself; None where nobody is.
        """
        same = (self.identity[:, None] == self.identity) & ~np.eye(len(self.identity), dtype=bool)
        both = same.any(axis=1)
        right = np.pad(same, ((0, 0), (0, 1)))[np.arange(len(same)), self.share.argmax(axis=1)]
        return {
            "placeholder": self.level,
            "to_placeholder": float(self.share[:, -1].mean()) if len(same) else None,
            "matched": float(right[both].mean()) if both.any() else None,
        }


def matched(boxes: Annotation, frames: tuple[int, int]) -> Matched:
    """M of the boxes of two frames, with the paper's placeholder and temperature, each frame sorted by identity."""
    rows = [boxes[boxes.rows_at(frame)] for frame in frames]
    one, two = (some[np.argsort(some.id, kind="stable")] for some in rows)
    unit = units(np.concatenate([embedding_of(one), embedding_of(two)]))
    count, similarity = len(unit), (unit @ unit.T).astype(np.float64)
    apart = ~np.eye(count, dtype=bool)
    level = float(similarity[apart].mean()) if count > 1 else 0.0
    similarity = np.where(apart, similarity, -np.inf)
    logits = 2 * np.log(count + 2) * np.column_stack([similarity, np.full(count, level)])  # of count + 1 columns
    weight = np.exp(logits - logits.max(axis=1, keepdims=True, initial=level))
    share = weight / weight.sum(axis=1, keepdims=True)
    return Matched(share, np.concatenate([one.id, two.id]), len(one), level)


def frames_to_match(boxes: Annotation, gap: int) -> tuple[int, int] | None:
    """The two frames, at most `gap` apart, with the most identities in common, as far apart as may be; None of one."""
    frames = np.unique(boxes.frame)
    people = {frame: set(boxes.id[boxes.rows_at(frame)].tolist()) for frame in frames.tolist()}
    partner = frames[np.searchsorted(frames, frames + gap, side="right") - 1]
    pairs = list(zip(frames.tolist(), partner.tolist(), strict=True))
    two = [(one, other) for one, other in pairs if one != other]
    return max(two, key=lambda pair: (len(people[pair[0]] & people[pair[1]]), pair[1] - pair[0]), default=None)


def similarities(boxes: Annotation) -> tuple[Floats, Floats]:
    """Cosines of all pairs of one identity, and of all pairs of two."""
    unit = units(embedding_of(boxes))
    i, j = np.triu_indices(len(unit), k=1)
    cosine = (unit @ unit.T).astype(np.float64)[i, j]
    one = boxes.id[i] == boxes.id[j]
    return cosine[one], cosine[~one]


def evenly(boxes: Annotation, most: int) -> Annotation:
    """At most so many of the rows whose identity is known, evenly over time."""
    rows = np.flatnonzero(boxes.id >= 0)
    return boxes[rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))]]


def scatter(boxes: Annotation, title: str) -> Image:
    """The embeddings of some boxes by t-SNE: a dot each, in the colour of its identity, whose number stands amidst."""
    import cv2

    canvas = blank(SIDE, SIDE)
    place = tsne(units(embedding_of(boxes)))
    low, high = place.min(axis=0), place.max(axis=0)
    place = SIDE / 2 + (place - (low + high) / 2) / max(float((high - low).max()), 1e-9) * (SIDE - 2 * MARGIN)
    for (x, y), colour in zip(place.round().astype(int).tolist(), palette(boxes.id), strict=True):
        cv2.circle(canvas, (x, y), DOT, colour, cv2.FILLED, cv2.LINE_AA)
    for one, colour in zip(known := np.unique(boxes.id), palette(known), strict=True):
        x, y = np.median(place[boxes.id == one], axis=0).astype(int).tolist()
        paste(canvas, label(str(one), TEXT, colour), x + DOT, y + DOT)
    draw_heading(canvas, title, TEXT)
    return canvas


def matrix(found: Matched, title: str) -> Image:
    """M, dark where the share is large: objects of both frames, nobody to the right. The true matches have a green rim,
    and grey lines part the frames.
    """
    import cv2

    count = len(found.share)
    side = int(np.clip((SIDE - 2 * MARGIN) // max(count + 1, 1), *CELLS))
    paint = (255 - found.share[..., None] * (255 - DARK)).round().astype(np.uint8)
    canvas = blank(count * side + 2 * MARGIN, max((count + 1) * side, SIDE // 2) + 2 * MARGIN)
    drawn = paint.repeat(side, axis=0).repeat(side, axis=1)
    canvas[MARGIN : MARGIN + drawn.shape[0], MARGIN : MARGIN + drawn.shape[1]] = drawn
    for k in (0, found.first, count):
        at = MARGIN + k * side
        cv2.line(canvas, (MARGIN, at), (MARGIN + (count + 1) * side, at), GREY)
        cv2.line(canvas, (at, MARGIN), (at, MARGIN + count * side), GREY)
    same = (found.identity[:, None] == found.identity) & ~np.eye(count, dtype=bool)
    for y, x in MARGIN + side * np.argwhere(same):
        cv2.rectangle(canvas, (int(x), int(y)), (int(x) + side - 1, int(y) + side - 1), GREEN)
    for k, colour in enumerate(palette(found.identity)):
        at, end = MARGIN + k * side, MARGIN + (k + 1) * side - 1
        cv2.rectangle(canvas, (MARGIN - 8, at), (MARGIN - 3, end), colour, cv2.FILLED)
        cv2.rectangle(canvas, (at, MARGIN + count * side + 3), (end, MARGIN + count * side + 8), colour, cv2.FILLED)
    draw_heading(canvas, title, TEXT)
    return canvas


def distances(same: Floats, other: Floats, title: str) -> Image:
    """Two histograms of cosine distances, from cosines of pairs of one identity (green) and of two (red)."""
    import cv2

    canvas, edges = blank(SIDE // 2, SIDE), np.linspace(0, 2, BINS + 1)
    counts = [np.histogram(np.clip(1 - each, 0, 2), edges)[0] / max(len(each), 1) for each in (same, other)]
    high, wide = canvas.shape[0] - 2 * MARGIN, SIDE - 2 * MARGIN
    top = max(float(np.max(counts)), 1e-9)
    for tick in (0.0, 0.5, 1.0, 1.5, 2.0):
        x = MARGIN + round(tick / 2 * wide)
        cv2.line(canvas, (x, MARGIN), (x, MARGIN + high), (230, 230, 230))
        paste(canvas, label(f"{tick:g}", TEXT, (255, 255, 255)), x - TEXT, MARGIN + high)
    for count, colour in zip(counts, (GREEN, RED), strict=True):
        right, down = (edges[:-1] + edges[1:]) / 4 * wide, high * (1 - count / top)
        line = (MARGIN + np.stack([right, down], axis=1)).round().astype(np.int32)
        cv2.polylines(canvas, [line], False, colour, 2, cv2.LINE_AA)
    for place, (text, colour) in enumerate((("one person", GREEN), ("two people", RED))):
        paste(canvas, label(text, TEXT, colour), SIDE, MARGIN * (1 + place))
    draw_heading(canvas, title, TEXT)
    return canvas


def units(embedding: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(K, D) of unit length; what is 0 stays so."""
    embedding = np.asarray(embedding, dtype=np.float32)
    return embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), np.float32(1e-12))


def embedding_of(boxes: Annotation) -> NDArray[np.floating[Any]]:
    """(K, D), which these boxes have."""
    assert boxes.embedding is not None
    return boxes.embedding


def blank(height: int, width: int) -> Image:
    """A white picture."""
    return np.full((height, width, 3), 255, dtype=np.uint8)
