"""Sources of camera motion for `--camera`: estimated from the images and stored beside them, or read from a file."""

import logging
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import is_file, is_folder
from idfree.core.types import Detections, Floats, Frame, Sequence
from idfree.pipelines.motion_cache import load_motion, store_motion
from idfree.sequences.motchallenge import candidate_names
from idfree.trackers.camera_motion import CameraMotion, CameraMotionSettings, StoredMotion, read_motion

LOG = logging.getLogger("idfree")
METHODS = ("flow", "ecc")
DOWNSCALE = {"flow": 2, "ecc": 4}  # factor, by method


class MeasuredCameraMotion:
    """Camera motion estimated frame by frame; `finish` stores it in the file `cache`, for the next run."""

    needs_images = True

    def __init__(self, method: str, cache: Path | None, sequence: Sequence):
        settings = CameraMotionSettings(method="ecc" if method == "ecc" else "flow", downscale=DOWNSCALE[method])
        self.motion, self.cache, self.sequence = CameraMotion(settings), cache, sequence
        self.maps: list[Floats] = []  # (2, 3) affine maps
        self.is_gapless = True  # every frame from the first on was processed

    def __call__(self, frame: Frame, detections: Detections) -> Floats:
        """Affine map (2, 3) from pixels of the previous frame to this one; the detections are masked out."""
        affine = self.motion(frame, detections)
        self.is_gapless &= self.cache is not None and frame.number == len(self.maps) + 1
        if self.is_gapless:  # of a camera, nothing is kept
            self.maps.append(affine)
        return affine

    def finish(self) -> None:
        """Store the motion if all frames were processed; if the file cannot be written, log a warning."""
        if self.cache is None or not self.is_gapless or len(self.maps) != self.sequence.length:
            return
        try:
            store_motion(self.cache, self.sequence, np.stack(self.maps))
        except UserError as error:  # the folder of the video may be read-only
            LOG.warning("the camera's motion is not kept: %s", error)


class StoredCameraMotion:
    """Camera motion read from a file in the GMC format of BoT-SORT."""

    needs_images = False

    def __init__(self, maps: Floats):
        self.motion = StoredMotion(maps)

    def __call__(self, frame: Frame, detections: Detections) -> Floats:
        """Affine map (2, 3) from pixels of the previous processed frame to this one."""
        return self.motion(frame)

    def finish(self) -> None:
        """Nothing to store."""


CameraMotionSource = MeasuredCameraMotion | StoredCameraMotion


def open_camera_motion(spec: str, sequence: Sequence) -> CameraMotionSource | None:
    """The source of camera motion for the value of `--camera`; None for `none`.

    spec: none, flow, ecc, a GMC file, or a folder of GMC-NAME.txt. Raises UserError if there is no such file.
    """
    if spec == "none":
        return None
    if spec in METHODS:
        cache = cache_file(sequence, spec)
        maps = load_motion(cache, sequence) if cache is not None and cache.is_file() else None
        return MeasuredCameraMotion(spec, cache, sequence) if maps is None else StoredCameraMotion(maps)
    path = Path(spec)
    if is_folder(path):
        names = candidate_names(sequence.name)
        candidates = (path / f"{prefix}{name}.txt" for name in names for prefix in ("GMC-", ""))
        path = next((file for file in candidates if file.is_file()), path / f"GMC-{sequence.name}.txt")
    if not is_file(path):
        raise UserError(f"--camera {spec}: expected none, {', '.join(METHODS)}, a file, or a folder with {path.name}")
    return StoredCameraMotion(read_motion(path))


def cache_file(sequence: Sequence, method: str) -> Path | None:
    """The file beside the video that estimated motion is stored in; None for a live camera."""
    source = sequence.source
    if source is None or sequence.length is None:
        return None
    if source.is_dir():
        return source / f"camera-{method}.txt"
    return source.with_name(f"{source.stem}.camera-{method}.txt")
