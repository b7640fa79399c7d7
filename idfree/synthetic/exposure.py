"""Exposure of synthetic images: brightness and sensor noise."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from idfree.core.types import Frame, Sequence


def expose(sequence: Sequence, light: float = 1.0, noise: float = 0.0, seed: int = 0) -> Sequence:
    """The sequence with images `light` times as bright, and Gaussian noise of standard deviation `noise` grey levels.

    The same seed gives the same pixels.
    """
    if light == 1 and noise == 0:
        return sequence
    return replace(sequence, read=partial(expose_frames, sequence, light, noise, seed))


def expose_frames(sequence: Sequence, light: float, noise: float, seed: int) -> Iterator[Frame]:
    """Yield the frames with brightness and noise as in `expose`.

    The noise of each frame is a window at a random place of one field of four times its area, as drawing new noise for
    every frame would take longer than rendering.
    """
    import cv2

    rng = np.random.default_rng(seed)
    field = np.zeros((0, 0, 3), dtype=np.int16)
    for frame in sequence:
        if frame.image is None:
            yield frame
            continue
        height, width = frame.image.shape[:2]
        if not len(field):
            field = np.rint(rng.normal(0, noise, (2 * height, 2 * width, 3))).astype(np.int16)
        y, x = rng.integers(height), rng.integers(width)
        lit = cv2.convertScaleAbs(frame.image, alpha=light)
        noisy = cv2.add(lit, field[y : y + height, x : x + width], dtype=cv2.CV_8U)
        yield replace(frame, image=np.asarray(noisy, dtype=np.uint8))
