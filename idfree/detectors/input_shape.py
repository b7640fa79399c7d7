"""Size and type of a detector's image input: fixed by the file, requested, or of the shape of the images."""

from math import sqrt

import numpy as np

from idfree.core.errors import UserError
from idfree.core.onnx_model import describe_inputs, input_size
from idfree.core.onnx_session import NUMPY_TYPES, ModelInput
from idfree.detectors.classes import literal_metadata

PIXELS_KEY = "idfree.pixels"  # of the metadata: area of an input that takes the shape of the images
MULTIPLE = 32  # px, of the sides of such an input: the coarsest stride of usual networks
SIZE_HW = (640, 640)  # training size of nearly all third-party detectors


def shape_like(image_hw: tuple[int, int], pixels: float) -> tuple[int, int]:
    """(height, width), multiples of MULTIPLE, of about so many pixels and about the proportions of an image."""
    scale = sqrt(pixels / (image_hw[0] * image_hw[1]))
    height, width = (max(1, round(side * scale / MULTIPLE)) * MULTIPLE for side in image_hw)
    return height, width


def image_size(port: ModelInput, requested: str | None, metadata: dict[str, str]) -> tuple[int, int]:
    """(height, width) of an image input: fixed by the model, else `requested` ("WIDTHxHEIGHT"), `imgsz`, or SIZE_HW.

    Raises UserError if the input is not one image (1, 3, H, W), or if the requested size is malformed or not possible.
    """
    batch, channels, *sides = port.shape
    if (isinstance(batch, int) and batch != 1) or (isinstance(channels, int) and channels != 3):
        raise UserError(f"takes {describe_inputs([port])}; expected one image (1, 3, H, W): export it with batch 1")
    stored = literal_metadata(metadata, "imgsz")  # [height, width], as Ultralytics writes it
    default_hw = (stored[0], stored[1]) if isinstance(stored, list | tuple) and len(stored) == 2 else SIZE_HW
    if not all(isinstance(side, int) and side > 0 for side in default_hw):
        raise UserError(f"its metadata says imgsz={stored}, expected [height, width]")
    return input_size(sides, requested or None, default_hw)


def numpy_type(port: ModelInput) -> type[np.generic]:
    """NumPy type of an input. Raises UserError if it is not in NUMPY_TYPES."""
    if port.type not in NUMPY_TYPES:
        raise UserError(f"its input {port.name} is a {port.type}; expected one of {', '.join(NUMPY_TYPES)}")
    return NUMPY_TYPES[port.type]
