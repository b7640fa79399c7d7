"""A synthetic street seen by a camera that pans, zooms or shakes, with the exact map between any two frames.

The street is rendered by a camera that stands still; a window that moves over its image is what the moving camera sees
(a long lens that turns about its centre: a similarity of the image, without parallax).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.random import Generator

from idfree.core.boxes import Floats, clip
from idfree.core.types import Annotation, Frame, Image
from idfree.synthetic.scene import SyntheticSequence, is_visible_box

CameraMove = Literal["pan", "zoom", "shake"]

VIEW = 0.6  # width of the window, relative to that of the street's image
PERIOD = 6.0  # seconds, of a pan there and back, and of a zoom in and out
PAN = 0.18  # amplitude of a pan, relative to the width of the street's image
ZOOM = 0.35  # amplitude of the logarithm of a zoom's scale
SHAKE = (0.006, 0.006, 0.006)  # standard deviations: x and y relative to the width of the window, rotation in rad


def move_camera(street: SyntheticSequence, move: CameraMove, seed: int = 0) -> tuple[SyntheticSequence, Floats]:
    """The same street seen by a moving camera, and maps (F, 2, 3) from each frame's pixels to the next one's.

    The first map is the identity, as in View.camera. People are annotated and detected where they are in the window;
    boxes keep their shape if the picture turns, and detections keep their scores and embeddings.
    """
    sequence = street.sequence
    if sequence.length is None or sequence.size_hw is None:
        raise ValueError("a street has a length and a size")
    height, width = (round(VIEW * side) for side in sequence.size_hw)
    rng = np.random.default_rng(seed)
    windows = sample_windows(rng, move, sequence.length, sequence.frame_rate, sequence.size_hw, (height, width))

    def read() -> Iterator[Frame]:
        return (
            replace(frame, image=look(frame.image, windows[frame.number - 1], (height, width))) for frame in sequence
        )

    seen = replace(sequence, name=f"{sequence.name}-{move}", read=read, size_hw=(height, width))
    truth, detections = (see_boxes(boxes, windows, (height, width)) for boxes in (street.truth, street.detections))
    return SyntheticSequence(seen, truth, detections), maps_between(windows)


def sample_windows(
    rng: Generator, move: CameraMove, frames: int, frame_rate: float, size_hw: tuple[int, int], view_hw: tuple[int, int]
) -> Floats:
    """Maps (F, 2, 3) from the street's image to what is seen in each frame."""
    phase = 2 * np.pi * np.arange(frames) / (PERIOD * frame_rate)
    centre = np.tile([size_hw[1] / 2, size_hw[0] / 2], (frames, 1))
    log_scale, turn, jitter = np.zeros(frames), np.zeros(frames), np.zeros((frames, 2))
    if move == "pan":
        centre[:, 0] += PAN * size_hw[1] * np.sin(phase)
    elif move == "zoom":
        log_scale = ZOOM * (1 - np.cos(phase)) / 2
    else:
        x, y, turn = rng.normal(0, 1, (3, frames)) * np.array(SHAKE)[:, None]
        jitter = np.stack([x, y], axis=1) * view_hw[1]
    linear = np.exp(log_scale)[:, None, None] * np.stack(
        [np.stack([np.cos(turn), -np.sin(turn)], axis=1), np.stack([np.sin(turn), np.cos(turn)], axis=1)], axis=1
    )
    shift = np.array([view_hw[1] / 2, view_hw[0] / 2]) + jitter - np.einsum("fij,fj->fi", linear, centre)
    return np.concatenate([linear, shift[:, :, None]], axis=2)


def look(image: Image | None, window: Floats, view_hw: tuple[int, int]) -> Image | None:
    """What is seen (h, w, 3) of the street's image through a window, a map (2, 3)."""
    import cv2

    if image is None:
        return None
    centred = window.copy()  # OpenCV's coordinates are those of pixel centres
    centred[:, 2] += window[:, :2] @ [0.5, 0.5] - 0.5
    seen = cv2.warpAffine(image, centred, view_hw[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.uint8)


def see_boxes(boxes: Annotation, windows: Floats, view_hw: tuple[int, int]) -> Annotation:
    """The boxes in the windows: centres are mapped, sizes scaled, and what lies outside is cut off."""
    window = windows[boxes.frame - 1]
    centre, half = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / 2, (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]) / 2
    centre = np.einsum("kij,kj->ki", window[:, :, :2], centre) + window[:, :, 2]
    half = half * np.sqrt(np.linalg.det(window[:, :, :2]))[:, None]
    xyxy = clip(np.concatenate([centre - half, centre + half], axis=1), view_hw)
    return replace(boxes, xyxy=xyxy)[is_visible_box(xyxy)]


def maps_between(windows: Floats) -> Floats:
    """Maps (F, 2, 3) from each frame's pixels to the next one's, of the maps from one image to every frame."""
    squares = np.concatenate([windows, np.tile([[[0.0, 0, 1]]], (len(windows), 1, 1))], axis=1)
    steps = squares[1:] @ np.linalg.inv(squares[:-1])
    return np.concatenate([np.eye(2, 3)[None], steps[:, :2]])
