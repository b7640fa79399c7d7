"""How a run comes to know the camera's motion: measured in its pictures and remembered, or read from a file."""

import logging
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Detections, Floats, Frame, Sequence
from idfree.sequences.motchallenge import names_of
from idfree.trackers.camera_motion import CameraMotion, CameraMotionSettings, StoredMotion, read_motion, write_motion

LOG = logging.getLogger("idfree")
METHODS = ("flow", "ecc")
DOWNSCALE = {"flow": 2, "ecc": 4}  # ecc is five times faster at 4, and as good


class MeasuredCameraMotion:
    """Camera motion measured frame by frame; `finish` stores it in `cache`, for the next run to read."""

    needs_images = True

    def __init__(self, method: str, cache: Path | None, length: int | None):
        settings = CameraMotionSettings(method="ecc" if method == "ecc" else "flow", downscale=DOWNSCALE[method])
        self.motion, self.cache, self.length = CameraMotion(settings), cache, length
        self.maps: list[Floats] = []
        self.whole = True  # every frame from the first on was seen

    def __call__(self, frame: Frame, detections: Detections) -> Floats:
        self.maps.append(self.motion(frame, detections))
        self.whole &= frame.number == len(self.maps)
        return self.maps[-1]

    def finish(self) -> None:
        """Store what was measured, if it is the whole sequence and there is a place for it."""
        if self.cache is None or not self.whole or len(self.maps) != self.length:
            return
        try:
            write_motion(self.cache, np.stack(self.maps))
        except UserError as error:  # the place of the footage may be read-only: then it is measured again next time
            LOG.warning("the camera's motion is not kept: %s", error)


class StoredCameraMotion:
    """Camera motion read from a file in the public GMC format."""

    needs_images = False

    def __init__(self, path: Path):
        self.motion = StoredMotion(read_motion(path))

    def __call__(self, frame: Frame, detections: Detections) -> Floats:
        return self.motion(frame)

    def finish(self) -> None:
        """There is nothing to keep."""


CameraMotionSource = MeasuredCameraMotion | StoredCameraMotion


def camera_for(spec: str, sequence: Sequence) -> CameraMotionSource | None:
    """What `--camera` says: none, flow, ecc, a GMC file, or a folder of GMC-NAME.txt. Raises UserError."""
    if spec == "none":
        return None
    if spec in METHODS:
        cache = beside(sequence, spec)
        return (
            StoredCameraMotion(cache)
            if cache is not None and cache.is_file()
            else MeasuredCameraMotion(spec, cache, sequence.length)
        )
    path = Path(spec)
    if path.is_dir():
        found = (path / f"{prefix}{name}.txt" for name in names_of(sequence.name) for prefix in ("GMC-", ""))
        path = next((p for p in found if p.is_file()), path / f"GMC-{sequence.name}.txt")
    if not path.is_file():
        raise UserError(f"--camera {spec}: expected none, {', '.join(METHODS)}, a file, or a folder with {path.name}")
    return StoredCameraMotion(path)


def beside(sequence: Sequence, method: str) -> Path | None:
    """The file beside the footage that keeps what was measured; None for a live camera."""
    source = sequence.source
    if source is None or sequence.length is None:
        return None
    return (
        source / f"camera-{method}.txt" if source.is_dir() else source.with_name(f"{source.stem}.camera-{method}.txt")
    )
