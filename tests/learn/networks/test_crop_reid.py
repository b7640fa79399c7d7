"""Crop Re-ID networks: published numbers of parameters, shapes, embedding."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.learn.networks.crop_reid import NETWORKS, CropEncoder, CropReidNetwork, embed
from idfree.learn.networks.layers import PIXEL_DEVIATION, PIXEL_MEAN, Standardise

CLASSES = 1000  # of ImageNet


def count_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "published"),
    [("resnet18", 11_689_512), ("resnet50", 25_557_032)],  # torchvision's tables, the classifier included
)
def test_resnets_have_the_published_number_of_parameters(name, published):
    make_body, _, dimension = NETWORKS[name]
    assert count_parameters(make_body()) + (dimension + 1) * CLASSES == published


@pytest.mark.parametrize(
    ("name", "published"),
    [("osnet_x1_0", 2_193_616), ("osnet_x0_25", 203_568)],  # Torchreid's counter, without the classifier
)
def test_osnets_have_the_published_number_of_parameters(name, published):
    """Torchreid's counter counts a block's shared gate once for each of its four streams."""
    network = NETWORKS[name][0]()
    gates = sum(count_parameters(module) for path, module in network.named_modules() if path.endswith(".gate"))
    assert count_parameters(network) + 3 * gates == published


def test_striped_has_few_parameters():
    assert count_parameters(NETWORKS["striped"][0]()) == pytest.approx(1.4e6, rel=0.02)


@pytest.mark.parametrize("name", NETWORKS)
def test_output_shape(name):
    network = CropReidNetwork(name).eval()
    output = network({"crops": torch.zeros(2, 3, *network.size_hw)})
    assert {key: tuple(value.shape) for key, value in output.items()} == {"embedding": (2, network.dimension)}


def test_pixels_are_standardised_in_rgb_order():
    bgr = torch.tensor(PIXEL_MEAN[::-1]).view(1, 3, 1, 1)
    assert Standardise()(bgr).abs().max() == 0
    red = bgr + torch.tensor([0.0, 0.0, PIXEL_DEVIATION[0]]).view(1, 3, 1, 1)
    assert torch.allclose(Standardise()(red).flatten(), torch.tensor([1.0, 0.0, 0.0]))


def test_the_encoder_maps_uint8_crops_to_unit_embeddings():
    network = CropReidNetwork("striped").eval()
    crops = np.random.default_rng(0).integers(0, 256, (3, 128, 64, 3), dtype=np.uint8)
    with torch.inference_mode():
        unit = CropEncoder(network)(torch.from_numpy(crops))
        raw = network({"crops": torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32))})["embedding"]
    assert torch.allclose(unit.norm(dim=1), torch.ones(3))
    assert torch.allclose(unit * raw.norm(dim=1, keepdim=True), raw, atol=1e-5)


def test_embedding_does_not_change_the_network():
    network = CropReidNetwork("striped").train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    crops = np.random.default_rng(0).integers(0, 256, (5, 128, 64, 3), dtype=np.uint8)
    batched, single = embed(network, crops), embed(network, crops[2:3])
    assert batched.dtype == np.float32
    assert np.allclose(batched[2], single[0], atol=1e-5)
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert embed(network, crops[:0]).shape == (0, 128)
