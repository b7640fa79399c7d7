"""TorchSession agrees with the network in float32, and closely in reduced precision."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import tracker_heads
from idfree.learn.networks.layers import make_conv_block
from idfree.learn.torch_session import TorchSession

SIZE_HW = (64, 96)
IMAGE = np.random.default_rng(0).integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8)
BOXES = np.array([[8.0, 8.0, 24.0, 40.0], [50.0, 10.0, 70.0, 60.0]])


class Small(nn.Sequential):
    """A backbone that records the dtypes it computed in."""

    channels, stride = 8, 8

    def __init__(self):
        super().__init__(make_conv_block(nn.Conv2d(3, 8, 9, stride=8, padding=4)), nn.Conv2d(8, 8, 3, padding=1))
        self.types = set()

    def forward(self, x):
        maps = super().forward(x)
        self.types.add(maps.dtype)
        return maps


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CentreNetwork(Small(), tracker_heads(1, 16)).eval()


def run_session(network, precision):
    return TorchSession(network, {"method": "fairmot"}, precision).run(None, {"image": IMAGE[None]})


def test_outputs_equal_the_networks(network):
    with torch.inference_mode():
        maps = network({"image": torch.from_numpy(IMAGE).permute(2, 0, 1)[None]})
        expected = network.decode(maps)
    boxes, scores, _, embedding = run_session(network, "fp32")
    for ours, theirs in (boxes, "boxes"), (scores, "scores"), (embedding, "embedding"):
        np.testing.assert_allclose(ours, expected[theirs][0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_requested_precision_is_used(network, precision):
    outputs = run_session(network, precision)
    BoxEmbedder(network, SIZE_HW, precision)(IMAGE, BOXES)
    assert network.backbone.types == {torch.bfloat16 if precision == "bf16" else torch.float32}
    assert all(output.dtype in (np.float32, np.int64) for output in outputs)


def test_reduced_precision_is_close(network):
    full, half = (run_session(network, precision)[1] for precision in ("fp32", "bf16"))
    assert (half > 0).sum() == (full > 0).sum()  # no more peaks: neighbours stay apart
    np.testing.assert_allclose(half, full, rtol=0.02)
    embeddings = [BoxEmbedder(network, SIZE_HW, precision)(IMAGE, BOXES) for precision in ("fp32", "bf16")]
    assert ((embeddings[0] * embeddings[1]).sum(axis=1) > 0.999).all()
