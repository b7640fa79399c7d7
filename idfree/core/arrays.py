"""Arrays from what users give: lists, tensors of other packages, and the detection objects of other packages."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from idfree.core.errors import UserError

SCORE_NAMES = ("score", "scores", "confidence", "conf")
CLASS_NAMES = ("class_id", "labels", "cls")
BOX_NAMES = ("xyxy", "boxes")
MAX_EXACT_INTEGER = 2.0**53  # float64 represents all integers up to this one
COLUMNS = "x1, y1, x2, y2[, score[, class]]"


def to_array(name: str, values: Any, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Convert lists, arrays, and tensors of any device to an array of numbers. Raises UserError.

    name: for error messages. dtype: None keeps that of an array of numbers; integers must be whole numbers.
    """
    if isinstance(values, np.ndarray) and (values.dtype == dtype or (dtype is None and values.dtype.kind in "fiu")):
        return values
    for method in ("detach", "cpu", "numpy"):  # of torch.Tensor, some also of other packages' arrays
        if hasattr(values, method):
            values = getattr(values, method)()
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise UserError(f"Detections: {name} is {describe(values)}, expected an array of numbers: {error}") from None
    if array.dtype.kind not in "fiub" and array.size:
        raise UserError(f"Detections: {name} is {describe(values)}, expected numbers")
    if dtype is None:
        return array if array.dtype.kind in "fiu" else array.astype(np.float64)
    if np.dtype(dtype).kind == "i" and array.dtype.kind == "f":
        invalid = ~(np.abs(array) <= MAX_EXACT_INTEGER) | (array != np.rint(array))
        if invalid.any():
            raise UserError(f"Detections: {name} is {array[invalid][0]:g}, expected whole numbers")
    return array.astype(dtype, copy=False)


def to_column(name: str, values: Any, count: int, default: float, dtype: DTypeLike) -> NDArray[Any]:
    """Convert `values` to a (count,) array of `dtype`; all `default` if None. Raises UserError for another length."""
    if values is None:
        return np.full(count, default, dtype=dtype)
    array = to_array(name, values, dtype)
    if array.shape != (count,):
        raise UserError(f"Detections: {name} has shape {array.shape}, expected ({count},)")
    return array


def detection_columns(values: Any) -> tuple[Any, Any, Any, Any]:
    """Boxes, scores, class ids and embeddings (each an array or None) of what a detector of any package returns.

    None: no detections. An array (N, 4 to 6): x1, y1, x2, y2[, score[, class]]. An object or mapping with xyxy (or
    boxes), and any of score, confidence or conf, class_id, labels or cls, and embedding: supervision's Detections,
    torchvision's dict, Ultralytics' Boxes and Results. Raises UserError for anything else.
    """
    if values is None:
        return np.zeros((0, 4)), None, None, None
    boxes = first_member(values, BOX_NAMES)
    if boxes is None:
        return array_columns(values)
    if first_member(boxes, BOX_NAMES) is not None:  # Ultralytics: the boxes of a Results object
        return detection_columns(boxes)
    return (
        boxes,
        first_member(values, SCORE_NAMES),
        first_member(values, CLASS_NAMES),
        first_member(values, ("embedding",)),
    )


def first_member(values: Any, names: tuple[str, ...]) -> Any:
    """The first of these attributes, or keys of a mapping, that exists and is not None; None if there is none."""
    if isinstance(values, Mapping):
        return next((values[name] for name in names if values.get(name) is not None), None)
    if isinstance(values, np.ndarray | list | tuple | str | bytes):
        return None
    return next((getattr(values, name) for name in names if getattr(values, name, None) is not None), None)


def array_columns(values: Any) -> tuple[Any, Any, Any, Any]:
    """Boxes, scores and class ids of an array (N, 4 to 6), or of one row; see `detection_columns`."""
    try:
        array = to_array("input", values, np.float64)
    except UserError:
        raise UserError(
            f"{describe(values)} instead of detections: expected idfree.Detections, an array (N, 4 to 6) of {COLUMNS}, "
            "supervision.Detections, or None"
        ) from None
    if array.size == 0:
        return np.zeros((0, 4)), None, None, None
    rows = array[None] if array.ndim == 1 else array
    if rows.ndim != 2 or not 4 <= rows.shape[1] <= 6:
        image = " (an image?)" if array.ndim == 3 and array.shape[2] in (1, 3, 4) else ""
        raise UserError(
            f"an array of shape {array.shape}{image} instead of detections: expected (N, 4 to 6), {COLUMNS} in pixels; "
            "embeddings go into idfree.Detections(xyxy=…, score=…, embedding=…)"
        )
    score, class_id = (rows[:, k] if rows.shape[1] > k else None for k in (4, 5))
    return rows[:, :4], score, class_id, None


def describe(values: Any) -> str:
    """Text for a value in an error message, for example "a list", or "an array of <U3"."""
    if isinstance(values, np.ndarray):
        return f"an array of {values.dtype}"
    if isinstance(values, str):
        return f"the text {values[:40]!r}"
    name = type(values).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
