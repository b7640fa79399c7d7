"""Change constants and metadata of a serialised ONNX model without the package onnx.

A model is a protocol buffer (developers.google.com/protocol-buffers/docs/encoding): fields of a tag and a value, texts
and bytes after their length as a base-128 number. Fields that are appended count as if they stood among the others, and
of a metadata key that occurs twice, ONNX Runtime takes the last.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.onnx_outputs import encode_varint

KEY_TAG, VALUE_TAG, METADATA_TAG = b"\x0a", b"\x12", b"\x72"  # StringStringEntryProto 1 and 2, ModelProto 14
NAME_TAG, RAW_TAG = b"\x42", b"\x4a"  # TensorProto 8 and 9


def replace_constant(model: bytes, name: str, array: NDArray[Any]) -> bytes:
    """The model with other numbers in a constant, of the same shape and type. Raises UserError if it has none such."""
    values = np.ascontiguousarray(array).tobytes()
    start = find_constant(model, name, len(values))
    return model[:start] + values + model[start + len(values) :]


def read_constant(model: bytes, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The numbers of a constant in fp32. Raises UserError if there is none of this shape's size."""
    size = 4 * int(np.prod(shape))
    start = find_constant(model, name, size)
    return np.frombuffer(model[start : start + size], np.float32).reshape(shape)


def find_constant(model: bytes, name: str, size: int) -> int:
    """Where the numbers of a constant of `size` bytes begin. Raises UserError if there is none such."""
    mark = delimited(NAME_TAG, name.encode()) + RAW_TAG + encode_varint(size)
    at = model.find(mark)
    if at < 0:
        raise UserError(f"the model has no constant {name} of {size} bytes")
    return at + len(mark)


def append_metadata(model: bytes, metadata: dict[str, str]) -> bytes:
    """The model with more metadata; values of keys that it has are replaced."""
    entries = [
        delimited(KEY_TAG, key.encode()) + delimited(VALUE_TAG, value.encode()) for key, value in metadata.items()
    ]
    return model + b"".join(delimited(METADATA_TAG, entry) for entry in entries)


def delimited(tag: bytes, content: bytes) -> bytes:
    """A field of text, bytes or fields."""
    return tag + encode_varint(len(content)) + content
