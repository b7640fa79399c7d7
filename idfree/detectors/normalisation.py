"""Normalisation of a detector's input: scale, mean and standard deviation, by its format or by settings."""

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Floats
from idfree.detectors.formats import Format


def normalisation_table(
    format: Format, scale: float | None, mean: str | None, deviation: str | None, rgb: bool
) -> NDArray[np.float64]:
    """(3, 256): input value of each 8-bit intensity, (intensity / 255 · scale − mean) / deviation, by plane.

    scale, mean, deviation: None takes the format's; mean and deviation as text, of red, green and blue. rgb: order of
    the planes; BGR otherwise.
    Raises UserError if the mean is brighter than white, which a scale of 255 was meant with.
    """
    white = format.white if scale is None else scale
    means = format.mean if mean is None else parse_triple("mean", mean)
    deviations = format.deviation if deviation is None else parse_triple("deviation", deviation)
    if np.max(np.abs(means)) > white:
        raise UserError(f"--set detector.mean={mean}: above white, which is {white:g}; add --set detector.scale=255")
    table = (np.arange(256) * (white / 255) - np.reshape(means, (3, 1))) / np.reshape(deviations, (3, 1))
    return table if rgb else table[::-1]


def parse_triple(name: str, text: str | None, is_positive: bool = False) -> Floats:
    """Three numbers (3,) from "0.5" or "0.485,0.456,0.406"; zeros from None. Raises ValueError."""
    try:
        numbers = np.array([float(part) for part in ("0" if text is None else text).split(",")])
    except ValueError:
        numbers = np.zeros(0)
    is_wrong = not np.isfinite(numbers).all() or (is_positive and text is not None and bool((numbers <= 0).any()))
    if len(numbers) not in (1, 3) or is_wrong:
        wanted = "one or three positive numbers" if is_positive else "one or three numbers"
        raise ValueError(f"{name}={text}: expected {wanted}, of red, green and blue, such as 0.485,0.456,0.406")
    return np.broadcast_to(numbers, (3,))
