"""Crop Re-ID networks: crop of an object → embedding."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from idfree.core.stored_crops import CropArray
from idfree.learn.networks.layers import Standardise
from idfree.learn.networks.osnet import osnet_x0_25, osnet_x1_0
from idfree.learn.networks.resnet import resnet18, resnet50
from idfree.learn.networks.striped import Striped
from idfree.learn.tensors import Tensors

# name: (constructor of the body, crop height and width in pixels, dimension of the embedding)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int], int]] = {
    "striped": (Striped, (128, 64), 128),
    "resnet18": (resnet18, (256, 128), 512),
    "resnet50": (resnet50, (256, 128), 2048),
    "osnet_x1_0": (osnet_x1_0, (256, 128), 512),
    "osnet_x0_25": (osnet_x0_25, (256, 128), 512),
}

BATCH_SIZE = 256  # crops per forward pass of `embed`


class CropReidNetwork(nn.Module):
    """{"crops": (N, 3, H, W) BGR pixels 0…255} → {"embedding": (N, dimension)}, not normalised.

    The standardisation of pixels is stored in the checkpoint beside `body`, the published network.
    """

    def __init__(self, name: str):
        super().__init__()
        make_body, self.size_hw, self.dimension = NETWORKS[name]
        self.name = name
        self.standardise = Standardise()
        self.body = make_body()

    def forward(self, batch: Tensors) -> Tensors:
        """{"embedding": (N, dimension)} of {"crops": (N, 3, H, W)}."""
        return {"embedding": self.body(self.standardise(batch["crops"]))}


class CropEncoder(nn.Module):
    """The exported graph: uint8 BGR crops (N, H, W, 3) → float32 embeddings (N, dimension) of unit length."""

    def __init__(self, network: CropReidNetwork):
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> Tensor:
        """(N, dimension) unit embeddings of crops (N, H, W, 3)."""
        pixels = crops.permute(0, 3, 1, 2).float()  # N H W 3 -> N 3 H W
        return nn.functional.normalize(self.network({"crops": pixels})["embedding"].float(), dim=1)


def embed(network: CropReidNetwork, crops: CropArray) -> NDArray[np.float32]:
    """(N, dimension) embeddings of unit length of crops (N, H, W, 3), computed in full precision."""
    return np.concatenate([np.zeros((0, network.dimension), np.float32), *embed_batches(network, crops)])


def embed_batches(network: CropReidNetwork, crops: CropArray) -> Iterator[NDArray[np.float32]]:
    """Yields the embeddings in batches. The network is in evaluation mode meanwhile; its mode is restored."""
    encoder, training = CropEncoder(network), network.training
    device = next(network.parameters()).device
    network.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(crops), BATCH_SIZE):
                yield encoder(torch.from_numpy(crops[start : start + BATCH_SIZE]).to(device)).cpu().numpy()
    finally:
        network.train(training)
