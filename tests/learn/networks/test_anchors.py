"""Anchor boxes: maps made by hand, and the boxes that they mean."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.networks.anchors import MOVES, SIZES, AnchorNetwork, anchor_heads, covered, moved

STRIDE, HEIGHT, WIDTH = 8, 8, 12
LEVEL = 4.0  # a logit


class Small(nn.Conv2d):
    """A backbone of one layer."""

    def __init__(self):
        super().__init__(3, 8, 9, stride=STRIDE, padding=4)
        self.channels, self.stride = 8, STRIDE


@pytest.fixture(scope="module")
def network():
    return AnchorNetwork(Small(), anchor_heads(6))


def maps(*found):
    """Nobody anywhere but at each (y, x, size, logit, moves) found."""
    output = {
        "objectness": torch.full((1, len(SIZES), HEIGHT, WIDTH), -10.0),
        "box": torch.randn(1, MOVES * len(SIZES), HEIGHT, WIDTH),
        "embedding": torch.randn(1, 6, HEIGHT, WIDTH),
    }
    for number, (y, x, size, logit, moves) in enumerate(found):
        output["objectness"][0, size, y, x] = logit
        output["box"][0, MOVES * size : MOVES * (size + 1), y, x] = torch.tensor(moves)
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


def test_sizes_are_jde_s():
    assert [round(width) for width, _ in SIZES] == [11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512]
    assert all(height == pytest.approx(3 * width) for width, height in SIZES)


def test_boxes_by_hand(network):
    """The second size is 16×48; cell (5, 3) has its centre at 28, 44. A quarter width right, twice as wide."""
    found = network.decode(
        maps((5, 3, 1, 3.0, [0.0, 0.0, 0.0, 0.0]), (2, 9, 1, LEVEL, [0.25, 0.5, 0.6931472, 0.0])), most=2
    )
    expected = torch.tensor([[64.0, 20.0, 96.0, 68.0], [20.0, 20.0, 36.0, 68.0]])
    assert torch.allclose(found["boxes"][0], expected, atol=1e-4)
    assert torch.allclose(found["scores"][0], torch.tensor([LEVEL, 3.0]).sigmoid())
    assert found["classes"].tolist() == [[0, 0]]
    assert torch.allclose(found["embedding"][0], torch.eye(6)[[1, 0]])


def test_of_a_cell_s_anchors_the_best_speaks(network):
    still = [0.0] * MOVES
    found = network.decode(maps((5, 3, 1, 1.0, still), (5, 3, 3, 2.0, still)), most=1)
    assert torch.allclose(found["boxes"][0, 0], torch.tensor([12.0, -4.0, 44.0, 92.0]), atol=1e-4)


def test_the_lower_of_two_that_overlap_comes_last_and_scores_nothing(network):
    """The same box from two cells, and another far away."""
    still = [0.0] * MOVES
    one, again = (3, 2, 3, 3.0, still), (3, 4, 3, 2.0, [-0.5, 0.0, 0.0, 0.0])
    found = network.decode(maps(one, again, (3, 10, 3, 1.0, still)), most=3)
    assert torch.allclose(found["scores"][0], torch.tensor([3.0, 1.0, -torch.inf]).sigmoid())
    assert torch.allclose(found["boxes"][0, 0], found["boxes"][0, 2])
    assert torch.allclose(found["embedding"][0], torch.eye(6)[[0, 2, 1]])


def test_a_box_grows_no_further_than_a_float():
    box = moved(torch.zeros(1, 2), torch.full((1, 2), 16.0), torch.tensor([[0.0, 0.0, 500.0, -500.0]]))
    assert torch.allclose(box, torch.tensor([[-500.0, 0.0, 500.0, 0.0]]))


def test_what_covers():
    """IoU 1/2 of the first two, 1/3 of the second and third, nothing of empty ones."""
    boxes = torch.tensor([[[0.0, 0, 2, 3], [1, 0, 3, 3], [2, 0, 4, 3], [0, 0, 2, 1.5], [9, 9, 9, 9], [9, 9, 9, 9]]])
    assert covered(boxes).tolist() == [[False, False, False, True, False, False]]
