"""The map of embeddings in the page of `idfree view`: of boxes of all tracks, in the plane by t-SNE."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import iou
from idfree.core.errors import UserError
from idfree.core.onnx_session import MODEL_SUFFIXES
from idfree.core.reading import exists, is_folder
from idfree.core.types import Annotation, Integers, Sequence
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.sequences.motchallenge import candidate_names
from idfree.sequences.same_video import warn_of_other_name
from idfree.sequences.tables import read_boxes
from idfree.show.embeddings import normalise
from idfree.show.tsne import tsne
from idfree.show.view_page import EmbeddingMap

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

Embeddings = NDArray[np.floating[Any]]

POINTS = 600  # at most: t-SNE takes seconds, and more would cover each other
MIN_IOU = 0.5  # of a track's box with the detection whose embedding it gets


def map_embeddings(tracks: Annotation, name: str, sequence: Sequence | None, appearance: str) -> EmbeddingMap | None:
    """The map of at most POINTS boxes, evenly over all that were seen; None if fewer than two have an embedding.

    appearance: a model or `colour`, for the images of the sequence, or a file or folder of boxes with embeddings.
    Raises UserError.
    """
    seen = np.flatnonzero(tracks.score != 0)
    rows = seen[np.unique(np.linspace(0, len(seen) - 1, min(POINTS, len(seen))).round().astype(np.int64))]
    if appearance.endswith(MODEL_SUFFIXES) or not (Path(appearance).suffix or exists(appearance)):
        encoder = open_appearance(appearance)
        if sequence is None or encoder is None:
            raise UserError(f"--appearance {appearance}: needs the images of the video: idfree view RESULTS SOURCE")
        embedding = embed_rows(sequence, encoder, tracks[rows])
    else:
        rows, embedding = match_embeddings(tracks, rows, read_embeddings(Path(appearance), name))
    known = np.linalg.norm(embedding, axis=1) > 0
    if known.sum() < 2:
        return None
    xy = tsne(normalise(embedding[known]))
    low, high = xy.min(axis=0), xy.max(axis=0)
    return EmbeddingMap(rows[known], 0.5 + (xy - (low + high) / 2) / max(float((high - low).max()), 1e-9))


def embed_rows(sequence: Sequence, encoder: "Encoder", boxes: Annotation) -> Embeddings:
    """Embeddings (P, D) of boxes by frame; the images are read as far as needed."""
    embedding = np.zeros((len(boxes), encoder.dimension), dtype=np.float32)
    for frame in sequence:
        if not len(boxes) or frame.number > boxes.frame[-1]:
            break
        own = boxes.rows_at(frame.number)
        if own.stop > own.start and frame.image is not None:
            embedding[own] = encoder(frame.image, boxes.xyxy[own])
    return embedding


def read_embeddings(path: Path, name: str) -> Annotation:
    """Boxes with embeddings in a file, or in NAME.npy of a folder. Raises UserError."""
    if not exists(path):
        raise UserError(f"--appearance {path}: expected colour, a model, or a file or folder of boxes with embeddings")
    if is_folder(path):
        candidates = [path / f"{own}.npy" for own in candidate_names(name)]
        path = next((file for file in candidates if file.is_file()), candidates[0])
    warn_of_other_name(path, name)
    boxes = read_boxes(path)
    if boxes.embedding is None:
        raise UserError(f"{path}: has boxes without embeddings; expected NAME.npy with more than 7 columns")
    return boxes


def match_embeddings(tracks: Annotation, rows: Integers, detections: Annotation) -> tuple[Integers, Embeddings]:
    """Those of the rows that overlap with a detection, and its embedding."""
    found, source = [], []
    for row in rows.tolist():
        own = detections.rows_at(int(tracks.frame[row]))
        overlap = iou(tracks.xyxy[row : row + 1], detections.xyxy[own])[0]
        if len(overlap) and overlap.max() >= MIN_IOU:
            found.append(row)
            source.append(own.start + int(overlap.argmax()))
    assert detections.embedding is not None
    return np.array(found, dtype=np.int64), detections.embedding[np.array(source, dtype=np.int64)]
