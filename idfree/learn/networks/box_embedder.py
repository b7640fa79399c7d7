"""Embeddings of given boxes from a one-shot network, to evaluate them apart from detection (Wang 2020, JDE, sec. 4)."""

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.boxes import clip, split_halves
from idfree.core.letterbox import letterbox
from idfree.core.types import Floats, Image
from idfree.learn.data.warp import transform_boxes, warp_image
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.decode import gather_cells
from idfree.learn.schedule import Precision, autocast


class BoxEmbedder:
    """Encoder of boxes in an image (the interface of idfree.appearance): reads the embedding map at each box's centre.

    Runs on the network's device, in the given precision. size_hw: (height, width) of the input image, letterboxed.
    """

    name = "one-shot"

    def __init__(self, network: CentreNetwork, size_hw: tuple[int, int], precision: Precision = "fp32"):
        self.network, self.size_hw, self.dimension = network.eval(), size_hw, network.dimension
        self.precision = precision

    def __call__(self, image_bgr: Image, xyxy: Floats) -> NDArray[np.float32]:
        """(N, D) embeddings of unit length of boxes (N, 4) in pixels, at the centre of their part within the image."""
        matrix = letterbox(image_bgr.shape[:2], self.size_hw, "centre").matrix
        cell = torch.from_numpy(self.centre_cells(clip(xyxy, image_bgr.shape[:2]), matrix))
        image = torch.from_numpy(warp_image(image_bgr, matrix, self.size_hw, None)).permute(2, 0, 1)[None]
        device = self.network.standardise.mean.device
        with torch.inference_mode():
            with autocast(self.precision, device):
                maps = self.network({"image": image.to(device)})["embedding"]
            embedding = gather_cells(maps.float(), cell[None].to(device))[0]
            return np.asarray(torch.nn.functional.normalize(embedding).cpu().numpy())

    def centre_cells(self, xyxy: Floats, matrix: Floats) -> NDArray[np.int64]:
        """(N,) cells y·w + x of the centres of boxes (N, 4); matrix: from the image to the input image."""
        corner, opposite = split_halves(transform_boxes(xyxy, matrix) / self.network.stride)
        last = np.array(self.size_hw[::-1]) // self.network.stride - 1
        x, y = np.clip((corner + opposite) / 2, 0, last).astype(np.int64).T
        return np.asarray(y * (last[0] + 1) + x)
