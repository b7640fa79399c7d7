"""JDE's network: decoding of maps made by hand."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.networks.anchors import DELTAS, decode_boxes
from idfree.learn.networks.jde import ANCHOR_SIZES, JdeNetwork, jde_heads, suppressed_by_nms

STRIDE, HEIGHT, WIDTH = 8, 8, 12
LEVEL = 4.0  # a logit


class Small(nn.Conv2d):
    """A backbone of one layer."""

    def __init__(self):
        super().__init__(3, 8, 9, stride=STRIDE, padding=4)
        self.channels, self.stride = 8, STRIDE


@pytest.fixture(scope="module")
def network():
    return JdeNetwork(Small(), jde_heads(6))


def maps(*objects):
    """Maps with a low score everywhere but at each object (y, x, anchor, logit, deltas)."""
    output = {
        "objectness": torch.full((1, len(ANCHOR_SIZES), HEIGHT, WIDTH), -10.0),
        "box": torch.randn(1, DELTAS * len(ANCHOR_SIZES), HEIGHT, WIDTH),
        "embedding": torch.randn(1, 6, HEIGHT, WIDTH),
    }
    for number, (y, x, anchor, logit, deltas) in enumerate(objects):
        output["objectness"][0, anchor, y, x] = logit
        output["box"][0, DELTAS * anchor : DELTAS * (anchor + 1), y, x] = torch.tensor(deltas)
        output["embedding"][0, :, y, x] = 2 * torch.eye(6)[number]
    return output


def test_a_map_for_each_head(network):
    output = network({"image": torch.zeros(2, 3, 64, 96, dtype=torch.uint8)})
    assert {name: tuple(value.shape[1:]) for name, value in output.items()} == {
        "objectness": (12, HEIGHT, WIDTH),
        "box": (48, HEIGHT, WIDTH),
        "embedding": (6, HEIGHT, WIDTH),
    }
    assert network.decode(output)["boxes"].shape == (2, HEIGHT * WIDTH, 4)


def test_anchor_sizes_are_those_of_jde():
    assert [round(width) for width, _ in ANCHOR_SIZES] == [11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512]
    assert all(height == pytest.approx(3 * width) for width, height in ANCHOR_SIZES)


def test_boxes_by_hand(network):
    """The second anchor is 16×48; the centre of cell (5, 3) is (28, 44). Shifted by a quarter width, twice as wide."""
    result = network.decode(
        maps((5, 3, 1, 3.0, [0.0, 0.0, 0.0, 0.0]), (2, 9, 1, LEVEL, [0.25, 0.5, 0.6931472, 0.0])), max_boxes=2
    )
    expected = torch.tensor([[64.0, 20.0, 96.0, 68.0], [20.0, 20.0, 36.0, 68.0]])
    assert torch.allclose(result["boxes"][0], expected, atol=1e-4)
    assert torch.allclose(result["scores"][0], torch.tensor([LEVEL, 3.0]).sigmoid())
    assert result["classes"].tolist() == [[0, 0]]
    assert torch.allclose(result["embedding"][0], torch.eye(6)[[1, 0]])


def test_the_best_anchor_of_a_cell_is_decoded(network):
    unchanged = [0.0] * DELTAS
    result = network.decode(maps((5, 3, 1, 1.0, unchanged), (5, 3, 3, 2.0, unchanged)), max_boxes=1)
    assert torch.allclose(result["boxes"][0, 0], torch.tensor([12.0, -4.0, 44.0, 92.0]), atol=1e-4)


def test_suppressed_boxes_come_last_with_score_zero(network):
    """The same box from two cells, and a distant one."""
    unchanged = [0.0] * DELTAS
    one, again = (3, 2, 3, 3.0, unchanged), (3, 4, 3, 2.0, [-0.5, 0.0, 0.0, 0.0])
    result = network.decode(maps(one, again, (3, 10, 3, 1.0, unchanged)), max_boxes=3)
    assert torch.allclose(result["scores"][0], torch.tensor([3.0, 1.0, -torch.inf]).sigmoid())
    assert torch.allclose(result["boxes"][0, 0], result["boxes"][0, 2])
    assert torch.allclose(result["embedding"][0], torch.eye(6)[[0, 2, 1]])


def test_the_scale_of_a_box_is_limited():
    box = decode_boxes(torch.zeros(1, 2), torch.full((1, 2), 16.0), torch.tensor([[0.0, 0.0, 500.0, -500.0]]))
    assert torch.allclose(box, torch.tensor([[-500.0, 0.0, 500.0, 0.0]]))


def test_suppression_by_iou():
    """IoU 1/3 of the first and second, and of the second and third, 1/2 of the first and fourth; empty boxes."""
    boxes = torch.tensor([[[0.0, 0, 2, 3], [1, 0, 3, 3], [2, 0, 4, 3], [0, 0, 2, 1.5], [9, 9, 9, 9], [9, 9, 9, 9]]])
    assert suppressed_by_nms(boxes).tolist() == [[False, False, False, True, False, False]]
