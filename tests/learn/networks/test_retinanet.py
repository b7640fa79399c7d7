"""RetinaNet with embeddings: decoding by hand, embeddings as of a whole convolution."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn
from torch.nn.functional import normalize

from idfree.learn.networks.fpn import Pyramid
from idfree.learn.networks.pyramid_anchors import ANCHORS, map_sizes, pyramid_anchors, to_corners
from idfree.learn.networks.retinanet import LEVELS, PRIOR, RetinaNet, read_patches

SIZE_HW, CHANNELS, DIMENSION = (64, 96), 8, 6
pytestmark = pytest.mark.usefixtures("one_thread")


class Small(nn.Module):
    """A pyramid of few layers."""

    channels = CHANNELS

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, 4, stride, stride) for stride in (8, 16, 32))
        self.fpn = Pyramid([4, 4, 4], CHANNELS)

    def forward(self, x):
        return self.fpn([layer(x) for layer in self.layers])


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = RetinaNet(Small(), classes=2, dimension=DIMENSION)
    network({"image": pixels(4)})  # statistics of batch norms
    return network.eval()


def pixels(images):
    return torch.randint(0, 256, (images, 3, *SIZE_HW), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def anchors():
    return pyramid_anchors(map_sizes(SIZE_HW))


def test_output_of_all_anchors(network):
    output = network({"image": pixels(2)})
    count = ANCHORS * (96 + 24 + 6 + 2 + 1)
    assert {name: tuple(each.shape) for name, each in output.items()} == {"score": (2, count, 2), "box": (2, count, 4)}
    assert (network.dimension, network.stride) == (DIMENSION, 8)
    assert output["score"].sigmoid().mean().item() == pytest.approx(PRIOR, rel=0.1)


def test_channels_of_an_anchor_are_its_own(network):
    """The rows of an anchor are the channels of its subnet: anchor 4 of cell (1, 2) of the second level."""
    with torch.inference_mode():
        maps = network.maps(pixels(1))
        level = network.backbone(network.standardise(pixels(1).float()))[1]
        row = ANCHORS * (96 + 1 * 6 + 2) + 4
        assert torch.allclose(maps["box"][0, row], network.heads["box"](level)[0, 16:20, 1, 2], atol=1e-6)
        assert torch.allclose(maps["score"][0, row], network.heads["score"](level)[0, 8:10, 1, 2], atol=1e-5)


def test_embeddings_are_those_of_the_whole_convolution(network):
    """At all anchors of both images, borders of all levels included."""
    with torch.inference_mode():
        maps = network.maps(pixels(2))
        last = network.heads["embedding"][-1]
        whole = [last(maps[name]).unflatten(1, (ANCHORS, DIMENSION)).permute(0, 3, 4, 1, 2) for name in LEVELS]
        expected = torch.cat([each.flatten(1, 3) for each in whole], dim=1)  # B N D
        image, anchor = torch.ones(expected.shape[:2]).nonzero(as_tuple=True)
        assert torch.allclose(network.read_embeddings(maps, image, anchor), expected.flatten(0, 1), atol=1e-5)


def test_embeddings_of_matched_anchors_in_training(network):
    matched_box = torch.full((2, len(anchors())), -1)
    matched_box[0, 700], matched_box[1, [3, 1160]] = 5, 0
    with torch.inference_mode():
        output = network({"image": pixels(2), "matched_box": matched_box})
        maps = network.maps(pixels(2))
        expected = network.read_embeddings(maps, torch.tensor([0, 1, 1]), torch.tensor([700, 3, 1160]))
    assert torch.allclose(output["embedding"], expected)
    assert output["embedding"].shape == (3, DIMENSION)
    none = network({"image": pixels(2), "matched_box": torch.full_like(matched_box, -2)})["embedding"]
    assert none.shape == (0, DIMENSION)


def test_patches_by_hand():
    """A map of 2×3 cells and one of 1×1: cell 4 is the middle of the second row, cell 6 the only one of the second."""
    maps = [torch.arange(1.0, 7).view(1, 1, 2, 3), torch.tensor([[[[9.0]]]])]
    patches = read_patches(maps, torch.tensor([0, 0]), torch.tensor([4, 6]))[:, :, 0]
    assert patches.tolist() == [[1, 2, 3, 4, 5, 6, 0, 0, 0], [0, 0, 0, 0, 9, 0, 0, 0, 0]]


def output_by_hand(*objects):
    """Maps with a low score everywhere but at each object (anchor, class, logit, deltas)."""
    count = len(anchors())
    maps = {"score": torch.full((1, count, 2), -10.0), "box": torch.zeros(1, count, 4)}
    for anchor, category, logit, deltas in objects:
        maps["score"][0, anchor, category] = logit
        maps["box"][0, anchor] = torch.tensor(deltas)
    levels = zip(LEVELS, map_sizes(SIZE_HW), strict=True)
    return maps | {name: torch.randn(1, 256, *size_hw) for name, size_hw in levels}


def test_decoding_by_hand(network):
    """The first anchor of the second level, of centre (8, 8) and 32×128, shifted by a quarter and twice as wide."""
    first, far = ANCHORS * 96, ANCHORS * (96 + 24) + 2
    deltas = [0.25, 0.5, math.log(2), 0.0]
    output = output_by_hand((first, 1, 3.0, deltas), (far, 0, 4.0, [0.0] * 4))
    with torch.inference_mode():
        result = network.decode(output, max_boxes=2)
        embedding = network.read_embeddings(output, torch.zeros(2, dtype=torch.int64), torch.tensor([far, first]))
    assert torch.allclose(result["boxes"][0], torch.tensor([[-48.0, -48, 80, 80], [-16, 8, 48, 136]]), atol=1e-4)
    assert result["scores"][0].tolist() == pytest.approx(torch.tensor([4.0, 3.0]).sigmoid().tolist())
    assert result["classes"].tolist() == [[0, 1]]
    assert torch.allclose(result["embedding"][0], normalize(embedding), atol=1e-6)


def test_suppressed_boxes_have_score_zero_and_a_better_class_is_kept(network):
    """Two anchors moved onto one place; the second class of the first stays beside it."""
    a, b = ANCHORS * 96, ANCHORS * 97  # the neighbour is 16 px to the right
    output = output_by_hand((a, 0, 3.0, [0.0] * 4), (b, 0, 2.0, [-0.5, 0.0, 0.0, 0.0]), (a, 1, 1.0, [0.0] * 4))
    with torch.inference_mode():
        result = network.decode(output, max_boxes=100)
    best = result["scores"][0, :2]
    assert best.tolist() == pytest.approx(torch.tensor([3.0, 1.0]).sigmoid().tolist())
    assert result["classes"][0, :2].tolist() == [0, 1]
    assert (result["scores"][0, 2:] < 0.01).all()
    assert result["boxes"].shape == (1, 100, 4)


def test_given_boxes_have_the_embedding_of_their_anchor(network):
    chosen = torch.tensor([5, ANCHORS * 100 + 3])
    boxes = to_corners(anchors())[chosen]
    with torch.inference_mode():
        maps = network.maps(pixels(1))
        expected = network.read_embeddings(maps, torch.zeros(2, dtype=torch.int64), chosen)
        assert torch.equal(network.embed(maps, boxes.double(), boxes.double()), expected)
        assert network.embed(maps, boxes[:0], boxes[:0]).shape == (0, DIMENSION)


def test_all_parameters_have_gradients():
    network = RetinaNet(Small(), 1, DIMENSION)
    output = network({"image": pixels(1), "matched_box": torch.arange(len(anchors()))[None]})
    sum(value.square().sum() for value in output.values()).backward()
    assert not [name for name, each in network.named_parameters() if not each.grad.abs().sum() > 0]
