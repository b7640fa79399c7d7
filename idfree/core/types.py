"""The shared nouns: arrays with stated shapes. Everything else in idfree takes these and gives these."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.boxes import clip
from idfree.core.errors import UserError

if TYPE_CHECKING:
    import supervision

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Image = NDArray[np.uint8]  # (H, W, 3), BGR
Crops = NDArray[np.uint8]  # (N, H, W, 3), BGR


@dataclass(frozen=True)
class Detections:
    """The boxes of one frame as parallel arrays.

    xyxy (N, 4) in pixels, score (N,), class_id (N,), embedding (N, D) or None.
    Lists are accepted; a missing score is 1 and a missing class 0. Embeddings need not have unit length.
    Raises UserError where lengths differ. `detections[rows]` takes rows by index or mask.
    """

    xyxy: Floats
    score: Floats = None  # type: ignore[assignment]
    class_id: Integers = None  # type: ignore[assignment]
    embedding: NDArray[np.floating[Any]] | None = None

    def __post_init__(self) -> None:
        xyxy = np.asarray(self.xyxy, dtype=np.float64)
        if xyxy.size == 0:
            xyxy = xyxy.reshape(0, 4)
        if xyxy.ndim != 2 or xyxy.shape[1] != 4:
            raise UserError(f"Detections: xyxy has shape {xyxy.shape}, expected (N, 4)")
        count = len(xyxy)
        object.__setattr__(self, "xyxy", xyxy)
        object.__setattr__(self, "score", column("score", self.score, count, 1.0, np.float64))
        object.__setattr__(self, "class_id", column("class_id", self.class_id, count, 0, np.int64))
        if self.embedding is not None:
            embedding = np.asarray(self.embedding)
            if embedding.ndim != 2 or len(embedding) != count:
                raise UserError(f"Detections: embedding has shape {embedding.shape}, expected ({count}, D)")
            object.__setattr__(self, "embedding", embedding)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: Any) -> "Detections":
        embedding = None if self.embedding is None else self.embedding[rows]
        return Detections(self.xyxy[rows], self.score[rows], self.class_id[rows], embedding)

    def only(self, mask: NDArray[np.bool_]) -> "Detections":
        """The rows of a mask (N,); itself where that is all of them."""
        return self if mask.all() else self[mask]

    def sane(self, size_hw: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """(N,) mask of the rows that can be tracked.

        A sane box is finite with a positive width and height, touches the image where its size is known, and has a
        finite score; its embedding, if there is one, is finite.
        """
        box = self.xyxy if size_hw is None else clip(self.xyxy, size_hw)
        with np.errstate(invalid="ignore"):
            sane = (box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1]) & np.isfinite(self.xyxy.sum(axis=1) + self.score)
        if self.embedding is not None:
            sane &= np.isfinite(self.embedding.sum(axis=1))
        return np.asarray(sane)

    @classmethod
    def from_supervision(cls, detections: "supervision.Detections") -> "Detections":
        """From Roboflow's `supervision.Detections` (anything with xyxy, confidence and class_id)."""
        theirs: Any = detections
        return cls(theirs.xyxy, theirs.confidence, theirs.class_id)


@dataclass(frozen=True)
class Tracks:
    """The tracks seen in one frame: xyxy (N, 4) pixels, id (N,) from 1, score (N,), class_id (N,)."""

    xyxy: Floats
    id: Integers
    score: Floats
    class_id: Integers

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: Any) -> "Tracks":
        return Tracks(self.xyxy[rows], self.id[rows], self.score[rows], self.class_id[rows])

    def to_supervision(self) -> "supervision.Detections":
        """As Roboflow's `supervision.Detections` with `tracker_id`. Raises ImportError without that package."""
        import supervision

        return supervision.Detections(xyxy=self.xyxy, confidence=self.score, class_id=self.class_id, tracker_id=self.id)


@dataclass(frozen=True)
class Frame:
    """One picture: its number in the source, from 1; its image, if read; its time in seconds, if known."""

    number: int
    image: Image | None = None
    time: float | None = None


@dataclass(frozen=True)
class View:
    """One frame's evidence, all that a tracker sees of it.

    occlusions (K, 3): x, y, score of predicted occlusion centres. size_hw: (height, width) of the frame, if known.
    camera (2, 3): the affine map of the last frame's pixels onto this frame's, None if nobody measured it.
    match_threshold: the cosine distance of embeddings at which "same" and "different" cross, if it is known;
    upper_threshold: the one that hardly any two of one person exceed.
    embedder, refiner: what `embed` and `refine` ask; a View read from a file has neither and says so.
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

    def embed(self, xyxy: Floats) -> NDArray[np.floating[Any]]:
        """(N, D) appearance of each box of this frame. Raises UserError where nothing can tell."""
        if self.embedder is None:
            raise UserError("this view has no appearance: its boxes come from a file or from a detector without one")
        return self.embedder(xyxy)

    def refine(self, xyxy: Floats) -> tuple[Floats, Floats]:
        """Each box (N, 4) regressed in this frame, and its score (N,). Raises UserError where nothing can tell."""
        if self.refiner is None:
            raise UserError(
                "this view cannot refine boxes: they come from a file or from a detector without a box head"
            )
        return self.refiner(xyxy)


@dataclass(frozen=True)
class Annotation:
    """Boxes over a whole sequence, a row per box, sorted by frame: truth, results, or detections in a file.

    frame (K,) from 1; id (K,), −1 where unknown; xyxy (K, 4) pixels; score (K,), in truth the mark (0: ignore);
    class_id (K,); visibility (K,) 0…1; embedding (K, D) or None.
    """

    frame: Integers
    id: Integers
    xyxy: Floats
    score: Floats
    class_id: Integers
    visibility: Floats
    embedding: NDArray[np.floating[Any]] | None = None

    @classmethod
    def empty(cls) -> "Annotation":
        """No boxes at all."""
        whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(frame=whole, id=whole, xyxy=np.zeros((0, 4)), score=real, class_id=whole, visibility=real)

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
        )

    def rows_at(self, frame: int) -> slice:
        """The rows of one frame, by binary search."""
        return slice(*np.searchsorted(self.frame, [frame, frame + 1]))

    def tracks_at(self, frame: int) -> Tracks:
        """The boxes of one frame with their identities."""
        rows = self.rows_at(frame)
        return Tracks(self.xyxy[rows], self.id[rows], self.score[rows], self.class_id[rows])

    def at(self, frame: int) -> Detections:
        """The boxes of one frame as detections."""
        rows = self.rows_at(frame)
        embedding = None if self.embedding is None else self.embedding[rows]
        return Detections(self.xyxy[rows], self.score[rows], self.class_id[rows], embedding)


@dataclass(frozen=True)
class Sequence:
    """Frames in order, and what is known of them. `for frame in sequence` reads them anew each time.

    read: gives the frames. length: how many there are, None for a camera. frame_rate: per second. size_hw: (height,
    width), None until a frame is read. folder: where its gt/ and det/ lie, if it is a MOTChallenge sequence.
    source: the file or folder it is read from, None for a live camera.
    """

    name: str
    read: Callable[[], Iterator[Frame]]
    length: int | None = None
    frame_rate: float = 30.0
    size_hw: tuple[int, int] | None = None
    folder: Path | None = None
    source: Path | None = None

    def __iter__(self) -> Iterator[Frame]:
        return self.read()

    def without_images(self) -> "Sequence":
        """The same frames, unread: for detections that come from a file. Raises UserError if the length is unknown."""
        if self.length is None:
            raise UserError(f"{self.name}: its number of frames is unknown, so its images cannot be left unread")
        numbers = range(1, self.length + 1)
        return replace(self, read=lambda: (Frame(n, time=(n - 1) / self.frame_rate) for n in numbers))


class Detector(Protocol):
    """Frame → View. name: for the summary. needs_images, has_embeddings: whether it wants the one, gives the other."""

    @property
    def name(self) -> str: ...
    @property
    def needs_images(self) -> bool: ...
    @property
    def has_embeddings(self) -> bool: ...

    def __call__(self, frame: Frame) -> View:
        """What is in the frame."""


def column(name: str, values: ArrayLike | None, count: int, default: float, kind: Any) -> NDArray[Any]:
    """`values` as a (count,) array of `kind`, `default` where there are none. Raises UserError at another length."""
    if values is None:
        return np.full(count, default, dtype=kind)
    array = np.asarray(values, dtype=kind)
    if array.shape != (count,):
        raise UserError(f"Detections: {name} has shape {array.shape}, expected ({count},)")
    return array
