"""How the camera moved: a (2, 3) affine map of the last frame's pixels onto this frame's, which View.camera carries.

It is measured in the pictures (CameraMotion) or was stored (StoredMotion); both are called with one frame after the
other. `warp` moves the tracks with it. Maps are of full-size pixels, the picture's corner at (0, 0), as boxes are.
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
from idfree.core.types import Detections, Floats, Frame, Image
from idfree.trackers.kalman import POSITION, PP

CORNER_QUALITY = 0.01  # of the best corner's (Shi and Tomasi 1994); the value of Aharon 2022's public code
CORNER_SPACING = 5  # px of the shrunken picture: corners spread over it
MIN_CORNERS = 10  # of fewer, nothing is concluded
ECC_PRECISION = 1e-4  # the search ends when the correlation grows by less
ECC_BLUR = 5  # px of the shrunken picture


@dataclass(frozen=True)
class CameraMotionSettings:
    """How the motion is measured; pixels here are those of the shrunken picture.

    flow: corners followed by the pyramidal method of Lucas and Kanade, and the similarity that most of them agree on
    (RANSAC). ecc: the rotation and shift of greatest correlation (Evangelidis and Psarakis 2008).
    """

    method: Literal["flow", "ecc"] = "flow"
    downscale: int = 2  # the picture is shrunk so many times first (Aharon 2022's public code); ecc likes 4: 5 × faster
    corners: int = 1000  # flow: followed at most
    tolerance: float = 1.0  # flow: px that a corner may stray; OpenCV's 3 takes in slow walkers: 2 to 5 times the error
    min_share: float = 0.2  # flow: of the corners must agree; measured 0.6 after a jump of 120 px, 0.02 after a cut
    iterations: int = 100  # ecc: at most


@dataclass(frozen=True)
class Shot:
    """A picture as the methods want it: grey (H, W), shrunk; background (H, W): 255 where nothing moves by itself."""

    grey: Image
    background: Image


class CameraMotion:
    """The motion between the pictures that it is shown, one after the other; the same again after `reset`."""

    def __init__(self, settings: CameraMotionSettings | None = None):
        self.settings = settings or CameraMotionSettings()
        if self.settings.downscale < 1:
            raise UserError(f"camera motion: downscale is {self.settings.downscale}, expected 1 or more")
        self.reset()

    def reset(self) -> None:
        """The next picture is the first."""
        self.last: Shot | None = None

    def __call__(self, frame: Frame, detections: Detections | None = None) -> Floats:
        """As `estimate`, for a frame; what is detected in it does not count. Raises UserError if it has no picture."""
        if frame.image is None:
            raise UserError(f"frame {frame.number} has no picture: camera motion is measured in pictures")
        return self.estimate(frame.image, None if detections is None else detections.xyxy)

    def estimate(self, image: Image, xyxy: Floats | None = None) -> Floats:
        """(2, 3) the map of the last picture onto this one (H, W, 3); no motion at first, and where none can be found.

        xyxy (N, 4): boxes of what may move by itself, in which nothing is measured.
        """
        last, now = self.last, shrunk(image, xyxy, self.settings.downscale)
        self.last = now
        if last is None or last.grey.shape != now.grey.shape:
            return still()
        found = METHODS[self.settings.method](last, now, self.settings)
        return still() if found is None else enlarged(found, self.settings.downscale)


class StoredMotion:
    """The motion as it was stored: maps (F, 2, 3), that of each frame from the one before it, as `read_motion` gives.

    The motion over frames that are skipped is that of all of them together.
    """

    def __init__(self, maps: Floats):
        self.maps = maps
        self.reset()

    def reset(self) -> None:
        """The next frame is the first."""
        self.last: int | None = None

    def __call__(self, frame: Frame, detections: Detections | None = None) -> Floats:
        """(2, 3) the map of the last frame asked for onto this one. Raises UserError where it is not stored."""
        if frame.number > len(self.maps):
            raise UserError(
                f"camera motion is stored for {len(self.maps)} frames, but there is a frame {frame.number}:"
                " is it of another video?"
            )
        last, self.last = self.last, frame.number
        return still() if last is None else composed(self.maps[last : frame.number])


def still() -> Floats:
    """The map of a camera that does not move."""
    return np.eye(2, 3)


def composed(maps: Sequence[Floats] | Floats) -> Floats:
    """(2, 3) one map after the other, the first first; no motion where there are none."""
    squares = (np.vstack([one, [0, 0, 1]]) for one in maps)
    return reduce(lambda before, after: after @ before, squares, np.eye(3))[:2]


def shrunk(image: Image, xyxy: Floats | None, downscale: int) -> Shot:
    """The picture in grey, so many times smaller, and where in it no box lies."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    grey = cv2.resize(grey, None, fx=1 / downscale, fy=1 / downscale, interpolation=cv2.INTER_AREA)
    background = np.full(grey.shape, 255, dtype=np.uint8)
    if xyxy is not None:
        for left, top, right, bottom in np.rint(np.maximum(xyxy, 0) / downscale).astype(int).tolist():
            background[top:bottom, left:right] = 0
    return Shot(np.asarray(grey, dtype=np.uint8), background)


def enlarged(small: Floats, downscale: int) -> Floats:
    """The map (2, 3) of full-size pixels, from one of the shrunken picture as OpenCV has it: pixel centres whole."""
    turn, shift = small[:, :2], small[:, 2]
    centre = np.array([0.5, 0.5])
    return np.column_stack([turn, downscale * (shift + centre - turn @ centre)])


def flow(last: Shot, now: Shot, settings: CameraMotionSettings) -> Floats | None:
    """The similarity (2, 3) of most corners, None if too few agree. It repeats: OpenCV seeds each RANSAC alike."""
    import cv2

    corners = cv2.goodFeaturesToTrack(last.grey, settings.corners, CORNER_QUALITY, CORNER_SPACING, mask=last.background)
    if corners is None:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(last.grey, now.grey, corners, np.zeros_like(corners))
    followed = found.ravel() == 1
    if np.count_nonzero(followed) < MIN_CORNERS:
        return None
    affine, agree = cv2.estimateAffinePartial2D(
        corners[followed], moved[followed], ransacReprojThreshold=settings.tolerance
    )
    if affine is None or np.count_nonzero(agree) < max(MIN_CORNERS, settings.min_share * len(agree)):
        return None
    return np.asarray(affine, dtype=np.float64)


def ecc(last: Shot, now: Shot, settings: CameraMotionSettings) -> Floats | None:
    """The rotation and shift (2, 3) of greatest correlation, None where the search does not converge."""
    import cv2

    ends = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, settings.iterations, ECC_PRECISION)
    start = np.eye(2, 3, dtype=np.float32)
    background = last.background & now.background
    try:
        _, affine = cv2.findTransformECC(last.grey, now.grey, start, cv2.MOTION_EUCLIDEAN, ends, background, ECC_BLUR)
    except cv2.error:
        return None
    return np.asarray(affine, dtype=np.float64) if np.isfinite(affine).all() else None


METHODS = {"flow": flow, "ecc": ecc}


def warp(state: Floats, camera: Floats, powers: tuple[int, int] = (1, 1)) -> Floats:
    """The states (N, 5, 4) of Kalman filters, whose first two coordinates are a centre, as the moved camera sees them.

    With the map x ↦ Ax + t, the centre is mapped, its velocity turned by A, and their covariances P become A P Aᵀ
    (Aharon 2022, sec. 3.2). Of these, our filters keep the diagonal: a coordinate's variance is the sum over both of
    A's squared entry times the variance; exact but for the correlation of x with y that a rotation brings in.
    The paper maps (width, height) by A, too, as if they were a point. A box that turns with the camera keeps its size,
    though, and changes it by the map's scale √|det A|: the last two coordinates are multiplied by that to the `powers`:
    1, 1 for (width, height); 0, 1 for (aspect, height); 2, 0 for (area, aspect).
    """
    turn, shift = camera[:, :2], camera[:, 2]
    scale = np.sqrt(abs(np.linalg.det(turn))) ** np.array(powers)
    means, variances = slice(PP), slice(PP, None)
    warped = np.empty_like(state)
    warped[:, means, :2] = state[:, means, :2] @ turn.T
    warped[:, POSITION, :2] += shift
    warped[:, variances, :2] = state[:, variances, :2] @ (turn * turn).T
    warped[:, means, 2:] = state[:, means, 2:] * scale
    warped[:, variances, 2:] = state[:, variances, 2:] * scale**2
    return warped


def moved(xyxy: Floats, camera: Floats) -> Floats:
    """Boxes (…, 4) as the moved camera sees them: their centre mapped, their size scaled, as `warp` does."""
    corner, opposite = xyxy[..., :2], xyxy[..., 2:]
    turn, shift = camera[:, :2], camera[:, 2]
    centre = (corner + opposite) / 2 @ turn.T + shift
    half = (opposite - corner) / 2 * np.sqrt(abs(np.linalg.det(turn)))
    return np.concatenate([centre - half, centre + half], axis=-1)


def read_motion(path: Path | str) -> Floats:
    """(F, 2, 3) maps from a text file as BoT-SORT's public code has them (GMC-MOT17-02.txt, one per sequence).

    A line per frame from 0 on: `frame a11 a12 tx a21 a22 ty`, tab-separated, the first frame's being no motion; of
    full-size pixels. Raises UserError where the file is missing or a line is not of that form or order.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read camera motion from {path}: {error}") from None
    rows = [row(path, number, line) for number, line in enumerate(text.splitlines()) if line.strip()]
    return np.array(rows, dtype=np.float64).reshape(-1, 2, 3)


def row(path: Path | str, number: int, line: str) -> NDArray[np.float64]:
    """(6,) the numbers of a line, the `number`-th from 0, which is of that frame. Raises UserError."""
    try:
        frame, *numbers = np.array(line.split(), dtype=np.float64)
    except ValueError:
        frame, numbers = -1, []
    if frame != number or len(numbers) != 6 or not np.isfinite(numbers).all():
        raise UserError(
            f"{path}:{number + 1}: expected camera motion as `{number} a11 a12 tx a21 a22 ty`, found {line.strip()!r}"
        )
    return np.array(numbers)


def write_motion(path: Path | str, maps: Floats) -> None:
    """Write maps (F, 2, 3) as `read_motion` reads them, to the last digit, whole or not at all."""
    rows = np.asarray(maps, dtype=np.float64).reshape(-1, 6).tolist()
    lines = ("\t".join([str(frame), *map(repr, numbers)]) for frame, numbers in enumerate(rows))
    write_text(path, "".join(line + "\n" for line in lines))
