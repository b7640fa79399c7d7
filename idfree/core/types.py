"""Data types shared by all packages: detections, tracks, frames, views, annotations, sequences, as arrays."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from idfree.core.annotation import Annotation, Tracks
from idfree.core.boxes import Floats, Integers
from idfree.core.detections import Detections, DetectionsLike, HasBoxes
from idfree.core.errors import UserError
from idfree.core.sequence import FRAME_RATES, Frame, Image, Sequence

__all__ = [
    "FRAME_RATES",
    "Annotation",
    "Crops",
    "Detections",
    "DetectionsLike",
    "Detector",
    "Floats",
    "Frame",
    "HasBoxes",
    "Image",
    "Integers",
    "Sequence",
    "Tracks",
    "View",
]

Crops = NDArray[np.uint8]  # (N, H, W, 3), BGR


@dataclass(frozen=True)
class View:
    """Input of a tracker for one frame: the detections and everything else known about the frame.

    detections: converted by `Detections.convert`, which raises UserError for what it cannot convert.
    occlusions: (K, 3), x, y and score of predicted occlusion centres. size_hw: (height, width) of the frame or None.
    camera: (2, 3), affine map from pixels of the previous frame to pixels of this one; None if not estimated.
    public: (P, 4), given detections near which alone tracks may start; None: they may start anywhere.
    match_threshold: cosine distance up to which two embeddings count as one person;
    upper_threshold: cosine distance that hardly any same-person pair exceeds; both None if not calibrated.
    embedder, refiner: called by `embed` and `refine`; None if the detections come from a file.
    """

    detections: Detections
    frame: Frame | None = None
    size_hw: tuple[int, int] | None = None
    occlusions: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    camera: Floats | None = None
    public: Floats | None = None
    match_threshold: float | None = None
    upper_threshold: float | None = None
    embedder: Callable[[Floats], NDArray[np.floating[Any]]] | None = None
    refiner: Callable[[Floats, Integers], tuple[Floats, Floats]] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.detections, Detections):
            object.__setattr__(self, "detections", Detections.convert(self.detections))
        if self.camera is not None and np.shape(self.camera) != (2, 3):
            raise UserError(f"View: camera has shape {np.shape(self.camera)}, expected an affine map (2, 3)")

    def embed(self, xyxy: Floats) -> NDArray[np.floating[Any]]:
        """Compute embeddings (N, D) of boxes (N, 4) of this frame. Raises UserError without an embedder."""
        if self.embedder is None:
            raise UserError("this view has no appearance: its boxes come from a file or from a detector without one")
        return self.embedder(xyxy)

    def refine(self, xyxy: Floats, class_id: Integers | None = None) -> tuple[Floats, Floats]:
        """Regress boxes (N, 4) of classes (N,), default 0, in this frame; return boxes and scores (N,).

        Raises UserError without a refiner.
        """
        if self.refiner is None:
            raise UserError(
                "boxes cannot be regressed in this frame: they come from a file, or from a detector that cannot; "
                "use a detector that runs on images (--detector MODEL.onnx), or another tracker than tracktor"
            )
        return self.refiner(xyxy, np.zeros(len(xyxy), dtype=np.int64) if class_id is None else class_id)


@runtime_checkable
class Detector(Protocol):
    """Protocol of detectors: a callable from Frame to View.

    name: for summaries. needs_images: frames must have images. has_embeddings: detections have embeddings.
    """

    @property
    def name(self) -> str:
        """For summaries."""

    @property
    def needs_images(self) -> bool:
        """Whether frames must have images."""

    @property
    def has_embeddings(self) -> bool:
        """Whether detections have embeddings."""

    def __call__(self, frame: Frame) -> View:
        """Detect objects in a frame."""
