"""Self-contained HTML page of the tracks of a video; its data are JSON, with typed arrays in base64."""

import base64
import json
import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Annotation, Floats, Integers


@dataclass(frozen=True)
class Marks:
    """Mistakes to mark. missed: boxes of the ground truth. false_positive, switched, switched_from: rows of the tracks.

    See `evaluation.mistakes`.
    """

    missed: Annotation
    false_positive: Integers
    switched: Integers
    switched_from: Integers


@dataclass(frozen=True)
class Pictures:
    """Images of the page. size_hw: (height, width) of the frames. video: its address relative to the page, or None.

    images: JPEG by frame number. crops: JPEG by row of the tracks.
    """

    size_hw: tuple[int, int]
    video: str | None = None
    images: dict[int, bytes] = field(default_factory=dict)
    crops: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class EmbeddingMap:
    """Map of embeddings in the plane (t-SNE). row (P,): of the tracks. xy (P, 2): 0…1."""

    row: Integers
    xy: Floats


def make_page(
    name: str,
    tracks: Annotation,
    times: NDArray[np.float64],
    pictures: Pictures,
    marks: Marks | None = None,
    embedding_map: EmbeddingMap | None = None,
) -> str:
    """The HTML of the page. times (F,): seconds of the frames 1 … F."""
    data = {
        "name": name,
        "size": pictures.size_hw[::-1],
        "times": encode(times, np.float64),
        "tracks": encode_boxes(tracks),
        "score": encode(tracks.score, np.float32),
        "class": encode(tracks.class_id, np.int32),
        "video": pictures.video,
        "images": {number: base64.b64encode(jpeg).decode() for number, jpeg in pictures.images.items()},
        "crops": {row: base64.b64encode(jpeg).decode() for row, jpeg in pictures.crops.items()},
        "marks": None if marks is None else encode_marks(marks),
        "map": None if embedding_map is None else encode_map(embedding_map),
    }
    page = read_part("view.html")
    parts = {
        "@STYLE@": read_part("view.css"),
        "@DATA@": json.dumps(data).replace("<", "\\u003c"),  # a "</" or "<!--" in a name would end the script element
        "@SCRIPT@": read_part("view.js"),
    }
    return re.sub("|".join(parts), lambda found: parts[found[0]], page)


def read_part(name: str) -> str:
    """The text of a file of the package, such as view.css."""
    return (files("idfree.show") / name).read_text(encoding="utf-8")


def encode(values: NDArray[Any], dtype: type) -> str:
    """The bytes of an array in base64, little-endian, as typed arrays of a browser read them."""
    return base64.b64encode(np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<")).tobytes()).decode()


def encode_boxes(boxes: Annotation) -> dict[str, str]:
    """Frames, identities, and boxes (x, y, w, h)."""
    xywh = np.concatenate([boxes.xyxy[:, :2], boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]], axis=1)
    return {
        "frame": encode(boxes.frame, np.int32),
        "id": encode(boxes.id, np.int32),
        "box": encode(xywh, np.float32),
    }


def encode_marks(marks: Marks) -> dict[str, Any]:
    """The marks as the page reads them."""
    rows = {name: getattr(marks, name) for name in ("false_positive", "switched", "switched_from")}
    return {"missed": encode_boxes(marks.missed), **{name: encode(value, np.int32) for name, value in rows.items()}}


def encode_map(embedding_map: EmbeddingMap) -> dict[str, str]:
    """The map as the page reads it."""
    return {"row": encode(embedding_map.row, np.int32), "xy": encode(embedding_map.xy, np.float32)}
