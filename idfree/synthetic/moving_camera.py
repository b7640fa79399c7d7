"""A synthetic street seen by a camera that pans, zooms or shakes, with the exact map between any two frames.

The street is rendered by a camera that stands still; a window that moves over its image is what the moving camera sees
(a long lens that turns about its centre: a similarity of the image, without parallax).
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.random import Generator

from idfree.core.boxes import Floats, clip
from idfree.core.types import Annotation, Frame, Image, Sequence
from idfree.synthetic.scene import SyntheticSequence
from idfree.synthetic.street import is_visible_box

CameraMove = Literal["pan", "zoom", "shake"]

VIEW = 0.6  # width of the window, relative to that of the street's image
PERIOD = 6.0  # seconds, of a pan there and back, and of a zoom in and out
PAN = 0.18  # amplitude of a pan, relative to the width of the street's image
ZOOM = 0.35  # amplitude of the logarithm of a zoom's scale
SHAKE = (0.006, 0.006, 0.006)  # standard deviations: x and y relative to the width of the window, rotation in rad


def move_camera(street: SyntheticSequence, move: CameraMove, seed: int = 0) -> tuple[SyntheticSequence, Floats]:
    """The same street seen by a moving camera, and its camera motion (F, 2, 3), see maps_between.

    People are annotated and detected where they are in the window;
    boxes keep their shape if the picture turns, and detections keep their scores and embeddings.
    """
    sequence = street.sequence
    if sequence.length is None or sequence.size_hw is None:
        raise ValueError("a street has a length and a size")
    view_hw = (round(VIEW * sequence.size_hw[0]), round(VIEW * sequence.size_hw[1]))
    rng = np.random.default_rng(seed)
    windows = sample_windows(rng, move, sequence.length, sequence.frame_rate, sequence.size_hw, view_hw)
    read = partial(warp_frames, sequence, windows, view_hw)
    moving = replace(sequence, name=f"{sequence.name}-{move}", read=read, size_hw=view_hw)
    truth, detections = (warp_boxes(boxes, windows, view_hw) for boxes in (street.truth, street.detections))
    return SyntheticSequence(moving, truth, detections), maps_between(windows)


def sample_windows(
    rng: Generator, move: CameraMove, frames: int, frame_rate: float, size_hw: tuple[int, int], view_hw: tuple[int, int]
) -> Floats:
    """Sample a similarity (F, 2, 3) for each frame, from pixels of the street's image to those of the window.

    size_hw, view_hw: (height, width) of the street's image and of the window.
    """
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


def warp_frames(sequence: Sequence, windows: Floats, view_hw: tuple[int, int]) -> Iterator[Frame]:
    """Yield the frames of the moving camera; windows: see sample_windows."""
    for frame in sequence:
        if frame.image is not None:
            frame = replace(frame, image=warp_image(frame.image, windows[frame.number - 1], view_hw))
        yield frame


def warp_image(image: Image, window: Floats, view_hw: tuple[int, int]) -> Image:
    """The part of the street's image (H, W, 3) in a window, a map (2, 3): (h, w, 3)."""
    import cv2

    centred = window.copy()  # OpenCV's coordinates are those of pixel centres
    centred[:, 2] += window[:, :2] @ [0.5, 0.5] - 0.5
    seen = cv2.warpAffine(image, centred, view_hw[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.uint8)


def warp_boxes(boxes: Annotation, windows: Floats, view_hw: tuple[int, int]) -> Annotation:
    """Boxes in the windows: centres are mapped, sizes scaled by √|det|, and clipped to (height, width) `view_hw`."""
    window = windows[boxes.frame - 1]
    centre, half = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / 2, (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]) / 2
    centre = np.einsum("kij,kj->ki", window[:, :, :2], centre) + window[:, :, 2]
    half = half * np.sqrt(np.linalg.det(window[:, :, :2]))[:, None]
    xyxy = clip(np.concatenate([centre - half, centre + half], axis=1), view_hw)
    return replace(boxes, xyxy=xyxy)[is_visible_box(xyxy)]


def maps_between(windows: Floats) -> Floats:
    """Maps (F, 2, 3) from pixels of the previous frame to those of each; the first is the identity.

    windows: (F, 2, 3), maps from one image to every frame.
    """
    squares = np.concatenate([windows, np.tile([[[0.0, 0, 1]]], (len(windows), 1, 1))], axis=1)
    steps = squares[1:] @ np.linalg.inv(squares[:-1])
    return np.concatenate([np.eye(2, 3)[None], steps[:, :2]])
