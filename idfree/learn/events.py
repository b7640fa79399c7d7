"""Figures for TensorBoard, in the files that it reads: records of the protocol buffer Event (tensorflow/core/util)."""

import struct
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

VERSION = b"brain.Event:2"  # with which a file must begin; since 2 a start makes void what came after its step
CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, reflected (RFC 3720, B.4)
ROTATED, MASK = 15, 0xA282EAD8  # how TFRecord files disguise a checksum
STARTED = 1  # SessionLog.START

# Protocol buffers: what follows a field's number is of 8 bytes, a varint, of so many bytes as it says, or of 4.
VARINT, EIGHT, SIZED, FOUR = 0, 1, 2, 5


class EventFile:
    """FOLDER/events.out.tfevents.STEP.idfree. step: how many iterations were done before; what an earlier file says of
    later ones is void.
    """

    def __init__(self, folder: Path, step: int):
        self.file = (folder / f"events.out.tfevents.{step:010d}.idfree").open("wb")
        self.write(field(3, SIZED, VERSION))
        self.write(field(2, VARINT, step + 1) + field(7, SIZED, field(1, VARINT, STARTED)))

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of an iteration."""
        values = (field(1, SIZED, name.encode()) + field(2, FOUR, value) for name, value in figures.items())
        summary = b"".join(field(1, SIZED, value) for value in values)
        self.write(field(2, VARINT, step) + field(5, SIZED, summary))

    def write(self, event: bytes) -> None:
        """A record: length, its checksum, the event with the time, its checksum."""
        event = field(1, EIGHT, time.time()) + event
        length = struct.pack("<Q", len(event))
        self.file.write(length + checksum(length) + event + checksum(event))

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


def field(number: int, kind: int, value: float | bytes) -> bytes:
    """A field of a protocol buffer."""
    key = varint(number << 3 | kind)
    if isinstance(value, bytes):
        return key + varint(len(value)) + value
    if kind == VARINT:
        return key + varint(int(value))
    return key + struct.pack("<d" if kind == EIGHT else "<f", value)


def varint(value: int) -> bytes:
    """Seven bits to a byte, the lowest first; all but the last have their highest bit set."""
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*result, value])


def checksum(data: bytes) -> bytes:
    """The CRC-32C of the data, disguised."""
    crc = crc32c(data)
    rotated = crc >> ROTATED | crc << (32 - ROTATED)
    return struct.pack("<I", (rotated + MASK) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """CRC-32C (RFC 3720, B.4), byte by byte."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def entry(byte: int) -> int:
    """What a byte makes of the checksum."""
    for _ in range(8):
        byte = byte >> 1 ^ (CASTAGNOLI if byte & 1 else 0)
    return byte


TABLE = tuple(map(entry, range(256)))
