"""The crop network in the package, `--appearance people`: the first layers of the people detector, on crops.

Its last layer is linear, so that `idfree adapt` can put one in its place that was learnt from a video.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.crop_network import CropNetwork
from idfree.appearance.crops import resize_crops
from idfree.core.onnx_bytes import append_metadata, read_constant, replace_constant
from idfree.core.stored_crops import CropArray

PEOPLE = "people"  # value of --appearance
FILE = Path(__file__).with_name("people_crops.onnx")
MEAN, WEIGHT = "head/mean", "head/weight"  # constants of the file: (768,) and (768, 64)
DIMENSION = 64  # numbers of an embedding
FEATURES = 768  # that the head is applied to: 192 channels in each of four stripes
ROUNDED = np.float16  # of features that are kept


class PeopleFeatures(CropNetwork):
    """What the head is applied to, in place of embeddings. device, threads: see `open_session`."""

    def __init__(self, device: str = "auto", threads: int | None = None):
        super().__init__(FILE, None, device, threads)
        self.output = 1

    def of_crops(self, crops: CropArray) -> NDArray[Any]:
        """(K, FEATURES) of crops (K, H, W, 3), BGR, of any size."""
        features = np.zeros((len(crops), FEATURES), dtype=ROUNDED)
        for start in range(0, len(crops), self.batch):
            rows = slice(start, start + self.batch)
            features[rows] = self.run(resize_crops(crops[rows], self.size_hw))
        return features


def own_head() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean (FEATURES,) and the weight (FEATURES, DIMENSION) of the head in the file."""
    model = FILE.read_bytes()
    return read_constant(model, MEAN, (FEATURES,)), read_constant(model, WEIGHT, (FEATURES, DIMENSION))


def with_head(mean: NDArray[np.float32], weight: NDArray[np.float32], metadata: dict[str, str]) -> bytes:
    """The file with another head, mean (FEATURES,) and weight (FEATURES, DIMENSION), and metadata."""
    model = replace_constant(FILE.read_bytes(), MEAN, mean.astype(np.float32))
    return append_metadata(replace_constant(model, WEIGHT, weight.astype(np.float32)), metadata)
