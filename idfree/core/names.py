"""Names that come from inside files (JSON, lists, addresses), made safe as the name of a file in an output folder."""

import re

MAX_BYTES = 200  # of a cleaned name; file systems take 255, and suffixes are appended
MAX_PART_BYTES = 255  # of one part of a path, on all usual file systems
MAX_PATH_BYTES = 4095  # Linux's PATH_MAX, without the zero byte
SEPARATORS = re.compile(r"[/\\]")
UNENCODABLE = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")  # surrogates but those of file names that are not UTF-8
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def file_name(name: str, fallback: str) -> str:
    """The last part of `name` that can be the name of a file: `../a/b` → `b`; `fallback` if there is none, as in `..`.

    Control characters become `_`, and more than MAX_BYTES bytes of UTF-8 are cut off. A name that is safe is unchanged.
    """
    parts = [part for part in SEPARATORS.split(name) if part.strip() and part not in (".", "..")]
    if not parts:
        return fallback
    text = UNENCODABLE.sub("_", CONTROL.sub("_", parts[-1]))
    encoded = text.encode("utf-8", "surrogateescape")
    return text if len(encoded) <= MAX_BYTES else encoded[:MAX_BYTES].decode("utf-8", "ignore")


def is_path(name: str) -> bool:
    """Whether a text from a file can be the path of a file: no zero byte, no part that is too long for file systems."""
    try:
        encoded = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    short = len(encoded) <= MAX_PATH_BYTES and max(map(len, encoded.split(b"/"))) <= MAX_PART_BYTES
    return bool(encoded) and b"\0" not in encoded and short
