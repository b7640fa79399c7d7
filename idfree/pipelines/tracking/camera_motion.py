"""Sources of camera motion for `--camera`: measured in images (flow and ecc are stored beside them), or a file's."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import is_file, is_folder
from idfree.core.types import Detections, Floats, Frame, Sequence
from idfree.core.wording import counted
from idfree.pipelines.tracking.motion_cache import load_motion, store_motion
from idfree.sequences.motchallenge import candidate_names
from idfree.trackers.auto_camera_motion import AutoCameraMotion
from idfree.trackers.camera_motion import CameraMotion, CameraMotionSettings, StoredMotion, read_motion

LOG = logging.getLogger("idfree")
METHODS = ("flow", "ecc")
DOWNSCALE = {"flow": 2, "ecc": 4}  # factor, by method
STATIC_SHARE = 0.02  # of the frames: a camera that moves in fewer stands still; a knock, or drift over a minute
STATIC_SHIFT = 0.5  # px, of a frame in which it does not count as moving, for these statements
STEPS = 10  # of displacements per pixel, for their median


class MotionCounts:
    """How often and how far a camera moved, in memory that does not grow with the frames.

    A displacement is the mean of those of the image's four corners, in pixels.
    """

    def __init__(self, size_hw: tuple[int, int] | None):
        self.size_hw = size_hw
        self.frames = self.moved = 0
        self.steps: Counter[int] = Counter()  # of the frames that moved, by displacement · STEPS

    def add(self, affine: Floats, frame: Frame) -> None:
        """Count the motion (2, 3) of a frame."""
        self.frames += 1
        shift = displacement(affine, self.size_hw or (frame.image.shape[:2] if frame.image is not None else (0, 0)))
        if shift > STATIC_SHIFT:
            self.moved += 1
            self.steps[round(min(shift, 1e6) * STEPS)] += 1

    def describe(self) -> dict[str, Any]:
        """Whether the camera moves, the share of frames in which it did, and then their median displacement."""
        share = self.moved / max(1, self.frames)
        step, passed = sorted(self.steps), np.cumsum([self.steps[key] for key in sorted(self.steps)])
        median = step[np.searchsorted(passed, self.moved / 2)] / STEPS if step else 0.0
        return {"moves": share > STATIC_SHARE, "moved": round(share, 4), "median": median}


class AutoCameraMotionSource:
    """Camera motion by AutoCameraMotion, frame by frame; nothing is kept beside the footage."""

    needs_images = True

    def __init__(self, sequence: Sequence):
        self.motion, self.counts = AutoCameraMotion(), MotionCounts(sequence.size_hw)

    def __call__(self, frame: Frame, detections: Detections) -> Floats:
        """Affine map (2, 3) from pixels of the previous frame to this one; the identity if it is not trustworthy."""
        affine = self.motion(frame, detections)
        self.counts.add(affine, frame)
        return affine

    def describe(self) -> dict[str, Any]:
        """For summaries; "doubtful": number of frames whose motion was not trustworthy, so that none was assumed."""
        return {"method": "auto", **self.counts.describe(), "doubtful": self.motion.doubtful}

    def finish(self) -> None:
        """Nothing to store."""


class MeasuredCameraMotion:
    """Camera motion estimated frame by frame; `finish` stores it in the file `cache`, for the next run."""

    needs_images = True

    def __init__(self, method: str, cache: Path | None, sequence: Sequence):
        settings = CameraMotionSettings(method="ecc" if method == "ecc" else "flow", downscale=DOWNSCALE[method])
        self.motion, self.cache, self.sequence = CameraMotion(settings), cache, sequence
        self.method, self.counts = method, MotionCounts(sequence.size_hw)
        self.maps: list[Floats] = []  # (2, 3) affine maps
        self.is_gapless = True  # every frame from the first on was processed

    def __call__(self, frame: Frame, detections: Detections) -> Floats:
        """Affine map (2, 3) from pixels of the previous frame to this one; the detections are masked out."""
        affine = self.motion(frame, detections)
        self.counts.add(affine, frame)
        self.is_gapless &= self.cache is not None and frame.number == len(self.maps) + 1
        if self.is_gapless:  # of a camera, nothing is kept
            self.maps.append(affine)
        return affine

    def describe(self) -> dict[str, Any]:
        """For summaries."""
        return {"method": self.method, **self.counts.describe()}

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

    def __init__(self, method: str, maps: Floats, sequence: Sequence):
        self.motion, self.method, self.counts = StoredMotion(maps), method, MotionCounts(sequence.size_hw)

    def __call__(self, frame: Frame, detections: Detections) -> Floats:
        """Affine map (2, 3) from pixels of the previous processed frame to this one."""
        affine = self.motion(frame)
        self.counts.add(affine, frame)
        return affine

    def describe(self) -> dict[str, Any]:
        """For summaries."""
        return {"method": self.method, **self.counts.describe()}

    def finish(self) -> None:
        """Nothing to store."""


class KeptCameraMotion:
    """Another source's camera motion, of which the maps are kept, 50 bytes a frame, for whole-video tracks."""

    def __init__(self, source: "CameraMotionSource"):
        self.source = source
        self.needs_images: bool = source.needs_images
        self.maps: dict[int, Floats] = {}  # (2, 3) affine maps, by frame number

    def __call__(self, frame: Frame, detections: Detections) -> Floats:
        """Affine map (2, 3) of the source."""
        self.maps[frame.number] = affine = self.source(frame, detections)
        return affine

    def all_maps(self) -> Floats | None:
        """Maps (F, 2, 3) of frames 1 … F, the identity where a frame was not processed; None if the camera stood."""
        if not self.maps or not self.source.describe()["moves"]:
            return None
        maps = np.tile(np.eye(2, 3), (max(self.maps), 1, 1))
        maps[np.array([*self.maps]) - 1] = np.stack([*self.maps.values()])
        return maps

    def describe(self) -> dict[str, Any]:
        """For summaries; as the source."""
        return self.source.describe()

    def finish(self) -> None:
        """Finish the source."""
        self.source.finish()


CameraMotionSource = AutoCameraMotionSource | MeasuredCameraMotion | StoredCameraMotion | KeptCameraMotion


def open_camera_motion(spec: str, sequence: Sequence, reads_images: bool = True) -> CameraMotionSource | None:
    """The source of camera motion for the value of `--camera`; None for `none`, and for `auto` if no image is read.

    spec: none, auto, flow, ecc, a GMC file, or a folder of GMC-NAME.txt. reads_images: whether anything else needs the
    images. Raises UserError if there is no such file.
    """
    if spec == "auto" and reads_images:
        return AutoCameraMotionSource(sequence)
    if spec in ("auto", "none"):
        return None
    if spec in METHODS:
        cache = cache_file(sequence, spec)
        maps = load_motion(cache, sequence) if cache is not None and cache.is_file() else None
        return MeasuredCameraMotion(spec, cache, sequence) if maps is None else StoredCameraMotion(spec, maps, sequence)
    path = Path(spec)
    if is_folder(path):
        names = candidate_names(sequence.name)
        candidates = (path / f"{prefix}{name}.txt" for name in names for prefix in ("GMC-", ""))
        path = next((file for file in candidates if file.is_file()), path / f"GMC-{sequence.name}.txt")
    if not is_file(path):
        expected = ", ".join(("auto", "none", *METHODS))
        raise UserError(f"--camera {spec}: expected {expected}, a file, or a folder with {path.name}")
    return StoredCameraMotion(str(path), read_motion(path), sequence)


def cache_file(sequence: Sequence, method: str) -> Path | None:
    """The file beside the video that estimated motion is stored in; None for a live camera."""
    source = sequence.source
    if source is None or sequence.length is None:
        return None
    if source.is_dir():
        return source / f"camera-{method}.txt"
    return source.with_name(f"{source.stem}.camera-{method}.txt")


def displacement(affine: Floats, size_hw: tuple[int, ...]) -> float:
    """Mean displacement in px of the four corners of an image under a map (2, 3)."""
    height, width = size_hw[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    return float(np.linalg.norm(corners @ (affine[:, :2] - np.eye(2)).T + affine[:, 2], axis=1).mean())


def describe_motion(summary: dict[str, Any] | None) -> str:
    """What a source's `describe` says, in words: "camera moves, median 3.1 px a frame"; "" without a source."""
    if summary is None:
        return ""
    doubtful = f", in doubt in {counted(summary['doubtful'], 'frame')}" if summary.get("doubtful") else ""
    if not summary["moves"]:
        return f"camera static{doubtful}"
    share = f" in {summary['moved']:.0%} of the frames" if summary["moved"] < 0.95 else ""
    return f"camera moves{share}, median {summary['median']:.1f} px a frame{doubtful}"
