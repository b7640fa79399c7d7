"""Sessions of a part of an ONNX file: of some outputs, or from values within its graph that are inputs then.

ONNX Runtime itself computes all nodes of a graph, whichever outputs are asked for. The file's bytes are edited in
protobuf's wire format, so that the package onnx is not needed.
"""

from collections.abc import Collection, Iterator
from copy import copy
from pathlib import Path
from typing import Any

from idfree.core.onnx_session import OpenVinoSession, Session
from idfree.core.reading import is_file

# Numbers of fields (onnx.proto): ModelProto.graph; GraphProto.node, .initializer, .input and .output;
# ValueInfoProto.name; TensorProto.name; NodeProto.input, .output and .attribute; AttributeProto.g and .graphs.
GRAPH, NODE, INITIALIZER, INPUT, OUTPUT, NAME, TENSOR_NAME = 7, 1, 5, 11, 12, 1, 8
NODE_INPUT, NODE_OUTPUT, ATTRIBUTE = 1, 2, 5
SUBGRAPHS = (6, 11)
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # wire types
SIZES = {FIXED64: 8, FIXED32: 4}  # in bytes

Field = tuple[int, bytes, bytes]  # see `fields`


def leave_out_outputs(session: Session, path: Path | str, names: Collection[str]) -> Session:
    """A session of the same file without the outputs of these names; the same one if it is not of ONNX Runtime.

    path: of the file of which ONNX Runtime opened the session.
    """
    if not hasattr(session, "get_session_options") or not is_file(Path(path)):
        return session
    return open_part(session, without_outputs(Path(path).read_bytes(), names))


def open_part(session: Session, model: bytes) -> Session:
    """A session of a part of the file that `session` is of, with its options, of ONNX Runtime or OpenVINO."""
    if isinstance(session, OpenVinoSession):
        part = copy(session)
        part.model = part.core.read_model(model)
        part.compile()
        return part
    import onnxruntime

    opened: Any = session
    smaller: Session = onnxruntime.InferenceSession(
        model, opened.get_session_options(), providers=opened.get_providers()
    )
    return smaller


def without_outputs(model: bytes, names: Collection[str]) -> bytes:
    """The bytes of an ONNX model (ModelProto) whose graph lacks these outputs and all that only they need.

    Raises ValueError if the bytes are no such message.
    """
    return cut(model, [name for name in output_names(model) if name not in names])


def output_names(model: bytes) -> list[str]:
    """Names of the outputs of an ONNX model. Raises ValueError if the bytes are no such message."""
    graphs = [content for number, content, _ in fields(model) if number == GRAPH]
    return [name_of(content) for graph in graphs for number, content, _ in fields(graph) if number == OUTPUT]


def cut(model: bytes, outputs: Collection[str], given: Collection[str] = ()) -> bytes:
    """The bytes of an ONNX model (ModelProto) with these outputs alone, and with what they need.

    given: other outputs, which become inputs, so that what only they need is left out, too. Raises ValueError if the
    bytes are no such message.
    """
    parts = []
    for number, content, whole in fields(model):
        parts.append(delimited(GRAPH, b"".join(needed_fields(content, outputs, given))) if number == GRAPH else whole)
    return b"".join(parts)


def needed_fields(graph: bytes, outputs: Collection[str], given: Collection[str]) -> list[bytes]:
    """The fields of a GraphProto that these outputs need; see `cut`. Its nodes are in order."""
    parts = list(fields(graph))
    nodes, needed = needed_nodes(parts, set(outputs), set(given))
    kept: list[bytes] = []
    for k, (number, content, whole) in enumerate(parts):
        if number == OUTPUT and name_of(content) in given:
            kept.append(delimited(INPUT, content))
        elif (
            (number == NODE and k in nodes)
            or (number == OUTPUT and name_of(content) in outputs)
            or (number == INPUT and name_of(content) in needed)
            or (number == INITIALIZER and not needed.isdisjoint(texts(content, TENSOR_NAME)))
            or number not in (NODE, OUTPUT, INPUT, INITIALIZER)
        ):
            kept.append(whole)
    return kept


def needed_nodes(parts: list[Field], outputs: set[str], given: set[str]) -> tuple[set[int], set[str]]:
    """Of the fields of a graph, the numbers of the nodes that these outputs need, and the names of all that is needed,
    without what only the values `given` need.
    """
    nodes, needed = set(), outputs - given
    for k in reversed(range(len(parts))):
        number, content, _ = parts[k]
        if number == NODE and not needed.isdisjoint(texts(content, NODE_OUTPUT)):
            nodes.add(k)
            needed |= inputs_of(content) - given
    return nodes, needed


def inputs_of(node: bytes) -> set[str]:
    """Names that a node (NodeProto) reads, those in its subgraphs included."""
    attributes = [content for number, content, _ in fields(node) if number == ATTRIBUTE]
    graphs = [graph for each in attributes for number, graph, _ in fields(each) if number in SUBGRAPHS]
    inner = [content for graph in graphs for number, content, _ in fields(graph) if number == NODE]
    results = [name_of(content) for graph in graphs for number, content, _ in fields(graph) if number == OUTPUT]
    return {*texts(node, NODE_INPUT), *results}.union(*map(inputs_of, inner))


def texts(message: bytes, field: int) -> list[str]:
    """The strings of a field."""
    return [content.decode() for number, content, _ in fields(message) if number == field]


def name_of(value_info: bytes) -> str:
    """The name of a graph's input or output (ValueInfoProto)."""
    return next(iter(texts(value_info, NAME)), "")


def fields(message: bytes) -> Iterator[Field]:
    """Number, content and all bytes of each field of a protobuf message; content is empty but for strings and messages.

    Raises ValueError if it is not one.
    """
    position = 0
    while position < len(message):
        start = position
        key, position = read_varint(message, position)
        kind, content = key & 7, b""
        if kind == VARINT:
            _, position = read_varint(message, position)
        elif kind == LENGTH:
            length, position = read_varint(message, position)
            content = message[position : position + length]
            position += length
        elif kind in SIZES:
            position += SIZES[kind]
        else:
            raise ValueError(f"a field of wire type {kind}")
        if position > len(message):
            raise ValueError("cut off")
        yield key >> 3, content, message[start:position]


def read_varint(message: bytes, position: int) -> tuple[int, int]:
    """A number of variable length, and the position after it. Raises ValueError if it is cut off."""
    value = shift = 0
    while position < len(message):
        byte = message[position]
        value, shift, position = value | (byte & 127) << shift, shift + 7, position + 1
        if byte < 128:
            return value, position
    raise ValueError("cut off")


def delimited(field: int, content: bytes) -> bytes:
    """A field of a message or bytes."""
    return encode_varint(field << 3 | LENGTH) + encode_varint(len(content)) + content


def encode_varint(value: int) -> bytes:
    """A number in protobuf's variable length: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
