"""Detections of one frame as parallel arrays, and what is converted to them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.arrays import detection_columns, to_array, to_column
from idfree.core.boxes import Floats, Integers, clip
from idfree.core.errors import UserError
from idfree.core.messages import warn_once

if TYPE_CHECKING:
    import supervision

LARGEST = 1e9  # px, of a coordinate: squares of areas stay finite


@dataclass(frozen=True)
class Detections:
    """Detections of one frame as parallel arrays.

    xyxy: (N, 4), pixels. score: (N,), default 1. class_id: (N,), default 0. embedding: (N, D), of any length, or None;
    a row of zeros if it is unknown. row: (N,), places in the frame's detections before any were dropped; by default
    0, 1, 2 …. displacement: (N, 2), px, from a box's centre to that of the same object in the previous frame, or None.
    Lists and tensors are converted. Raises UserError if lengths differ.
    `detections[rows]` selects rows by index or mask.
    """

    xyxy: Floats
    score: Floats = None  # type: ignore[assignment]
    class_id: Integers = None  # type: ignore[assignment]
    embedding: NDArray[np.floating[Any]] | None = None
    row: Integers = None  # type: ignore[assignment]
    displacement: Floats | None = None

    def __post_init__(self) -> None:
        xyxy = to_array("xyxy", self.xyxy, np.float64)
        if xyxy.size == 0:
            xyxy = xyxy.reshape(0, 4)
        if xyxy.ndim != 2 or xyxy.shape[1] != 4:
            raise UserError(f"Detections: xyxy has shape {xyxy.shape}, expected (N, 4)")
        count = len(xyxy)
        object.__setattr__(self, "xyxy", xyxy)
        object.__setattr__(self, "score", to_column("score", self.score, count, 1.0, np.float64))
        object.__setattr__(self, "class_id", to_column("class_id", self.class_id, count, 0, np.int64))
        row = np.arange(count) if self.row is None else to_column("row", self.row, count, 0, np.int64)
        object.__setattr__(self, "row", row)
        if self.embedding is not None:
            embedding = to_array("embedding", self.embedding)
            if embedding.ndim != 2 or len(embedding) != count:
                raise UserError(f"Detections: embedding has shape {embedding.shape}, expected ({count}, D)")
            object.__setattr__(self, "embedding", embedding)
        if self.displacement is not None:
            displacement = to_array("displacement", self.displacement, np.float64)
            if displacement.shape != (count, 2):
                raise UserError(f"Detections: displacement has shape {displacement.shape}, expected ({count}, 2)")
            object.__setattr__(self, "displacement", displacement)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: Any) -> "Detections":
        embedding, moved = (None if each is None else each[rows] for each in (self.embedding, self.displacement))
        return Detections(self.xyxy[rows], self.score[rows], self.class_id[rows], embedding, self.row[rows], moved)

    def select(self, mask: NDArray[np.bool_]) -> "Detections":
        """Rows of a mask (N,), without a copy if it is True throughout."""
        return self if mask.all() else self[mask]

    def valid_mask(self, size_hw: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Mask (N,) of the rows that can be tracked, whatever their embeddings.

        Valid: box and score are finite, coordinates below LARGEST, width and height positive, and the box intersects
        the image (if its `size_hw` is given).
        """
        box = self.xyxy if size_hw is None else clip(self.xyxy, size_hw)
        with np.errstate(invalid="ignore", over="ignore"):
            is_finite = np.isfinite(self.score) & (np.abs(self.xyxy).max(axis=1, initial=0) < LARGEST)  # not NaN
            return np.asarray((box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1]) & is_finite)

    def with_finite_embeddings(self) -> "Detections":
        """The same detections, with zeros (unknown) in place of embeddings with NaN or infinity."""
        with np.errstate(invalid="ignore", over="ignore"):
            if self.embedding is None or np.isfinite(self.embedding.sum()):  # the sum of float16 may overflow
                return self
            is_finite = np.isfinite(self.embedding.sum(axis=1, dtype=np.float64))
        if is_finite.all():
            return self
        return replace(self, embedding=np.where(is_finite[:, None], self.embedding, self.embedding.dtype.type(0)))

    @classmethod
    def convert(cls, detections: "DetectionsLike") -> "Detections":
        """Convert what a detector of any package returns; see `arrays.detection_columns`. Raises UserError."""
        return detections if isinstance(detections, cls) else cls(*detection_columns(detections))

    @classmethod
    def from_supervision(cls, detections: "supervision.Detections") -> "Detections":
        """Convert Roboflow's `supervision.Detections` (or any object with xyxy, confidence and class_id)."""
        return cls.convert(detections)


class HasBoxes(Protocol):
    """Objects of other packages with boxes (N, 4) as `xyxy`, for example `supervision.Detections`."""

    @property
    def xyxy(self) -> Any:
        """(N, 4), pixels."""


DetectionsLike = Detections | HasBoxes | ArrayLike | None


def warn_of_inverted(xyxy: Floats) -> None:
    """Warn, once, if most of the boxes (N, 4) end before they begin, as x, y, width, height do in place of xyxy."""
    is_inverted = (xyxy[:, 2] < xyxy[:, 0]) | (xyxy[:, 3] < xyxy[:, 1])
    if 2 * np.count_nonzero(is_inverted) > len(xyxy):
        warn_once(
            "boxes whose right or lower edge lies before the left or upper one are dropped, as %s: expected x1, y1, x2,"
            " y2 (idfree.core.boxes.xywh_to_xyxy converts x, y, width, height)",
            str(xyxy[is_inverted][0].tolist()),
        )
