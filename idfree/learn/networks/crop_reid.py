"""Networks that turn the crop of a person into an embedding."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from idfree.learn import Tensors
from idfree.learn.networks.layers import Standardise
from idfree.learn.networks.osnet import osnet_x0_25, osnet_x1_0
from idfree.learn.networks.resnet import resnet18, resnet50
from idfree.learn.networks.striped import Striped

# name: (what builds its body, crop height and width in pixels, dimension of the embedding)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int], int]] = {
    "striped": (Striped, (128, 64), 128),
    "resnet18": (resnet18, (256, 128), 512),
    "resnet50": (resnet50, (256, 128), 2048),
    "osnet_x1_0": (osnet_x1_0, (256, 128), 512),
    "osnet_x0_25": (osnet_x0_25, (256, 128), 512),
}

EMBED_BATCH = 256  # crops embedded at once


class CropReidNetwork(nn.Module):
    """{"crops": (N, 3, H, W) BGR pixels 0…255} → {"embedding": (N, dimension)}, not of unit length.

    What standardises the pixels belongs to the network, hence to its checkpoint; `body` is the network of the paper.
    """

    def __init__(self, name: str):
        super().__init__()
        build, self.size_hw, self.dimension = NETWORKS[name]
        self.name = name
        self.standardise = Standardise()
        self.body = build()

    def forward(self, batch: Tensors) -> Tensors:
        return {"embedding": self.body(self.standardise(batch["crops"]))}


class CropEncoder(nn.Module):
    """Crops as they are cut, uint8 (N, H, W, 3) BGR → float32 (N, dimension) of unit length: what is exported."""

    def __init__(self, network: CropReidNetwork):
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> Tensor:
        pixels = crops.permute(0, 3, 1, 2).float()  # N H W 3 -> N 3 H W
        return nn.functional.normalize(self.network({"crops": pixels})["embedding"].float(), dim=1)


def embed(network: CropReidNetwork, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The embeddings (K, dimension), of unit length, of crops (K, H, W, 3), in full precision."""
    return np.concatenate([np.zeros((0, network.dimension), np.float32), *embedded(network, crops)])


def embedded(network: CropReidNetwork, crops: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    """The same in batches. The network looks as it would in use, and is left as it was."""
    encoder, training = CropEncoder(network), network.training
    device = next(network.parameters()).device
    network.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(crops), EMBED_BATCH):
                yield encoder(torch.from_numpy(crops[start : start + EMBED_BATCH]).to(device)).cpu().numpy()
    finally:
        network.train(training)
