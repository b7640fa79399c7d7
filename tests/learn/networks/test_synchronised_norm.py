"""Batch normalisation over several processes; with real processes in tests/learn/test_processes.py."""

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.networks import synchronised_norm
from idfree.learn.networks.synchronised_norm import SynchronisedBatchNorm, synchronise_norms


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """One process, whose sums are its own."""
    monkeypatch.setattr(synchronised_norm.dist, "all_reduce", lambda tensor: None)


def make_network():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ModuleDict({"norm": nn.BatchNorm2d(4, momentum=0.3)})["norm"])
    nn.init.normal_(network[1].weight)
    return network


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_one_process_it_is_batch_norm(dtype):
    plain, other = make_network(), make_network()
    synchronise_norms(other)
    assert isinstance(other[1], SynchronisedBatchNorm)
    image = (5 + 3 * torch.randn(2, 3, 8, 8)).to(dtype)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        one, two = plain(image), other(image)
    assert one.dtype == two.dtype
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0.02, "atol": 0.02}
    torch.testing.assert_close(two, one, **tolerance)
    for output in (one, two):
        (output.float() ** 3).sum().backward()
    for a, b in zip(plain.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(b.grad, a.grad, rtol=2e-3 if dtype == torch.float32 else 0.1, atol=0.05)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], value, msg=key)
    other.load_state_dict(plain.state_dict())
    assert torch.equal(plain.eval()(image.float()), other.eval()(image.float()))


def test_copies_and_modes_are_kept():
    network = make_network().eval()
    synchronise_norms(network)
    assert not network[1].training
    assert isinstance(copy.deepcopy(network)[1], SynchronisedBatchNorm)
