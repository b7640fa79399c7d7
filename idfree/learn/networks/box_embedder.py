"""What a one-shot network says of given boxes: embeddings judged apart from detection (Wang 2020, JDE, sec. 4)."""

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.boxes import clip, halves
from idfree.core.letterbox import letterbox
from idfree.core.types import Floats, Image
from idfree.learn.data.warp import carried, drawn
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.objectives.gather import gather
from idfree.learn.schedule import Precision, working_in


class BoxEmbedder:
    """An encoder of boxes in an image, as those of idfree.appearance: what the map says where each has its centre.

    It works where the network's weights are, in that precision. size_hw: (height, width) of the network's picture.
    """

    name = "one-shot"

    def __init__(self, network: CentreNetwork, size_hw: tuple[int, int], precision: Precision = "fp32"):
        self.network, self.size_hw, self.dimension = network.eval(), size_hw, network.dimension
        self.precision = precision

    def __call__(self, image_bgr: Image, xyxy: Floats) -> NDArray[np.float32]:
        """(N, D) embeddings of unit length of boxes (N, 4); the centre is that of what lies within the image."""
        size_hw, stride = (image_bgr.shape[0], image_bgr.shape[1]), self.network.stride
        place = letterbox(size_hw, self.size_hw, "centre").matrix
        corner, opposite = halves(carried(clip(xyxy, size_hw), place) / stride)
        last = np.array(self.size_hw[::-1]) // stride - 1
        x, y = np.clip((corner + opposite) / 2, 0, last).astype(np.int64).T
        picture = torch.from_numpy(drawn(image_bgr, place, self.size_hw, None)).permute(2, 0, 1)[None]
        device = self.network.standardise.mean.device
        with torch.inference_mode():
            with working_in(self.precision, device):
                maps = self.network({"image": picture.to(device)})["embedding"]
            found = gather(maps.float(), torch.from_numpy(y * (last[0] + 1) + x)[None].to(device))[0]
            return np.asarray(torch.nn.functional.normalize(found).cpu().numpy())
