"""Manifests: JSON files that record what results were made from and whether they are complete, to resume work."""

import json
import logging
import math
import zlib
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.reading import read_json
from idfree.core.types import Detector, Sequence
from idfree.detectors import PrecomputedDetector

LOG = logging.getLogger("idfree")

MANIFEST = "settings.json"
CHECKSUM = "checksum"  # key of the manifest; manifests of earlier versions have none


def read_manifest(folder: Path, name: str = MANIFEST) -> dict[str, Any]:
    """Read a manifest; {} if it is missing or is no manifest."""
    try:
        manifest = read_json(folder / name)
    except UserError:
        return {}
    return manifest if isinstance(manifest, dict) and "asked" in manifest else {}


def write_manifest(folder: Path, inputs: dict[str, Any], complete: bool, name: str = MANIFEST, **more: Any) -> None:
    """Write a manifest: before the work with complete=False, after it with True.

    inputs: everything that the results depend on. more: further entries, ready for JSON.
    """
    manifest = {"asked": inputs, "complete": complete, **more}
    manifest[CHECKSUM] = checksum(manifest)
    write_text(folder / name, json.dumps(manifest, indent=2, allow_nan=False) + "\n")


def is_done(manifest: dict[str, Any], inputs: dict[str, Any]) -> bool:
    """Whether complete results from the same inputs exist, and the manifest is not damaged (else with a warning)."""
    if not manifest.get("complete") or manifest["asked"] != json.loads(json.dumps(inputs)):
        return False
    if manifest.get(CHECKSUM) in (None, checksum(manifest)) and isinstance(manifest.get("report"), dict):
        return True
    LOG.warning("the record of earlier results is damaged: they are made again")
    return False


def checksum(manifest: dict[str, Any]) -> int:
    """CRC-32 of a manifest without its checksum."""
    content = {name: value for name, value in manifest.items() if name != CHECKSUM}
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def identify_video(sequence: Sequence) -> dict[str, Any]:
    """Path, size, modification time and length of a video, to notice when it is replaced or edited."""
    source, length = sequence.source, {"frames": sequence.length}
    if source is None or not source.exists():
        return length
    stat = source.stat()
    file = {"bytes": stat.st_size, "modified": stat.st_mtime_ns} if source.is_file() else {}
    return {"path": str(source.resolve()), **length, **file}


def checksum_of_detector(detector: Detector, file: Path) -> int:
    """CRC-32 of precomputed boxes, otherwise of the model file; 0 if there is no file."""
    if isinstance(detector, PrecomputedDetector):
        boxes = detector.annotation
        return zlib.crc32(b"".join(c.tobytes() for c in (boxes.frame, boxes.xyxy, boxes.score, boxes.class_id)))
    return zlib.crc32(file.read_bytes()) if file.is_file() else 0


def settings_to_json(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with infinity and NaN, which JSON has no numbers for, as text."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in settings.items()
    }
