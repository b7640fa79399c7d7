"""Data types shared by all packages: detections, tracks, frames, views, annotations, sequences, as arrays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.arrays import detection_columns, to_array, to_column
from idfree.core.boxes import clip
from idfree.core.errors import UserError
from idfree.core.names import file_name

if TYPE_CHECKING:
    import supervision

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Image = NDArray[np.uint8]  # (H, W, 3), BGR
Crops = NDArray[np.uint8]  # (N, H, W, 3), BGR

FRAME_RATES = (1 / 86400, 10_000.0)  # frames per second that are plausible: from one a day to fast high-speed cameras


@dataclass(frozen=True)
class Detections:
    """Detections of one frame as parallel arrays.

    xyxy: (N, 4), pixels. score: (N,), default 1. class_id: (N,), default 0. embedding: (N, D), of any length, or None;
    a row of zeros if it is unknown. Lists and tensors are converted. Raises UserError if lengths differ.
    `detections[rows]` selects rows by index or mask.
    """

    xyxy: Floats
    score: Floats = None  # type: ignore[assignment]
    class_id: Integers = None  # type: ignore[assignment]
    embedding: NDArray[np.floating[Any]] | None = None

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
        if self.embedding is not None:
            embedding = to_array("embedding", self.embedding)
            if embedding.ndim != 2 or len(embedding) != count:
                raise UserError(f"Detections: embedding has shape {embedding.shape}, expected ({count}, D)")
            object.__setattr__(self, "embedding", embedding)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: Any) -> "Detections":
        embedding = None if self.embedding is None else self.embedding[rows]
        return Detections(self.xyxy[rows], self.score[rows], self.class_id[rows], embedding)

    def select(self, mask: NDArray[np.bool_]) -> "Detections":
        """Rows of a mask (N,), without a copy if it is True throughout."""
        return self if mask.all() else self[mask]

    def valid_mask(self, size_hw: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Mask (N,) of the rows that can be tracked, whatever their embeddings.

        Valid: box and score are finite, width and height positive, and the box intersects the image (if its `size_hw`
        is given).
        """
        box = self.xyxy if size_hw is None else clip(self.xyxy, size_hw)
        with np.errstate(invalid="ignore", over="ignore"):
            is_finite = np.isfinite(self.xyxy.sum(axis=1) + self.score)
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
    def xyxy(self) -> Any: ...


DetectionsLike = Detections | HasBoxes | ArrayLike | None


@dataclass(frozen=True)
class Tracks:
    """Tracks of one frame as parallel arrays: xyxy (N, 4) pixels, id (N,) from 1, score (N,), class_id (N,)."""

    xyxy: Floats
    id: Integers
    score: Floats
    class_id: Integers

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: Any) -> "Tracks":
        return Tracks(self.xyxy[rows], self.id[rows], self.score[rows], self.class_id[rows])

    def to_supervision(self) -> "supervision.Detections":
        """Convert to Roboflow's `supervision.Detections` with `tracker_id`. Raises ImportError without that package."""
        import supervision

        return supervision.Detections(xyxy=self.xyxy, confidence=self.score, class_id=self.class_id, tracker_id=self.id)


@dataclass(frozen=True)
class Frame:
    """One video frame: number in its source (from 1), image (None if not read), time in seconds (None if unknown)."""

    number: int
    image: Image | None = None
    time: float | None = None


@dataclass(frozen=True)
class View:
    """Input of a tracker for one frame: the detections and everything else known about the frame.

    detections: converted by `Detections.convert`, which raises UserError for what it cannot convert.
    occlusions: (K, 3), x, y and score of predicted occlusion centres. size_hw: (height, width) of the frame or None.
    camera: (2, 3), affine map from pixels of the previous frame to pixels of this one; None if not estimated.
    match_threshold: cosine distance up to which two embeddings count as one person;
    upper_threshold: cosine distance that hardly any same-person pair exceeds; both None if not calibrated.
    embedder, refiner: called by `embed` and `refine`; None if the detections come from a file.
    """

    detections: Detections
    frame: Frame | None = None
    size_hw: tuple[int, int] | None = None
    occlusions: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    camera: Floats | None = None
    match_threshold: float | None = None
    upper_threshold: float | None = None
    embedder: Callable[[Floats], NDArray[np.floating[Any]]] | None = None
    refiner: Callable[[Floats], tuple[Floats, Floats]] | None = None

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

    def refine(self, xyxy: Floats) -> tuple[Floats, Floats]:
        """Regress boxes (N, 4) in this frame; return boxes and scores (N,). Raises UserError without a refiner."""
        if self.refiner is None:
            raise UserError(
                "this view cannot refine boxes: they come from a file or from a detector without a box head"
            )
        return self.refiner(xyxy)


@dataclass(frozen=True)
class Annotation:
    """Boxes of a whole sequence as parallel arrays sorted by frame: ground truth, tracking results or detections.

    frame: (K,), from 1. id: (K,), −1 if unknown. xyxy: (K, 4), pixels. score: (K,); in ground truth MOTChallenge's
    mark, 0 for boxes to ignore. class_id: (K,). visibility: (K,), 0…1. embedding: (K, D) or None. time: (K,), seconds
    since the start of the video, or None.
    """

    frame: Integers
    id: Integers
    xyxy: Floats
    score: Floats
    class_id: Integers
    visibility: Floats
    embedding: NDArray[np.floating[Any]] | None = None
    time: Floats | None = None

    @classmethod
    def empty(cls) -> "Annotation":
        """An annotation without boxes."""
        integers, floats = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(integers, integers, np.zeros((0, 4)), floats, integers, floats)

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, rows: Any) -> "Annotation":
        return Annotation(
            self.frame[rows],
            self.id[rows],
            self.xyxy[rows],
            self.score[rows],
            self.class_id[rows],
            self.visibility[rows],
            None if self.embedding is None else self.embedding[rows],
            None if self.time is None else self.time[rows],
        )

    def rows_at(self, frame: int) -> slice:
        """Rows of one frame, found by binary search."""
        return slice(*np.searchsorted(self.frame, [frame, frame + 1]))

    def tracks_at(self, frame: int) -> Tracks:
        """Boxes of one frame as tracks."""
        rows = self.rows_at(frame)
        return Tracks(self.xyxy[rows], self.id[rows], self.score[rows], self.class_id[rows])

    def detections_at(self, frame: int) -> Detections:
        """Boxes of one frame as detections."""
        rows = self.rows_at(frame)
        embedding = None if self.embedding is None else self.embedding[rows]
        return Detections(self.xyxy[rows], self.score[rows], self.class_id[rows], embedding)


@dataclass(frozen=True)
class Sequence:
    """A video or image sequence. Each iteration (`for frame in sequence`) reads the frames again.

    name: that of files of results; a name that would lead out of their folder is changed (`names.file_name`).
    read: returns an iterator over the frames. length: number of the last frame, None for a live camera. frame_rate:
    frames per second. size_hw: (height, width), None if unknown. folder: MOTChallenge sequence folder, with gt/ and
    det/, or None. source: file or folder that is read, None for a live camera. times: (length,) seconds of frame n at
    [n − 1] where steps vary; None for (n − 1) / frame_rate. first: number of the first frame.
    """

    name: str
    read: Callable[[], Iterator[Frame]]
    length: int | None = None
    frame_rate: float = 30.0
    size_hw: tuple[int, int] | None = None
    folder: Path | None = None
    source: Path | None = None
    times: Floats | None = field(default=None, compare=False)
    first: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", file_name(self.name, "sequence"))

    def __iter__(self) -> Iterator[Frame]:
        return self.read()

    @property
    def is_irregular(self) -> bool:
        """Whether its frames come at irregular times: those of a live camera, a pipe, or a variable frame rate."""
        return self.length is None or self.times is not None

    def without_images(self) -> "Sequence":
        """The same frames with image=None, for detections from a file; those of a pipe are read, and then dropped.

        Raises UserError for a live camera.
        """
        if self.length is None and self.source is not None:
            return replace(self, read=lambda: (replace(frame, image=None) for frame in self))
        if self.length is None:
            raise UserError(f"{self.name}: its number of frames is unknown, so its images cannot be left unread")
        return replace(self, read=partial(frames_without_images, self.first, self.length, self.frame_rate, self.times))

    def at_rate(self, frame_rate: float) -> "Sequence":
        """The same frames at another rate; their times follow it, except those of a live camera, which are measured.

        Raises UserError for a rate that cannot be.
        """
        if not FRAME_RATES[0] <= frame_rate <= FRAME_RATES[1]:  # also False for NaN
            raise UserError(
                f"--fps {frame_rate:g}: expected frames per second, more than 0, {FRAME_RATES[1]:.0f} at most"
            )
        if self.source is None:
            return replace(self, frame_rate=frame_rate)

        def read() -> Iterator[Frame]:
            return (replace(frame, time=(frame.number - 1) / frame_rate) for frame in self)

        return replace(self, read=read, frame_rate=frame_rate, times=None)


def frames_without_images(first: int, last: int, frame_rate: float, times: Floats | None) -> Iterator[Frame]:
    """Yield frames first … last with image=None; times: (last,) seconds, None for (n − 1) / frame_rate."""
    for number in range(first, last + 1):
        yield Frame(number, time=(number - 1) / frame_rate if times is None else float(times[number - 1]))


@runtime_checkable
class Detector(Protocol):
    """Protocol of detectors: a callable from Frame to View.

    name: for summaries. needs_images: frames must have images. has_embeddings: detections have embeddings.
    """

    @property
    def name(self) -> str: ...
    @property
    def needs_images(self) -> bool: ...
    @property
    def has_embeddings(self) -> bool: ...

    def __call__(self, frame: Frame) -> View:
        """Detect objects in a frame."""
