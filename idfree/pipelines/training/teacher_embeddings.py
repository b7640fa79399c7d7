"""The teacher's embeddings of every box of labelled footage, computed once and kept (Yu 2022, TDT, sec. 3).

They are found again by a key of each box (file of its image, frame number, coordinates), so that of a data set that
changed only new boxes are computed, and both halves of a video share one store.
"""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from idfree.core.embedding_store import EmbeddingStore, Keys
from idfree.core.errors import UserError
from idfree.core.progress import progress
from idfree.core.types import Annotation, Integers
from idfree.core.types import Sequence as Video
from idfree.core.workers import PicklableFactory, WorkerPool, map_items
from idfree.datasets.footage import Footage
from idfree.pipelines.manifest import checksum_of_model
from idfree.sequences.image_files import read_nth_image
from idfree.sequences.media import media_files
from idfree.sequences.video import is_video
from idfree.sequences.video_frames import VideoFrames

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder
    from idfree.learn.networks.box_embedder import BoxEmbedder

Precision = Literal["float32", "float16"]

BLOCK = 200  # images whose embeddings are computed and written at once: what an interruption costs
NO_KEY = 0  # of regions to ignore


@dataclass(frozen=True)
class TeacherEmbeddings:
    """The teacher's embeddings of the boxes of a Footage, of unit length, read from a file as they are indexed.

    stored: (M, D), memory-mapped. row: (K,) row of `stored` for each box, −1 if it has none (regions to ignore, images
    that cannot be read).
    """

    stored: NDArray[Any]
    row: Integers

    def __len__(self) -> int:
        return len(self.row)

    @property
    def dimension(self) -> int:
        """D."""
        return int(self.stored.shape[1])

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """(K,) whether a box has an embedding."""
        return self.row >= 0

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        """Embeddings (N, D) of boxes by index or mask; zeros if they have none."""
        chosen = np.atleast_1d(self.row[rows])
        embedding = np.zeros((len(chosen), self.dimension), np.float32)
        embedding[chosen >= 0] = self.stored[chosen[chosen >= 0]]
        return embedding


@dataclass(frozen=True)
class Teacher:
    """A teacher as named by the user; picklable.

    spec: MODEL.onnx, MODEL.xml, RUN/best.pt, or `colour`. assignments: `name=value` changes of its settings.
    """

    spec: str
    assignments: tuple[str, ...] = ()
    device: str = "auto"

    def open(self, threads: int | None = None) -> "Encoder | BoxEmbedder":
        """Open the model. Raises UserError."""
        if self.spec.endswith(".pt"):
            from idfree.learn.methods.registry import open_box_embedder

            return open_box_embedder(Path(self.spec), self.device)
        from idfree.appearance import open_encoder

        return open_encoder(self.spec, self.assignments, self.device, threads)

    @property
    def fingerprint(self) -> str:
        """Name of the model and checksum of its file and settings, for the name of a folder."""
        check = zlib.crc32(" ".join(self.assignments).encode(), checksum_of_model(Path(self.spec)))
        return f"{Path(self.spec).stem}-{check:08x}"


def teacher_embeddings(
    footages: Sequence[Footage],
    teacher: Teacher,
    folder: Path | None = None,
    *,
    dtype: Precision = "float32",
    workers: int = 1,
    quiet: bool = True,
) -> list[TeacherEmbeddings]:
    """Embeddings of the boxes of each footage, row by row as in Footage.boxes; those that are stored are not repeated.

    folder: of the stores, None for a folder `teacher` beside the labels of each. dtype: of the stored embeddings.
    workers: processes. Raises UserError if the teacher cannot be opened or run, or a folder cannot be written.
    """
    pool, opened = WorkerPool(workers), None
    results = []
    for footage in footages:
        keys = box_keys(footage)
        opened = opened or PicklableFactory(teacher.open, pool.threads_per_process(workers))
        home = (folder or folder_beside(footage)) / f"{footage.name}-{teacher.fingerprint}-{dtype}"
        store = EmbeddingStore(home, opened.instance.dimension, dtype)
        fill(store, footage, keys, opened, pool, quiet)
        row = np.where(keys == NO_KEY, -1, store.find(keys))
        results.append(TeacherEmbeddings(store.rows(), row))
    return results


def folder_beside(footage: Footage) -> Path:
    """The folder of the embeddings of a footage, beside its labels. Raises UserError if it has none."""
    if footage.source is None:
        raise UserError(f"{footage.name}: has no file of labels; name a folder for the teacher's embeddings")
    return footage.source.resolve().parent / "teacher"


def fill(
    store: EmbeddingStore,
    footage: Footage,
    keys: Keys,
    teacher: PicklableFactory["Encoder | BoxEmbedder"],
    pool: WorkerPool,
    quiet: bool,
) -> None:
    """Compute what a store lacks of the boxes with these keys (K,), block by block of images."""
    is_missing = (keys != NO_KEY) & (store.find(keys) < 0)
    numbers = np.unique(footage.boxes.frame[is_missing])
    blocks = [numbers[start : start + BLOCK] for start in range(0, len(numbers), BLOCK)]
    wanted = replace(footage, boxes=footage.boxes[is_missing])
    compute = partial(embed_block, footage=wanted, keys=keys[is_missing], teacher=teacher)
    outcomes = map_items(compute, {str(block[0]): block for block in blocks}, pool)
    label = f"{footage.name}: teacher's embeddings"
    for _, outcome in progress(outcomes, label, len(blocks), quiet, f"× {BLOCK} images"):
        if isinstance(outcome, UserError):
            raise outcome
        store.append(*outcome)


def embed_block(
    numbers: Integers, footage: Footage, keys: Keys, teacher: PicklableFactory["Encoder | BoxEmbedder"]
) -> tuple[Keys, NDArray[np.float32]]:
    """Keys (N,) and embeddings (N, D) of the boxes of images by number; those of unreadable images are left out."""
    found_keys: list[Keys] = [np.zeros(0, np.uint64)]
    embeddings = [np.zeros((0, teacher.instance.dimension), np.float32)]
    for number, image in footage.readable(numbers.tolist(), required=False):
        rows = footage.boxes.rows_at(number)
        embeddings.append(teacher.instance(image, footage.boxes.xyxy[rows]))
        found_keys.append(keys[rows])
    return np.concatenate(found_keys), np.concatenate(embeddings)


def box_keys(footage: Footage) -> Keys:
    """(K,) key of each box: a hash of its image (name, size and time of the file, frame number) and coordinates.

    NO_KEY for regions to ignore.
    """
    boxes = footage.boxes
    texts = {number: image_identity(footage, number) for number in np.unique(boxes.frame).tolist()}
    rows = zip(boxes.frame.tolist(), boxes.xyxy, (boxes.score > 0).tolist(), strict=True)
    return np.array([key(texts[number], xyxy.tobytes()) if used else NO_KEY for number, xyxy, used in rows], np.uint64)


def key(*parts: bytes) -> int:
    """A hash of 64 bits that is not NO_KEY."""
    return int.from_bytes(hashlib.blake2b(b"\0".join(parts), digest_size=8).digest(), "big") or 1


def image_identity(footage: Footage, number: int) -> bytes:
    """What tells an image from others: name, size and time of its file, and its number if that is a video."""
    if not footage.paths:
        return f"{footage.name} {number + footage.offset}".encode()
    path = footage.paths[number - 1]
    try:
        status = path.stat()
    except OSError:
        return str(path).encode("utf-8", "surrogateescape")
    frame = number + footage.offset if is_video(path) else 0
    return f"{path.name} {status.st_size} {status.st_mtime_ns} {frame}".encode("utf-8", "surrogateescape")


def footage_of_detections(sequence: Video, boxes: Annotation) -> Footage:
    """The detections of a video as footage, whose embeddings can be computed and stored.

    boxes: by frame number of the sequence. Raises UserError if it is not read from files.
    """
    files = tuple(media_files(sequence))
    if not files or sequence.length is None:
        raise UserError(f"{sequence.name}: only videos and images in files have a place for a teacher's embeddings")
    if is_film := is_video(files[0]):
        files *= sequence.length
    return Footage(
        sequence.name,
        boxes,
        sequence.length,
        VideoFrames(files[0]) if is_film else partial(read_nth_image, files),
        is_sequence=True,
        paths=files,
        size_hw=sequence.size_hw,
        frame_rate=sequence.frame_rate,
        source=sequence.source,
    )
