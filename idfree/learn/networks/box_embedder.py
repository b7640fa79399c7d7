"""Embeddings of given boxes from a one-shot network, for evaluation apart from detection (Wang 2020, JDE, sec. 4)."""

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.boxes import clip
from idfree.core.letterbox import letterbox
from idfree.core.types import Floats, Image
from idfree.learn.data.warp import transform_boxes, warp_image
from idfree.learn.networks.tracker import TrackerNetwork
from idfree.learn.schedule import Precision, autocast


class BoxEmbedder:
    """Encoder of boxes in an image (the interface of idfree.appearance): reads a one-shot network's maps at each box.

    Runs on the network's device, in the given precision. size_hw: (height, width) of the input image, letterboxed.
    """

    name = "one-shot"

    def __init__(self, network: TrackerNetwork, size_hw: tuple[int, int], precision: Precision = "fp32"):
        self.network, self.size_hw, self.dimension = network.eval(), size_hw, network.dimension
        self.precision = precision

    def __call__(self, image_bgr: Image, xyxy: Floats) -> NDArray[np.float32]:
        """(N, D) embeddings of unit length of boxes (N, 4) in pixels; see `TrackerNetwork.embed`."""
        matrix = letterbox(image_bgr.shape[:2], self.size_hw, "centre").matrix
        image = torch.from_numpy(warp_image(image_bgr, matrix, self.size_hw, None)).permute(2, 0, 1)[None]
        device = self.network.standardise.mean.device
        boxes = (transform_boxes(each, matrix) for each in (xyxy, clip(xyxy, image_bgr.shape[:2])))
        full, visible = (torch.from_numpy(each).to(device) for each in boxes)
        with torch.inference_mode():
            with autocast(self.precision, device):
                maps = self.network.maps(image.to(device))
            embedding = self.network.embed({name: each.float() for name, each in maps.items()}, full, visible)
            return np.asarray(torch.nn.functional.normalize(embedding).cpu().numpy())
