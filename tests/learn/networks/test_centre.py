"""The one-shot network: image in, a map for each head out."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import Head, tracker_heads
from idfree.learn.networks.layers import PIXEL_MEAN


class Small(nn.Conv2d):
    """A backbone of one layer."""

    def __init__(self, stride=4):
        super().__init__(3, 8, 5, stride=stride, padding=2)
        self.channels, self.stride = 8, stride


class IdentityBackbone(nn.Module):
    """A backbone that returns its input."""

    channels, stride = 3, 1

    def forward(self, x):
        return x


def pixels(*size):
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("classes", "dimension", "sides"), [(1, 128, 4), (3, 16, 2)])
def test_a_map_for_each_head(classes, dimension, sides):
    network = CentreNetwork(Small(), tracker_heads(classes, dimension, sides))
    output = network({"image": pixels(2, 3, 32, 64)})
    depth = {"heat": classes, "offset": 2, "size": sides, "embedding": dimension}
    assert {name: tuple(value.shape) for name, value in output.items()} == {
        name: (2, channels, 8, 16) for name, channels in depth.items()
    }
    assert (network.stride, network.dimension) == (4, dimension)


def test_uint8_and_float_images_give_the_same_maps():
    network, image = CentreNetwork(Small(), tracker_heads()), pixels(1, 3, 32, 32)
    from_uint8, from_float = network({"image": image}), network({"image": image.float()})
    assert all(torch.equal(from_uint8[name], from_float[name]) for name in from_uint8)


def test_standardisation_is_loaded_from_the_checkpoint():
    image = torch.tensor(PIXEL_MEAN[::-1]).view(1, 3, 1, 1)
    unit, imagenet = CentreNetwork(IdentityBackbone(), {}, "unit"), CentreNetwork(IdentityBackbone(), {}, "imagenet")
    assert torch.allclose(unit.standardise(image).flatten(), torch.tensor(PIXEL_MEAN) / 255)
    assert imagenet.standardise(image).abs().max() == 0
    unit.load_state_dict(imagenet.state_dict())
    assert unit.standardise(image).abs().max() == 0


def test_initial_scores_are_about_a_tenth():
    heat = CentreNetwork(Small(), tracker_heads())({"image": 0 * pixels(1, 3, 64, 64)})["heat"]
    assert heat.sigmoid().mean().item() == pytest.approx(0.1, abs=0.02)


def test_a_head_of_width_zero_is_one_convolution():
    (layer,) = Head(128, width=0).build(8)
    assert (tuple(layer.weight.shape), layer.bias.abs().max()) == ((128, 8, 3, 3), 0)
    assert CentreNetwork(Small(), {"embedding": Head(128, width=0)}).dimension == 128


def test_sides_are_four_or_two():
    with pytest.raises(UserError, match="sides is 3, expected 4"):
        tracker_heads(sides=3)


def test_all_parameters_have_gradients():
    network = CentreNetwork(Small(), tracker_heads())
    output = network({"image": pixels(1, 3, 32, 32)})
    sum(value.square().sum() for value in output.values()).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
