"""Camera motion: a (2, 3) affine map from the previous frame's pixels to this frame's, as in View.camera.

It is measured in images (CameraMotion) or read from a file (StoredMotion); both are called with one frame after the
other. `warp_states` and `warp_boxes` apply it to tracks. Maps are in full-size pixels, with the image's corner at
(0, 0), as boxes are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.reading import read_text
from idfree.core.types import Detections, Floats, Frame, Image
from idfree.core.wording import counted
from idfree.trackers.kalman import POSITION, PP

CORNER_QUALITY = 0.01  # relative to the best corner (Shi and Tomasi 1994); the value of Aharon 2022's public code
CORNER_SPACING = 5  # px of the downscaled image, least distance between corners
MIN_CORNERS = 10  # with fewer, no motion is estimated
ECC_PRECISION = 1e-4  # the search ends if the correlation grows by less
PLAUSIBLE = np.array([100, 100, 1e6, 100, 100, 1e6])  # greatest a11, a12, tx, a21, a22, ty of one frame in a file
ECC_BLUR = 5  # px of the downscaled image


@dataclass(frozen=True)
class CameraMotionSettings:
    """Method and parameters of the estimate; pixels are those of the downscaled image.

    flow: similarity transform of corners tracked by pyramidal Lucas-Kanade optical flow, with RANSAC. ecc: rotation and
    translation of greatest correlation (Evangelidis and Psarakis 2008).
    """

    method: Literal["flow", "ecc"] = "flow"
    downscale: int = 2  # factor by which images are downscaled first (Aharon 2022's public code)
    corners: int = 1000  # flow: greatest number of corners
    tolerance: float = 1.0  # flow: px, RANSAC's greatest error of an inlier
    min_share: float = 0.2  # flow: least fraction of corners that must be inliers
    iterations: int = 100  # ecc: greatest number


@dataclass(frozen=True)
class GreyImage:
    """A downscaled grey image (H, W), and the mask (H, W) of its background: 255 outside the detections, 0 inside."""

    grey: Image
    background: Image


class CameraMotion:
    """Camera motion measured between successive images; deterministic, and as new after `reset`."""

    def __init__(self, settings: CameraMotionSettings | None = None):
        self.settings = settings or CameraMotionSettings()
        if self.settings.downscale < 1:
            raise UserError(f"camera motion: downscale is {self.settings.downscale}, expected 1 or more")
        self.reset()

    def reset(self) -> None:
        """Start again: the next image is the first."""
        self.previous: GreyImage | None = None

    def __call__(self, frame: Frame, detections: Detections | None = None) -> Floats:
        """As `estimate`, of a frame, with its detections masked out. Raises UserError if it has no image."""
        if frame.image is None:
            raise UserError(f"frame {frame.number} has no image: camera motion is measured in images")
        return self.estimate(frame.image, None if detections is None else detections.xyxy)

    def estimate(self, image: Image, xyxy: Floats | None = None) -> Floats:
        """Map (2, 3) from the previous image to this one (H, W, 3); no motion for the first or if the estimate fails.

        xyxy: (N, 4), boxes of objects that may move by themselves, which are masked out.
        """
        previous, current = self.previous, to_grey(image, xyxy, self.settings.downscale)
        self.previous = current
        if previous is None or previous.grey.shape != current.grey.shape:
            return no_motion()
        affine = METHODS[self.settings.method](previous, current, self.settings)
        return no_motion() if affine is None else to_full_size(affine, self.settings.downscale)


class StoredMotion:
    """Camera motion from maps (F, 2, 3), one per frame, from the frame before it, as `read_motion` returns them.

    The maps of skipped frames are composed.
    """

    def __init__(self, maps: Floats):
        self.maps = maps
        self.reset()

    def reset(self) -> None:
        """Start again: the next frame is the first."""
        self.previous: int | None = None

    def __call__(self, frame: Frame, detections: Detections | None = None) -> Floats:
        """Map (2, 3) from the frame of the previous call to this one. Raises UserError if the frame is not stored."""
        if frame.number > len(self.maps):
            raise UserError(
                f"camera motion is stored for {counted(len(self.maps), 'frame')}, but there is a frame {frame.number}:"
                " is it of another video?"
            )
        previous, self.previous = self.previous, frame.number
        return no_motion() if previous is None else compose(self.maps[previous : frame.number])


def no_motion() -> Floats:
    """Identity map (2, 3)."""
    return np.eye(2, 3)


def compose(maps: Sequence[Floats] | Floats) -> Floats:
    """Compose maps (F, 2, 3), the first applied first, to one (2, 3); the identity if there are none."""
    squares = (np.vstack([affine, [0, 0, 1]]) for affine in maps)
    return reduce(lambda before, after: after @ before, squares, np.eye(3))[:2]


def to_grey(image: Image, xyxy: Floats | None, downscale: int) -> GreyImage:
    """Downscaled grey image of an image (H, W, 3), with the boxes (N, 4) masked out."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    grey = cv2.resize(grey, None, fx=1 / downscale, fy=1 / downscale, interpolation=cv2.INTER_AREA)
    small = np.asarray(grey, dtype=np.uint8)
    return GreyImage(small, mask_boxes(small, xyxy, downscale))


def mask_boxes(grey: Image, xyxy: Floats | None, downscale: int) -> Image:
    """Mask (H, W) of the background: 255 outside the boxes (N, 4) of the full-size image, 0 inside."""
    background = np.full(grey.shape, 255, dtype=np.uint8)
    if xyxy is not None:
        for left, top, right, bottom in np.rint(np.maximum(xyxy, 0) / downscale).astype(int).tolist():
            background[top:bottom, left:right] = 0
    return background


def to_full_size(affine: Floats, downscale: int) -> Floats:
    """Map (2, 3) in full-size pixels, from OpenCV's in downscaled pixels with integer pixel centres."""
    linear, shift = affine[:, :2], affine[:, 2]
    centre = np.array([0.5, 0.5])
    return np.column_stack([linear, downscale * (shift + centre - linear @ centre)])


def estimate_flow(previous: GreyImage, current: GreyImage, settings: CameraMotionSettings) -> Floats | None:
    """Similarity (2, 3) of most corners; None if too few agree. Deterministic: OpenCV seeds every RANSAC alike."""
    import cv2

    corners = cv2.goodFeaturesToTrack(
        previous.grey, settings.corners, CORNER_QUALITY, CORNER_SPACING, mask=previous.background
    )
    if corners is None:
        return None
    moved, status, _ = cv2.calcOpticalFlowPyrLK(previous.grey, current.grey, corners, np.zeros_like(corners))
    is_tracked = status.ravel() == 1
    if np.count_nonzero(is_tracked) < MIN_CORNERS:
        return None
    affine, inliers = cv2.estimateAffinePartial2D(
        corners[is_tracked], moved[is_tracked], ransacReprojThreshold=settings.tolerance
    )
    if affine is None or np.count_nonzero(inliers) < max(MIN_CORNERS, settings.min_share * len(inliers)):
        return None
    return np.asarray(affine, dtype=np.float64)


def estimate_ecc(previous: GreyImage, current: GreyImage, settings: CameraMotionSettings) -> Floats | None:
    """Rotation and translation (2, 3) of greatest correlation; None if the search does not converge."""
    import cv2

    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, settings.iterations, ECC_PRECISION)
    start = np.eye(2, 3, dtype=np.float32)
    mask = previous.background & current.background
    try:
        _, affine = cv2.findTransformECC(
            previous.grey, current.grey, start, cv2.MOTION_EUCLIDEAN, criteria, mask, ECC_BLUR
        )
    except cv2.error:
        return None
    return np.asarray(affine, dtype=np.float64) if np.isfinite(affine).all() else None


METHODS = {"flow": estimate_flow, "ecc": estimate_ecc}


def warp_states(state: Floats, camera: Floats, scale_powers: tuple[int, int] = (1, 1)) -> Floats:
    """Apply the camera's motion to Kalman states (N, 5, 4) whose first two coordinates are a centre.

    With the map x ↦ Ax + t, the centre is mapped, its velocity is multiplied by A, and their covariances P become
    A P Aᵀ (Aharon 2022, sec. 3.2). Of these, the diagonal is kept: the variance of a coordinate is the sum over both of
    A's squared entry times the variance; exact but for the correlation of x with y that a rotation introduces.

    The paper multiplies (width, height) by A, too, as if they were a point. But a box keeps its size if the camera
    rotates, and changes it by the map's scale √|det A|: the last two coordinates are multiplied by that to the power of
    `scale_powers`: 1, 1 for (width, height); 0, 1 for (aspect, height); 2, 0 for (area, aspect).
    """
    linear, shift = camera[:, :2], camera[:, 2]
    scale = np.sqrt(abs(np.linalg.det(linear))) ** np.array(scale_powers)
    means, variances = slice(PP), slice(PP, None)
    warped = np.empty_like(state)
    warped[:, means, :2] = state[:, means, :2] @ linear.T
    warped[:, POSITION, :2] += shift
    warped[:, variances, :2] = state[:, variances, :2] @ (linear * linear).T
    warped[:, means, 2:] = state[:, means, 2:] * scale
    warped[:, variances, 2:] = state[:, variances, 2:] * scale**2
    return warped


def warp_boxes(xyxy: Floats, camera: Floats) -> Floats:
    """Apply the camera's motion to boxes (…, 4): the centre is mapped, the size scaled, as in `warp_states`."""
    corner, opposite = xyxy[..., :2], xyxy[..., 2:]
    linear, shift = camera[:, :2], camera[:, 2]
    centre = (corner + opposite) / 2 @ linear.T + shift
    half = (opposite - corner) / 2 * np.sqrt(abs(np.linalg.det(linear)))
    return np.concatenate([centre - half, centre + half], axis=-1)


def read_motion(path: Path | str) -> Floats:
    """Read maps (F, 2, 3) from a text file of BoT-SORT's public code (GMC-MOT17-02.txt, one file per sequence).

    One line per frame, numbered from 0: `frame a11 a12 tx a21 a22 ty`, tab-separated, in full-size pixels; the first
    is the identity. A last line that begins with # is a comment. Raises UserError if the file is missing, or a line is
    malformed or out of order.
    """
    lines = [line for line in enumerate(read_text(path).split("\n")) if line[1].strip()]
    if lines and lines[-1][1].startswith("#"):
        del lines[-1]
    rows = [parse_row(path, number, line) for number, line in lines]
    return np.array(rows, dtype=np.float64).reshape(-1, 2, 3)


def parse_row(path: Path | str, frame_number: int, line: str) -> NDArray[np.float64]:
    """Parse one line of a motion file to the six numbers (6,) of its map. Raises UserError."""
    try:
        frame, *numbers = np.array(line.split(), dtype=np.float64)
    except ValueError:
        frame, numbers = -1, []
    if frame != frame_number or len(numbers) != 6 or not np.isfinite(numbers).all():
        raise UserError(
            f"{path}:{frame_number + 1}: expected camera motion as `{frame_number} a11 a12 tx a21 a22 ty`,"
            f" found {line.strip()!r}"
        )
    if (np.abs(numbers) > PLAUSIBLE).any() or numbers[0] * numbers[4] == numbers[1] * numbers[3]:
        raise UserError(
            f"{path}:{frame_number + 1}: implausible camera motion {line.strip()!r}: expected factors of at most"
            f" {PLAUSIBLE[0]:g}, which can be inverted, and shifts of at most {PLAUSIBLE[2]:g} px"
        )
    return np.array(numbers)


def write_motion(path: Path | str, maps: Floats, comment: str = "") -> None:
    """Write maps (F, 2, 3) as `read_motion` reads them, with all digits; the file is written whole or not at all.

    comment: the last line, which begins with #; none if empty.
    """
    rows = np.asarray(maps, dtype=np.float64).reshape(-1, 6).tolist()
    lines = ("\t".join([str(frame), *map(repr, numbers)]) for frame, numbers in enumerate(rows))
    write_text(path, "".join(line + "\n" for line in lines) + (f"{comment}\n" if comment else ""))
