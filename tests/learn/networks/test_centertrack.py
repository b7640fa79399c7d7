"""CenterTrack's first convolution, and weights of detectors and trackers in it."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.networks.centertrack import CenterTrackNetwork, PriorConv2d, centertrack_heads
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import tracker_heads
from idfree.learn.networks.tracker_weights import load_tracker


class Backbone(nn.Module):
    channels, stride = 8, 4

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 7, 4, padding=3, bias=False), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return self.last(self.first(x))


def test_a_prior_without_weights_changes_nothing():
    plain = nn.Conv2d(3, 8, 7, 2, padding=3)
    wide = PriorConv2d(plain)
    nn.init.zeros_(wide.prior.weight)
    x = torch.rand(2, 7, 32, 32)
    assert torch.equal(wide(x), plain(x[:, :3]))


def test_weights_of_a_detector_begin_the_network():
    detector, network = CentreNetwork(Backbone(), tracker_heads()), CenterTrackNetwork(Backbone(), centertrack_heads())
    messages = load_tracker(network, "mine", detector.state_dict(), "file.pt")
    assert messages == [
        "file.pt: has no heads.displacement, which begins untrained",
        "file.pt: has no prior, which begins untrained",
        "file.pt: its heads.embedding is not used",
    ]
    assert torch.equal(network.backbone.first.weight, detector.backbone.first.weight)


def test_its_own_weights_are_loaded_and_begin_a_detector():
    network, again = (CenterTrackNetwork(Backbone(), centertrack_heads()) for _ in range(2))
    assert load_tracker(again, "mine", network.state_dict(), "file.pt") == []
    assert torch.equal(again.backbone.first.prior.weight, network.backbone.first.prior.weight)
    detector = CentreNetwork(Backbone(), tracker_heads())
    assert "file.pt: its prior is not used" in load_tracker(detector, "mine", network.state_dict(), "file.pt")
