"""Sessions that compute only some outputs of an ONNX file: what only the others need is removed from its graph.

ONNX Runtime itself computes all nodes of a graph, whichever outputs are asked for. The file's bytes are edited in
protobuf's wire format, so that the package onnx is not needed.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from idfree.core.onnx_session import Session
from idfree.core.reading import is_file

# Numbers of fields (onnx.proto): ModelProto.graph; GraphProto.node and .output; ValueInfoProto.name; NodeProto.input,
# .output and .attribute; AttributeProto.g and .graphs.
GRAPH, NODE, OUTPUT, NAME, NODE_INPUT, NODE_OUTPUT, ATTRIBUTE = 7, 1, 12, 1, 1, 2, 5
SUBGRAPHS = (6, 11)
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # wire types
SIZES = {FIXED64: 8, FIXED32: 4}  # in bytes


def leave_out_outputs(session: Session, path: Path | str, names: Collection[str]) -> Session:
    """A session of the same file without the outputs of these names; the same one if it is not of ONNX Runtime.

    path: of the file of which ONNX Runtime opened the session.
    """
    if not hasattr(session, "get_session_options") or not is_file(Path(path)):
        return session
    import onnxruntime

    opened: Any = session
    model = without_outputs(Path(path).read_bytes(), names)
    smaller: Session = onnxruntime.InferenceSession(
        model, opened.get_session_options(), providers=opened.get_providers()
    )
    return smaller


def without_outputs(model: bytes, names: Collection[str]) -> bytes:
    """The bytes of an ONNX model (ModelProto) whose graph lacks these outputs and all that only they need.

    Raises ValueError if the bytes are no such message.
    """
    parts = []
    for number, content, whole in fields(model):
        if number == GRAPH:
            graph = b"".join(needed_fields(content, names))
            whole = encode_varint(GRAPH << 3 | LENGTH) + encode_varint(len(graph)) + graph
        parts.append(whole)
    return b"".join(parts)


def needed_fields(graph: bytes, names: Collection[str]) -> list[bytes]:
    """The fields of a GraphProto that it needs without the outputs of these names. Its nodes are in order."""
    kept: list[bytes] = []
    is_output = [(number == OUTPUT, content) for number, content, _ in fields(graph)]
    needed = {name_of(content) for is_one, content in is_output if is_one} - set(names)
    for number, content, whole in reversed(list(fields(graph))):
        if number == OUTPUT and name_of(content) in names:
            continue
        if number == NODE:
            if needed.isdisjoint(texts(content, NODE_OUTPUT)):
                continue
            needed |= inputs_of(content)
        kept.append(whole)
    return kept[::-1]


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


def fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
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


def encode_varint(value: int) -> bytes:
    """A number in protobuf's variable length: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
