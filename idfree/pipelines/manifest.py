"""Manifests: JSON files that record what results were made from and whether they are complete, to resume work."""

import json
import logging
import math
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_text
from idfree.core.onnx_session import is_ir
from idfree.core.reading import is_file, read_json
from idfree.core.types import Detector, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.sequences.media import identify_media

LOG = logging.getLogger("idfree")

MANIFEST = "settings.json"
CHECKSUM = "checksum"  # key of the manifest; manifests of earlier versions have none
EXTERNAL_WEIGHTS = (".data", "_data")  # appended to MODEL.onnx by PyTorch and by Optimum
BLOCK = 2**22  # bytes read at once
FILES = "files"  # key of the manifest: CRC-32 of the files of results by name, so that damage is noticed


def read_manifest(folder: Path, name: str = MANIFEST) -> dict[str, Any]:
    """Read a manifest; {} if it is missing or is no manifest."""
    try:
        manifest = read_json(folder / name)
    except UserError:
        return {}
    return manifest if isinstance(manifest, dict) and "asked" in manifest else {}


def write_manifest(
    folder: Path, inputs: dict[str, Any], complete: bool, name: str = MANIFEST, files: Iterable[Path] = (), **more: Any
) -> None:
    """Write a manifest: before the work with complete=False, after it with True.

    inputs: everything that the results depend on. files: of the results, in `folder`, that must stay as they are. more:
    further entries, ready for JSON.
    """
    manifest = {"asked": inputs, "complete": complete, **more}
    if checksums := {file.name: checksum_of_file(file) for file in files}:
        manifest[FILES] = checksums
    manifest[CHECKSUM] = checksum(manifest)
    write_text(folder / name, json.dumps(manifest, indent=2, allow_nan=False) + "\n")


def is_done(manifest: dict[str, Any], inputs: dict[str, Any], folder: Path = Path()) -> bool:
    """Whether complete and undamaged results from the same inputs exist in `folder`; warns if they are made again."""
    if not manifest.get("complete"):
        return False
    asked, inputs = manifest["asked"], json.loads(json.dumps(inputs))
    if asked != inputs:
        asked = asked if isinstance(asked, dict) else {}
        changed = [key for key in inputs if asked.get(key) != inputs[key]] or ["options"]
        LOG.warning("%s: earlier results are made again, as these have changed: %s", folder, ", ".join(changed))
        return False
    if manifest.get(CHECKSUM) not in (None, checksum(manifest)) or not isinstance(manifest.get("report"), dict):
        LOG.warning("%s: the record of earlier results is damaged: they are made again", folder)
        return False
    damaged = damaged_files(manifest, folder)
    if damaged:
        LOG.warning("%s is missing or damaged: it is made again", damaged[0])
    return not damaged


def make_once(
    file: Path, inputs: dict[str, Any], make: Callable[[], dict[str, Any]], is_usable: Callable[[Path], bool] = is_file
) -> dict[str, Any]:
    """The report of `make`, which writes `file`; that of its manifest, beside it, if that was done from these inputs.

    is_usable: whether a file that its manifest calls complete can be read.
    """
    manifest = read_manifest(file.parent)
    if is_done(manifest, inputs, file.parent) and is_usable(file):
        return dict(manifest["report"])
    make_folder(file.parent)
    write_manifest(file.parent, inputs, complete=False)
    report = make()
    write_manifest(file.parent, inputs, complete=True, files=[file], report=report)
    return report


def damaged_files(manifest: dict[str, Any], folder: Path) -> list[Path]:
    """The files of results that are missing, or not as they were when the manifest was written."""
    checksums = manifest.get(FILES)
    checksums = checksums if isinstance(checksums, dict) else {}
    return [folder / name for name, value in checksums.items() if checksum_of_file(folder / name) != value]


def checksum_of_file(path: Path) -> int | None:
    """CRC-32 of a file, None if it cannot be read."""
    check = 0
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                check = zlib.crc32(block, check)
    except (OSError, ValueError):
        return None
    return check


def checksum(manifest: dict[str, Any]) -> int:
    """CRC-32 of a manifest without its checksum."""
    content = {name: value for name, value in manifest.items() if name != CHECKSUM}
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def identify_video(sequence: Sequence) -> dict[str, Any]:
    """Path, sizes, modification times and length of a video or images, to notice when they are replaced or edited."""
    source, length = sequence.source, {"frames": sequence.length}
    if source is None or not source.exists():
        return length
    return {"path": str(source.resolve()), **length, **identify_media(sequence)}


def is_other_video(manifest: dict[str, Any], sequence: Sequence) -> bool:
    """Whether results were made of another video than `sequence`: of other bytes, or number of frames or files.

    Neither path nor time counts: videos are copied. False if the manifest does not say.
    """
    asked = manifest["asked"]
    video = asked.get("video") if isinstance(asked, dict) else None
    if not isinstance(video, dict):
        return False
    actual = identify_video(sequence)
    return any(
        name in video and name in actual and video[name] != actual[name] for name in ("frames", "files", "bytes")
    )


def checksum_of_detector(detector: Detector, file: Path) -> int:
    """CRC-32 of precomputed boxes and all that is known of them, otherwise of the model file; 0 if there is no file."""
    if not isinstance(detector, PrecomputedDetector):
        return checksum_of_model(file)
    boxes = detector.annotation
    check = zlib.crc32(b"".join(c.tobytes() for c in (boxes.frame, boxes.xyxy, boxes.score, boxes.class_id)))
    if boxes.embedding is None:
        return check
    thresholds = repr((detector.match_threshold, detector.upper_threshold, str(boxes.embedding.dtype)))
    return zlib.crc32(np.ascontiguousarray(boxes.embedding).data, zlib.crc32(thresholds.encode(), check))


def checksum_of_model(file: Path) -> int:
    """CRC-32 of a model file, and of the file of its weights if they are stored apart; 0 if there is no file."""
    check = checksum_of_file(file)
    if check is None:
        return 0
    files = [file.with_name(file.name + suffix) for suffix in EXTERNAL_WEIGHTS]
    for path in [file.with_suffix(".bin")] if is_ir(file) else files:
        weights = checksum_of_file(path)
        check = check if weights is None else zlib.crc32(weights.to_bytes(4, "big"), check)
    return check


def settings_to_json(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with infinity and NaN, which JSON has no numbers for, as text."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in settings.items()
    }
