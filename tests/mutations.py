"""Seeded mutations of files for test_fuzz.py: what damaged, foreign and hostile files look like."""

import random
import re

NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:e[-+]?\d+)?")

NUMBERS = (
    *(b"1" * 400, b"9" * 19, b"-" + b"9" * 19, b"9007199254740993", b"1e300", b"-1e300", b"1e999", b"1e12", b"1e-400"),
    *(b"nan", b"NaN", b"-inf", b"Infinity", b"-1", b"0", b"0.5", b"-0", b"1_0", b"0x10", "٣".encode(), b"1,5", b""),
)
VALUES = (*(b"null", b"true", b"[]", b"{}", b'""', b'"a"', b"[[1]]", b'{"a": 1}', b'"\\u0000"', b'"\\ud800"'), *NUMBERS)
TOKENS = (
    *(
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b'"',
        b"'",
        b"\\",
        b"\r",
        b"\n",
        b"\t",
        b",",
        b";",
        b":",
        b"=",
        b"#",
    ),
    *(
        b"a" * 131_073,
        b'"' + b"a" * 131_073 + b'"',
        b"x" * 300,
        b"../" * 9,
        b"%s%n",
        b"&a;",
        b"<a>",
        b"]]>",
        b"}",
        b"]",
    ),
    *VALUES,
)
WHOLE = (
    *(b"", b"\n", b"\0" * 64, b"\xef\xbb\xbf", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b"null", b"[]", b"{}"),
    *(b'<?xml version="1.0" encoding="martian"?><a/>', b'<?xml version="1.0" encoding="utf-7"?><a/>', b"<a>" * 20_000),
    *(b"\x93NUMPY\x01\x00v\x00{'descr'", b"PK\x03\x04" + b"\0" * 40, b"PAR1" + b"\xff" * 40 + b"PAR1", b"\x1f\x8b\x08"),
    *(b"[a]\nb\n c", b"a,b\n" * 9, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
)


def mutations(content: bytes, count: int, seed: int) -> list[bytes]:
    """`count` damaged versions of a file: the fixed ones of WHOLE first, then random ones."""
    source = random.Random(seed)
    return [*WHOLE[:count], *(mutate(content, source) for _ in range(count - len(WHOLE)))]


def mutate(content: bytes, source: random.Random) -> bytes:
    """One to three random edits."""
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        content = source.choice(EDITS)(content, source)
    return content


def place(content: bytes, source: random.Random) -> tuple[int, int]:
    """A random range of bytes, mostly short."""
    start = source.randrange(len(content) + 1)
    return start, min(len(content), start + source.choice((1, 2, 8, 60, len(content))))


def flip(content: bytes, source: random.Random) -> bytes:
    """Other bytes at up to four places."""
    edited = bytearray(content)
    for _ in range(source.randrange(1, 5) if edited else 0):
        edited[source.randrange(len(edited))] = source.randrange(256)
    return bytes(edited)


def cut(content: bytes, source: random.Random) -> bytes:
    """Without a range of bytes."""
    start, stop = place(content, source)
    return content[:start] + content[stop:]


def truncate(content: bytes, source: random.Random) -> bytes:
    """The first part, as of a file whose copying was interrupted."""
    return content[: source.randrange(len(content) + 1)]


def repeat(content: bytes, source: random.Random) -> bytes:
    """With a range of bytes twice."""
    start, stop = place(content, source)
    return content[:stop] + content[start:]


def insert(content: bytes, source: random.Random) -> bytes:
    """With a token in between."""
    start, _ = place(content, source)
    return content[:start] + source.choice(TOKENS) + content[start:]


def replace_number(content: bytes, source: random.Random) -> bytes:
    """Another value in place of a number."""
    numbers = list(NUMBER.finditer(content))
    if not numbers:
        return insert(content, source)
    start, stop = source.choice(numbers).span()
    return content[:start] + source.choice(VALUES) + content[stop:]


def replace_string(content: bytes, source: random.Random) -> bytes:
    """Another value in place of a quoted string."""
    strings = list(re.finditer(rb'"[^"\n]*"', content))
    if not strings:
        return replace_number(content, source)
    start, stop = source.choice(strings).span()
    return content[:start] + source.choice(VALUES) + content[stop:]


EDITS = (flip, cut, truncate, repeat, insert, insert, replace_number, replace_number, replace_string)
