"""What a folder of results says of itself: what was asked for, and whether it is complete. So work can go on."""

import json
import zlib
from pathlib import Path
from typing import Any

from idfree.core.files import write_text
from idfree.core.types import Detector, Sequence
from idfree.detectors import PrecomputedDetector

MANIFEST = "settings.json"


def read_manifest(folder: Path, name: str = MANIFEST) -> dict[str, Any]:
    """What write_manifest wrote there, nothing where it did not."""
    try:
        record = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and "asked" in record else {}


def write_manifest(folder: Path, asked: dict[str, Any], complete: bool, name: str = MANIFEST, **more: Any) -> None:
    """Say what is asked for in a folder, before the work begins, and again when it is complete."""
    record = {"asked": asked, "complete": complete, **more}
    write_text(folder / name, json.dumps(record, indent=2, allow_nan=False) + "\n")


def is_done(record: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a record says that this is there already."""
    return bool(record.get("complete")) and record["asked"] == json.loads(json.dumps(asked))


def identity_of(sequence: Sequence) -> dict[str, Any]:
    """What tells one video from another, and from what it was before it was changed."""
    source, known = sequence.source, {"frames": sequence.length}
    if source is None or not source.exists():
        return known
    stat = source.stat()
    file = {"bytes": stat.st_size, "modified": stat.st_mtime_ns} if source.is_file() else {}
    return {"path": str(source.resolve()), **known, **file}


def content_of(detector: Detector, file: Path) -> int:
    """A checksum of the boxes that a detector has, or of the file that it was made from; 0 where there is neither."""
    if isinstance(detector, PrecomputedDetector):
        boxes = detector.annotation
        return zlib.crc32(b"".join(c.tobytes() for c in (boxes.frame, boxes.xyxy, boxes.score, boxes.class_id)))
    return zlib.crc32(file.read_bytes()) if file.is_file() else 0
