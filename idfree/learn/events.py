"""TensorBoard event files: TFRecords of the protocol buffer Event (tensorflow/core/util/event.proto)."""

import struct
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

VERSION = b"brain.Event:2"  # the first event of a file; since version 2 a session start invalidates later steps
CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, reflected (RFC 3720, B.4)
ROTATION, MASK = 15, 0xA282EAD8  # bits and constant of `masked_crc` (TFRecord files)
SESSION_START = 1  # SessionLog.START

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers


class EventFile:
    """Writer of FOLDER/events.out.tfevents.STEP.idfree.

    step: number of iterations already done; TensorBoard ignores later iterations in earlier files.
    """

    def __init__(self, folder: Path, step: int):
        self.file = (folder / f"events.out.tfevents.{step:010d}.idfree").open("wb")
        self.write(encode_field(3, LENGTH_DELIMITED, VERSION))
        session = encode_field(7, LENGTH_DELIMITED, encode_field(1, VARINT, SESSION_START))
        self.write(encode_field(2, VARINT, step + 1) + session)

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write the metrics of an iteration."""
        values = (
            encode_field(1, LENGTH_DELIMITED, name.encode()) + encode_field(2, FIXED32, value)
            for name, value in metrics.items()
        )
        summary = b"".join(encode_field(1, LENGTH_DELIMITED, value) for value in values)
        self.write(encode_field(2, VARINT, step) + encode_field(5, LENGTH_DELIMITED, summary))

    def write(self, event: bytes) -> None:
        """Write a TFRecord: length, its checksum, the event with the current time, its checksum."""
        event = encode_field(1, FIXED64, time.time()) + event
        length = struct.pack("<Q", len(event))
        self.file.write(length + masked_crc(length) + event + masked_crc(event))

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


def encode_field(number: int, wire_type: int, value: float | bytes) -> bytes:
    """Encode a field of a protocol buffer."""
    key = encode_varint(number << 3 | wire_type)
    if isinstance(value, bytes):
        return key + encode_varint(len(value)) + value
    if wire_type == VARINT:
        return key + encode_varint(int(value))
    return key + struct.pack("<d" if wire_type == FIXED64 else "<f", value)


def encode_varint(value: int) -> bytes:
    """Encode an integer as varint: seven bits per byte, lowest first; the highest bit is set in all but the last."""
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*result, value])


def masked_crc(data: bytes) -> bytes:
    """The CRC-32C of the data, masked as in TFRecord files."""
    crc = crc32c(data)
    rotated = crc >> ROTATION | crc << (32 - ROTATION)
    return struct.pack("<I", (rotated + MASK) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """CRC-32C (RFC 3720, B.4), byte by byte."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def crc_of_byte(byte: int) -> int:
    """An entry of the lookup table of CRC-32C."""
    for _ in range(8):
        byte = byte >> 1 ^ (CASTAGNOLI if byte & 1 else 0)
    return byte


CRC_TABLE = tuple(map(crc_of_byte, range(256)))
