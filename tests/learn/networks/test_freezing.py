"""Frozen parts of a network."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.networks.freezing import freeze_parts, set_training_mode


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
        self.heads = nn.ModuleDict({"heat": nn.Conv2d(4, 1, 1), "size": nn.Conv2d(4, 4, 1)})


def trained(network):
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


def test_weights_and_batch_statistics_of_frozen_parts_stay():
    network = Network()
    freeze_parts(network, ["backbone", "heads.size"])
    set_training_mode(network)
    assert trained(network) == {"heads.heat.weight", "heads.heat.bias"}
    assert not network.backbone[1].training
    assert network.heads["heat"].training
    network.backbone(torch.randn(2, 3, 8, 8))
    assert network.backbone[1].num_batches_tracked == 0


def test_a_part_of_a_part_can_be_frozen():
    network = Network()
    freeze_parts(network, ["backbone.1"])
    set_training_mode(network)
    assert network.backbone[0].training
    assert not network.backbone[1].training
    assert network.backbone[2].training  # dropout has no weights


def test_nothing_frozen_is_plain_training():
    network = Network().eval()
    freeze_parts(network, [])
    set_training_mode(network)
    assert all(part.training for part in network.modules())


@pytest.mark.parametrize("name", ["head", "heads.box", ""])
def test_an_unknown_part_is_refused_with_what_there_is(name):
    with pytest.raises(UserError, match=r"no such part; it has: backbone, heads\.heat, heads\.size"):
        freeze_parts(Network(), [name])


def test_freezing_everything_is_refused():
    with pytest.raises(UserError, match="nothing is left to train"):
        freeze_parts(Network(), ["backbone", "heads"])
