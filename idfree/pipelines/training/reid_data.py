"""Market-1501, MSMT17 and VeRi-776: crops for training, evaluation across cameras, and a report on the files."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from idfree.appearance.crops import crop_boxes
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.progress import progress
from idfree.core.types import Floats, Image, Integers
from idfree.core.wording import counted
from idfree.datasets.footage import Footage
from idfree.datasets.labels import LabelRows
from idfree.datasets.reid_crops import CropFiles, Part, read_reid, reid_parts
from idfree.evaluation.query_gallery import evaluate_query_gallery
from idfree.pipelines.labelling.crop_writer import CropWriter
from idfree.sequences.image_files import image_size, read_nth_image
from idfree.sequences.images import read_image

if TYPE_CHECKING:
    from idfree.appearance.encoder import Embedding, Encoder
    from idfree.learn.networks.box_embedder import BoxEmbedder


def load_reid_crops(folder: Path, writer: CropWriter, quiet: bool = True) -> CropSet:
    """The training part by annotated identity; a video for each camera and recording.

    writer: takes the crops, in its size. Raises UserError if an image cannot be read, or if there are fewer than two
    people.
    """
    files = read_reid(folder)
    identity = people_of(files)
    rows = np.flatnonzero(identity >= 0)
    people = len(np.unique(identity[rows]))
    if people < 2:
        raise UserError(f"{folder}: has crops of {counted(people, 'person', 'people')}, expected two or more")
    first, boxes = writer.count, np.zeros((len(rows), 4))
    for k, row in enumerate(progress(rows.tolist(), f"{folder.name}: reading", len(rows), quiet, "crops")):
        image = read_image(files.path[row])
        boxes[k] = whole(image)
        writer.append(crop_boxes(image, boxes[k : k + 1], writer.size_hw))
    recordings = np.stack([files.camera, files.recording], axis=1)[rows]
    video = np.unique(recordings, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    person = np.unique(identity[rows], return_inverse=True)[1].astype(np.int64)
    return CropSet(writer.crops_since(first), person, files.frame[rows], video, boxes, identities=True)


def evaluate_on_reid(
    encoder: "Encoder | BoxEmbedder", folder: Path, quiet: bool = True
) -> dict[str, dict[str, float | None]]:
    """Metrics of the queries against the gallery (see evaluate_query_gallery), by the name of the data set.

    Raises UserError if one of the two parts is missing, or an image cannot be read.
    """
    parts: list[tuple[Embedding, Integers]] = []
    names: tuple[Part, ...] = ("query", "gallery")
    if missing := [name for name in names if name not in reid_parts(folder)]:
        raise UserError(f"{folder}: has no {' and no '.join(missing)} part; expected Market-1501 or MSMT17 as a whole")
    for part in names:
        files = read_reid(folder, part)
        paths = progress(files.path, f"{part}: embedding", len(files), quiet, "crops")
        parts.append((embed_files(encoder, paths, len(files)), np.stack([files.identity, files.camera], axis=1)))
    (query, query_labels), (gallery, gallery_labels) = parts
    return {folder.resolve().name: evaluate_query_gallery(query, gallery, query_labels, gallery_labels)}


def embed_files(encoder: "Encoder | BoxEmbedder", paths: Iterable[Path], count: int) -> "Embedding":
    """Embeddings (K, D) of whole images."""
    embedding = np.zeros((count, encoder.dimension), dtype=np.float32)
    for row, path in enumerate(paths):
        image = read_image(path)
        embedding[row] = encoder(image, whole(image)[None])[0]
    return embedding


def crops_as_footage(files: CropFiles, name: str, folder: Path) -> Footage:
    """Crops as still images with one box each, which covers the image; those that cannot be read have none."""
    labels = LabelRows()
    for number, (path, identity) in enumerate(zip(files.path, people_of(files).tolist(), strict=True), start=1):
        try:
            height, width = image_size(path)
        except UserError:
            continue
        labels.add(number, (0, 0, width, height), identity, score=1.0 if identity >= 0 else 0.0)
    image = partial(read_nth_image, files.path)
    return Footage(name, labels.annotation(), len(files), image, is_sequence=False, paths=files.path, source=folder)


def whole(image: Image) -> Floats:
    """xyxy (4,) of a whole image."""
    return np.array([0, 0, image.shape[1], image.shape[0]], dtype=np.float64)


def people_of(files: CropFiles) -> Integers:
    """(K,) identity of each crop, −1 for junk and distractors."""
    return np.where(files.has_distractors & (files.identity == 0), -1, files.identity)
