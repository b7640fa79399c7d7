"""Decoding of maps made by hand."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.networks.decode import decode_maps, find_peaks

STRIDE, HEIGHT, WIDTH = 4, 8, 16
BACKGROUND = -10.0  # a logit


def maps(objects, sides=4, classes=2):
    """Maps (1, …, 8, 16) of objects, each (xyxy in pixels, class, logit), at the box centres within the map."""
    output = {
        "heat": torch.full((1, classes, HEIGHT, WIDTH), BACKGROUND),
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
BEYOND = ((-30.0, -8.0, 10.0, 44.0), 0, 2.5)  # beyond three borders; its centre is left of the image


@pytest.mark.parametrize("sides", [2, 4])
def test_decoding_inverts_encoding(sides):
    result = decode_maps(maps(SCENE, sides), STRIDE, max_boxes=4)
    assert torch.allclose(result["boxes"][0], torch.tensor([xyxy for xyxy, _, _ in SCENE]), atol=1e-5)
    assert torch.allclose(result["scores"][0], torch.tensor([4.0, 3.0, 2.0, 1.0]).sigmoid())
    assert result["classes"].tolist() == [[0, 1, 1, 0]]
    assert result["classes"].dtype == torch.int64
    assert torch.allclose(result["embedding"][0], torch.eye(6)[1:5])


def test_boxes_can_exceed_the_image():
    result = decode_maps(maps([BEYOND]), STRIDE, max_boxes=1)
    assert torch.allclose(result["boxes"][0, 0], torch.tensor(BEYOND[0]), atol=1e-5)


def test_images_and_classes_are_independent():
    """The same cell in two classes is two objects; each image has its own objects."""
    box = SCENE[0][0]
    both, other = maps([(box, 0, 1.0), (box, 1, 2.0)]), maps(SCENE[1:2])
    result = decode_maps({name: torch.cat([both[name], other[name]]) for name in both}, STRIDE, max_boxes=2)
    assert result["classes"][0].tolist() == [1, 0]
    assert torch.equal(result["boxes"][0, 0], result["boxes"][0, 1])
    assert torch.allclose(result["boxes"][1, 0], torch.tensor(SCENE[1][0]))
    assert result["scores"][1, 1] < 1e-4


def heat(**cells):
    """A map (1, 1, 4, 5) of −10, except for cells named `cyx`."""
    logits = torch.full((1, 1, 4, 5), BACKGROUND)
    for name, value in cells.items():
        logits[0, 0, int(name[1]), int(name[2])] = value
    return logits


def peak_cells(logits, threshold=BACKGROUND):
    """Cells (y, x) of the peaks above a threshold, best first."""
    score, _, cell = find_peaks(logits)
    return [divmod(each, 5) for each in cell[score > threshold].tolist()]


def test_only_local_maxima_are_peaks():
    assert peak_cells(heat(c11=3.0, c12=2.0, c22=1.0, c34=0.5)) == [(1, 1), (3, 4)]
    assert peak_cells(heat(c11=3.0, c13=2.0)) == [(1, 1), (1, 3)]  # two cells apart
    assert peak_cells(heat(c00=1.0, c11=0.5, c04=2.0)) == [(0, 4), (0, 0)]  # at the border


def test_neighbours_of_equal_value_are_all_peaks():
    assert sorted(peak_cells(heat(c11=3.0, c12=3.0, c22=1.0))) == [(1, 1), (1, 2)]


def test_logits_are_compared_where_sigmoids_are_equal():
    logits = heat(c11=40.0, c12=30.0)
    assert logits.sigmoid().amax() == logits.sigmoid()[0, 0, 1, 2] == 1
    assert peak_cells(logits) == [(1, 1)]


def test_a_small_map_returns_all_cells():
    output = maps(SCENE[:1], classes=1)
    result = decode_maps(output, STRIDE)
    assert result["boxes"].shape == (1, HEIGHT * WIDTH, 4)
    assert (result["scores"].diff() <= 0).all()
    assert all(value.isfinite().all() for value in result.values())
