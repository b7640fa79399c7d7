"""Maps made by hand, and what is to be read off them."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.networks.decode import decode, peaks

STRIDE, HEIGHT, WIDTH = 4, 8, 16
NOTHING = -10.0  # a logit


def maps(objects, sides=4, classes=2):
    """Maps (1, …, 8, 16) that show objects, each xyxy in pixels, class and logit; the centre is that of the box."""
    output = {
        "heat": torch.full((1, classes, HEIGHT, WIDTH), NOTHING),
        "offset": torch.rand(1, 2, HEIGHT, WIDTH),
        "size": torch.rand(1, sides, HEIGHT, WIDTH),
        "embedding": torch.randn(1, 6, HEIGHT, WIDTH),
    }
    for number, (xyxy, category, logit) in enumerate(objects, start=1):
        box = torch.tensor(xyxy) / STRIDE
        centre = ((box[:2] + box[2:]) / 2).clamp(min=torch.zeros(2), max=torch.tensor([WIDTH - 0.1, HEIGHT - 0.1]))
        x, y = centre.long().tolist()
        output["heat"][0, category, y, x] = logit
        output["offset"][0, :, y, x] = centre - centre.long()
        output["size"][0, :, y, x] = (
            torch.cat([centre - box[:2], box[2:] - centre]) if sides == 4 else box[2:] - box[:2]
        )
        output["embedding"][0, :, y, x] = 3 * torch.eye(6)[number]
    return output


SCENE = [
    ((10.0, 3.0, 21.5, 30.0), 0, 4.0),
    ((40.0, 9.0, 47.0, 20.0), 1, 3.0),
    ((0.5, 0.25, 2.5, 1.75), 1, 2.0),  # in the first cell
    ((61.0, 30.0, 63.0, 31.5), 0, 1.0),  # in the last
]
BEYOND = ((-30.0, -8.0, 10.0, 44.0), 0, 2.5)  # cut by three borders; its centre lies left of the picture


@pytest.mark.parametrize("sides", [2, 4])
def test_decoding_inverts_encoding(sides):
    found = decode(maps(SCENE, sides), STRIDE, most=4)
    assert torch.allclose(found["boxes"][0], torch.tensor([xyxy for xyxy, _, _ in SCENE]), atol=1e-5)
    assert torch.allclose(found["scores"][0], torch.tensor([4.0, 3.0, 2.0, 1.0]).sigmoid())
    assert found["classes"].tolist() == [[0, 1, 1, 0]]
    assert found["classes"].dtype == torch.int64
    assert torch.allclose(found["embedding"][0], torch.eye(6)[1:5])


def test_boxes_reach_beyond_the_picture():
    found = decode(maps([BEYOND]), STRIDE, most=1)
    assert torch.allclose(found["boxes"][0, 0], torch.tensor(BEYOND[0]), atol=1e-5)


def test_pictures_and_classes_are_apart():
    """The same cell in two classes is two objects; what one picture shows, another does not."""
    box = SCENE[0][0]
    both, other = maps([(box, 0, 1.0), (box, 1, 2.0)]), maps(SCENE[1:2])
    found = decode({name: torch.cat([both[name], other[name]]) for name in both}, STRIDE, most=2)
    assert found["classes"][0].tolist() == [1, 0]
    assert torch.equal(found["boxes"][0, 0], found["boxes"][0, 1])
    assert torch.allclose(found["boxes"][1, 0], torch.tensor(SCENE[1][0]))
    assert found["scores"][1, 1] < 1e-4


def heat(**cells):
    """A map (1, 1, 4, 5) of −10, but for cells named `yx`."""
    logits = torch.full((1, 1, 4, 5), NOTHING)
    for name, value in cells.items():
        logits[0, 0, int(name[1]), int(name[2])] = value
    return logits


def found_at(logits, least=NOTHING):
    """The cells (y, x) of the peaks above `least`, best first."""
    score, _, cell = peaks(logits)
    return [divmod(place, 5) for place in cell[score > least].tolist()]


def test_only_summits_count():
    assert found_at(heat(c11=3.0, c12=2.0, c22=1.0, c34=0.5)) == [(1, 1), (3, 4)]
    assert found_at(heat(c11=3.0, c13=2.0)) == [(1, 1), (1, 3)]  # two cells apart
    assert found_at(heat(c00=1.0, c11=0.5, c04=2.0)) == [(0, 4), (0, 0)]  # at the border


def test_cells_that_share_a_summit_are_all_found():
    assert sorted(found_at(heat(c11=3.0, c12=3.0, c22=1.0))) == [(1, 1), (1, 2)]


def test_summits_that_round_to_certainty_are_told_apart():
    logits = heat(c11=40.0, c12=30.0)
    assert logits.sigmoid().amax() == logits.sigmoid()[0, 0, 1, 2] == 1
    assert found_at(logits) == [(1, 1)]


def test_a_small_map_gives_all_its_cells():
    output = maps(SCENE[:1], classes=1)
    found = decode(output, STRIDE)
    assert found["boxes"].shape == (1, HEIGHT * WIDTH, 4)
    assert (found["scores"].diff() <= 0).all()
    assert all(value.isfinite().all() for value in found.values())
