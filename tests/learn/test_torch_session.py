"""A network asked as a file is asked: in full precision the same, in half nearly."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import tracker_heads
from idfree.learn.networks.layers import normed
from idfree.learn.torch_session import TorchSession

SIZE_HW = (64, 96)
PICTURE = np.random.default_rng(0).integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8)
BOXES = np.array([[8.0, 8.0, 24.0, 40.0], [50.0, 10.0, 70.0, 60.0]])


class Small(nn.Sequential):
    """A backbone that notes in which type it worked."""

    channels, stride = 8, 8

    def __init__(self):
        super().__init__(normed(nn.Conv2d(3, 8, 9, stride=8, padding=4)), nn.Conv2d(8, 8, 3, padding=1))
        self.types = set()

    def forward(self, x):
        found = super().forward(x)
        self.types.add(found.dtype)
        return found


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CentreNetwork(Small(), tracker_heads(1, 16)).eval()


def asked(network, precision):
    return TorchSession(network, {"method": "fairmot"}, precision).run(None, {"image": PICTURE[None]})


def test_full_precision_is_the_network(network):
    with torch.inference_mode():
        maps = network({"image": torch.from_numpy(PICTURE).permute(2, 0, 1)[None]})
        expected = network.decode(maps)
    boxes, scores, _, embedding = asked(network, "fp32")
    for ours, theirs in (boxes, "boxes"), (scores, "scores"), (embedding, "embedding"):
        np.testing.assert_allclose(ours, expected[theirs][0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_works_in_the_precision_asked_for(network, precision):
    outputs = asked(network, precision)
    BoxEmbedder(network, SIZE_HW, precision)(PICTURE, BOXES)
    assert network.backbone.types == {torch.bfloat16 if precision == "bf16" else torch.float32}
    assert all(output.dtype in (np.float32, np.int64) for output in outputs)


def test_half_precision_says_nearly_the_same(network):
    full, half = (asked(network, precision)[1] for precision in ("fp32", "bf16"))
    assert (half > 0).sum() == (full > 0).sum()  # no more peaks: neighbours stay apart
    np.testing.assert_allclose(half, full, rtol=0.02)
    looks = [BoxEmbedder(network, SIZE_HW, precision)(PICTURE, BOXES) for precision in ("fp32", "bf16")]
    assert ((looks[0] * looks[1]).sum(axis=1) > 0.999).all()
