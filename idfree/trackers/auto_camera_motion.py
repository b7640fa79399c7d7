"""Automatic camera motion (`--camera auto`): none for a static camera, and none where the estimate is unreliable.

Corners of a small grey picture are followed by pyramidal Lucas-Kanade optical flow, and a similarity transform is
fitted by RANSAC, as in `camera_motion.estimate_flow`. Three things differ. Motion is measured from a reference picture,
which stays the same while the camera stands still: an exact identity is reported until the corners have moved
measurably, so that trackers get no jitter and a slow drift is not lost. The tolerance grows with the motion, since what
is near moves more than what is far (parallax), and most of the motion is better than none. And a fit counts only if it
is trustworthy.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Detections, Floats, Frame, Image
from idfree.trackers.camera_motion import CORNER_QUALITY, MIN_CORNERS, mask_boxes, no_motion, to_full_size

WINDOW = (15, 15)  # px, of Lucas-Kanade
CRITERIA = (3, 15, 0.02)  # of Lucas-Kanade: at most 15 iterations, steps down to 0.02 px (both: OpenCV's flags 1 | 2)
CELLS = 4  # the picture is divided in CELLS × CELLS cells, to see whether corners are spread over it


@dataclass(frozen=True)
class AutoCameraMotionSettings:
    """Parameters of the estimate; pixels are those of the small picture. Studies: docs/camera_motion.md."""

    width: int = 480  # the picture is halved until it is no wider
    corners: int = 200  # greatest number
    spacing: int = 9  # px, least distance between corners
    levels: int = 3  # of the pyramid, above the small picture: motion of up to about 7 × 2³ px is found
    tolerance: float = 0.75  # px, RANSAC's greatest error of an inlier if the motion is small
    parallax: float = 0.35  # the same of a larger motion, relative to the median displacement
    max_tolerance: float = 3.0  # px, at most
    still: float = 0.2  # px: a smaller median displacement of the corners is none
    min_share: float = 0.25  # least share of the corners that must be inliers
    max_still_share: float = 0.5  # greatest number of corners that stand still, relative to those that follow the fit
    min_cells: int = 4  # least number of cells with inliers
    max_scale: float = 1.5  # greatest change of scale, and its inverse, between two frames
    max_turn: float = 0.5  # rad, greatest rotation between two frames
    patience: int = 30  # frames after which the reference of a camera that stands still is renewed


class Reference(NamedTuple):
    """The small picture (H, W) that motion is measured from, and its corners (N, 1, 2) outside the detections."""

    grey: Image
    corners: NDArray[np.float32]


class AutoCameraMotion:
    """Camera motion measured between successive images; deterministic, and as new after `reset`.

    doubtful: number of frames whose motion could not be trusted, for which none was reported.
    """

    def __init__(self, settings: AutoCameraMotionSettings | None = None):
        self.settings = settings or AutoCameraMotionSettings()
        self.reset()

    def reset(self) -> None:
        """Start again: the next image is the first."""
        self.reference: Reference | None = None
        self.age = 0  # frames since the reference
        self.doubtful = 0

    def __call__(self, frame: Frame, detections: Detections | None = None) -> Floats:
        """As `estimate`, of a frame, with its detections masked out. Raises UserError if it has no image."""
        if frame.image is None:
            raise UserError(f"frame {frame.number} has no image: camera motion is measured in images")
        return self.estimate(frame.image, None if detections is None else detections.xyxy)

    def estimate(self, image: Image, xyxy: Floats | None = None) -> Floats:
        """Map (2, 3) from the previous image to this one (H, W, 3) in full-size pixels; the identity if in doubt.

        xyxy: (N, 4), boxes of objects that may move by themselves, which are masked out.
        """
        grey, downscale = shrink(image, self.settings.width)
        background = mask_boxes(grey, xyxy, downscale)
        reference, self.age = self.reference, self.age + 1
        if reference is None or reference.grey.shape != grey.shape:
            self.renew(grey, background)
            return no_motion()
        start, end = follow(reference, grey, background, self.settings)
        affine = None
        if len(start) >= MIN_CORNERS:
            if is_still(start, end, self.settings):
                if self.age >= self.settings.patience or 2 * len(start) < len(reference.corners):
                    self.renew(grey, background)
                return no_motion()
            affine = fit(start, end, grey.shape, self.settings)
        self.renew(grey, background)
        if affine is None:
            self.doubtful += 1
            return no_motion()
        return to_full_size(affine, downscale)

    def renew(self, grey: Image, background: Image) -> None:
        """Measure motion from this picture on."""
        import cv2

        found = cv2.goodFeaturesToTrack(
            grey, self.settings.corners, CORNER_QUALITY, self.settings.spacing, mask=background
        )
        corners = np.zeros((0, 1, 2)) if found is None else found
        self.reference, self.age = Reference(grey, np.asarray(corners, dtype=np.float32)), 0


def shrink(image: Image, width: int) -> tuple[Image, int]:
    """Grey picture of an image (H, W, 3), halved until it is no wider than `width`; and the factor, a power of two.

    Halving is several times as fast as one step. A last odd row or column is cut off, which keeps coordinates exact.
    """
    import cv2

    grey, factor = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 1
    while grey.shape[1] > width and min(grey.shape) > 1:
        rows, columns = grey.shape[0] // 2, grey.shape[1] // 2
        grey = cv2.resize(grey[: 2 * rows, : 2 * columns], (columns, rows), interpolation=cv2.INTER_AREA)
        factor *= 2
    return np.asarray(grey, dtype=np.uint8), factor


def follow(
    reference: Reference, grey: Image, background: Image, settings: AutoCameraMotionSettings
) -> tuple[Floats, Floats]:
    """Positions (N, 2) of the reference's corners, before and now; without those lost or now inside a detection."""
    import cv2

    if not len(reference.corners):
        return np.zeros((0, 2)), np.zeros((0, 2))
    moved, status, _ = cv2.calcOpticalFlowPyrLK(
        reference.grey,
        grey,
        reference.corners,
        np.empty_like(reference.corners),
        winSize=WINDOW,
        maxLevel=settings.levels,
        criteria=CRITERIA,
    )
    start, end = (np.asarray(points, dtype=np.float64).reshape(-1, 2) for points in (reference.corners, moved))
    column, row = np.rint(end).T
    is_inside = (column >= 0) & (row >= 0) & (column < grey.shape[1]) & (row < grey.shape[0])
    is_kept = (status.ravel() == 1) & is_inside
    is_kept[is_kept] = background[row[is_kept].astype(int), column[is_kept].astype(int)] > 0
    return start[is_kept], end[is_kept]


def is_still(start: Floats, end: Floats, settings: AutoCameraMotionSettings) -> bool:
    """Whether most corners have not moved measurably."""
    return bool(np.median(np.linalg.norm(end - start, axis=1)) < settings.still)


def fit(start: Floats, end: Floats, size_hw: tuple[int, ...], settings: AutoCameraMotionSettings) -> Floats | None:
    """Similarity (2, 3) of most corners; the identity if the camera stands still, None if it is not trustworthy.

    The camera stands still if this moves nothing measurably, or if nearly as many corners stand still as follow it:
    something large passes by. It is not trustworthy if it has few inliers, or in one part of the picture only, or is an
    implausible jump.
    """
    import cv2

    shift = np.linalg.norm(end - start, axis=1)
    tolerance = float(np.clip(settings.parallax * np.median(shift), settings.tolerance, settings.max_tolerance))
    affine, mask = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=tolerance)
    if affine is None or not np.isfinite(affine).all():
        return None
    inliers, mapped = mask.ravel() > 0, start @ affine[:, :2].T + affine[:, 2]
    narrow = tolerance * settings.still / settings.tolerance
    still = np.count_nonzero(shift < narrow)
    following = np.count_nonzero(np.linalg.norm(end - mapped, axis=1) < narrow)
    if is_still(start[inliers], mapped[inliers], settings) or still > max(
        MIN_CORNERS, settings.max_still_share * following
    ):
        return no_motion()
    if np.count_nonzero(inliers) < max(MIN_CORNERS, settings.min_share * len(start)):
        return None
    scale, turn = np.hypot(affine[0, 0], affine[1, 0]), np.arctan2(affine[1, 0], affine[0, 0])
    is_plausible = 1 / settings.max_scale < scale < settings.max_scale and abs(turn) < settings.max_turn
    if not is_plausible or count_cells(start[inliers], size_hw) < settings.min_cells:
        return None
    return np.asarray(affine, dtype=np.float64)


def count_cells(points: Floats, size_hw: tuple[int, ...]) -> int:
    """Number of the CELLS × CELLS cells of a picture that have some of the points (N, 2)."""
    height, width = size_hw[:2]
    cell = np.floor((points + 0.5) * [CELLS / width, CELLS / height]).clip(0, CELLS - 1)
    return len(np.unique(cell @ [1, CELLS]))
