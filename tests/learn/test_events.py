"""Event files, parsed according to their published format."""

import struct

import pytest

pytest.importorskip("torch")

from idfree.learn.events import EventFile, crc32c, encode_varint, masked_crc


def records(path):
    """The events of a file; their checksums are verified."""
    data, events = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event, data = data[12 : 12 + length], data[8:12] + data[12 + length :]
        assert data[:4] == masked_crc(struct.pack("<Q", length))
        assert data[4:8] == masked_crc(event)
        events.append(event)
        data = data[8:]
    return events


def test_crc32c_of_published_examples():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def test_varints():
    assert [encode_varint(value) for value in (0, 127, 128, 300)] == [b"\x00", b"\x7f", b"\x80\x01", b"\xac\x02"]


def test_events_of_a_file(tmp_path):
    with EventFile(tmp_path, step=299) as file:
        file.add(300, {"loss": 0.5, "lr": 2.0})
    (path,) = tmp_path.iterdir()
    assert "tfevents" in path.name
    version, begin, summary = (event[9:] for event in records(path))  # without the time, a key and 8 bytes
    assert version == b"\x1a\x0dbrain.Event:2"
    assert begin == b"\x10\xac\x02" + b"\x3a\x02\x08\x01"  # step 300, SessionLog START
    values = b"\x0a\x0b\x0a\x04loss\x15\x00\x00\x00\x3f" + b"\x0a\x09\x0a\x02lr\x15\x00\x00\x00\x40"
    assert summary == b"\x10\xac\x02" + b"\x2a" + bytes([len(values)]) + values


def test_file_names_are_ordered_by_step(tmp_path):
    for step in (0, 90, 1000):
        EventFile(tmp_path, step).file.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [int(name.split(".")[3]) for name in names] == [0, 90, 1000]
