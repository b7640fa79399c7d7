"""Maps and columns against golden figures, by hand, and read back."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.boxes import clip
from idfree.learn.data.labelled_images import LabelledImage, LabelledImages
from idfree.learn.data.targets import covered, gaussian_radius, peaks, targets
from idfree.learn.data.warp import ImageAugmentation, vary
from idfree.learn.networks.decode import decode

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "heatmap.json").read_text(encoding="utf-8"))
HW = (64, 96)


def scene(boxes, row=(), unknown=()):
    """A grey scene; its boxes are the rows of the labels that are named."""
    xyxy = np.array(boxes, dtype=float).reshape(-1, 4)
    image = np.full((*HW, 3), 127, np.uint8)
    rows = np.array(row if len(row) else np.arange(len(xyxy)), dtype=np.int64)
    return LabelledImage(image, xyxy, clip(xyxy, HW), rows, np.array(unknown, dtype=float).reshape(-1, 4))


def read_back(batch, stride, picture=0):
    """(N, 4) boxes that the columns of a batch say, in pixels."""
    there = batch["mask"][picture]
    width = batch["heat"].shape[3]
    index, size = batch["index"][picture][there], batch["size"][picture][there].double()
    centre = torch.stack([index % width, index // width], dim=1) + batch["offset"][picture][there].double()
    lower, upper = size.split(2, dim=1) if size.shape[1] == 4 else (size / 2, size / 2)
    return (stride * torch.cat([centre - lower, centre + upper], dim=1)).numpy()


@pytest.mark.parametrize("case", GOLDEN["radius"], ids=str)
def test_radius_golden(case):
    assert gaussian_radius(np.float64(case["height"]), np.float64(case["width"])) == pytest.approx(case["radius"])


@pytest.mark.parametrize("case", GOLDEN["peaks"], ids=["three", "corner"])
def test_peaks_golden(case):
    x, y, radius = np.array(case["centers_x_y_radius"]).T
    heat = peaks((1, case["height"], case["width"]), np.zeros_like(x), np.stack([x, y], axis=1), radius)
    assert np.abs(heat[0] - case["heatmap"]).max() < 1e-6
    assert (heat[0, y, x] == 1).all()


def test_columns_by_hand(footages):
    """Boxes of rows 0 (identity 0) and 4 (none): one wholly in, one of which the left half is cut away."""
    batch = targets([scene([[10, 8, 31, 40], [-16, 20, 16, 52]], row=[0, 4])], LabelledImages.of(footages), stride=4)
    # centres (20.5, 24) and, of what is seen, (8, 36) px: cells (5.125, 6) and (2, 9), 24 cells to a row
    assert batch["index"].tolist() == [[6 * 24 + 5, 9 * 24 + 2]]
    assert batch["offset"].tolist() == [[[0.125, 0], [0, 0]]]
    assert batch["size"].tolist() == [[[2.625, 4, 2.625, 4], [6, 4, 2, 4]]]
    assert batch["identity"].tolist() == [[0, -1]]
    assert batch["row"].tolist() == [[0, 4]]
    assert batch["heat"][0, 0].flatten()[batch["index"][0]].tolist() == [1, 1]
    assert (batch["heat"] == 1).sum() == 2
    assert {name: tuple(column.shape) for name, column in batch.items()} == {
        "image": (1, 3, 64, 96),
        "heat": (1, 1, 16, 24),
        "ignore": (1, 16, 24),
        "mask": (1, 2),
        "index": (1, 2),
        "offset": (1, 2, 2),
        "size": (1, 2, 4),
        "class": (1, 2),
        "identity": (1, 2),
        "row": (1, 2),
        "xyxy": (1, 2, 4),
    }
    assert {str(column.dtype) for column in batch.values()} == {
        f"torch.{n}" for n in ("uint8", "float32", "bool", "int64")
    }


@pytest.mark.parametrize("stride", [2, 4, 8])
@pytest.mark.parametrize("sides", [4, 2])
def test_columns_read_back_are_the_boxes(footages, stride, sides):
    labels = LabelledImages.of(footages)
    for seed in range(8):
        varied = [vary(labels[n], HW, np.random.default_rng([seed, n]), ImageAugmentation()) for n in (0, 3, 1)]
        batch = targets(varied, labels, stride, sides)
        for n, one in enumerate(varied):
            assert np.allclose(read_back(batch, stride, n), one.xyxy if sides == 4 else one.visible, atol=1e-4)
            assert np.allclose(batch["xyxy"][n][batch["mask"][n]], one.xyxy)
        assert (batch["offset"] >= 0).all()
        assert (batch["offset"] < 1).all()


@pytest.mark.parametrize("sides", [4, 2])
def test_a_network_that_says_the_targets_finds_the_boxes(footages, sides):
    labels = LabelledImages.of(footages, classes=(2, 1))
    varied = [vary(labels[n], HW, np.random.default_rng(n), ImageAugmentation()) for n in (0, 2, 4)]
    batch = targets(varied, labels, 4, sides)
    maps = {"heat": batch["heat"].logit(1e-6), "embedding": torch.ones(3, 1, 16, 24)}
    for name in ("offset", "size"):
        flat = torch.zeros(3, batch[name].shape[2], 16 * 24)
        for picture, place in batch["mask"].nonzero().tolist():
            flat[picture, :, batch["index"][picture, place]] = batch[name][picture, place]
        maps[name] = flat.unflatten(2, (16, 24))
    found = decode(maps, 4)
    for n, one in enumerate(varied):
        sure = found["scores"][n] > 0.99
        boxes, order = found["boxes"][n][sure].numpy(), found["classes"][n][sure].numpy()
        wanted = one.xyxy if sides == 4 else one.visible
        assert len(boxes) == len(wanted) > 0
        for box, category in zip(wanted, labels.category[one.row], strict=True):
            assert np.abs(boxes[order == category] - box).max(axis=1).min() < 1e-3


def test_no_boxes_at_all_are_legal(footages):
    batch = targets([scene([]), scene([])], LabelledImages.of(footages), 4)
    assert batch["mask"].tolist() == [[False], [False]]
    assert batch["identity"].tolist() == batch["row"].tolist() == [[-1], [-1]]
    assert batch["heat"].sum() == 0
    assert batch["size"].shape == (2, 1, 4)


def test_each_category_has_its_map(footages):
    labels = LabelledImages.of(footages, classes=(2, 1))
    batch = targets([scene([[4, 4, 20, 20], [40, 40, 60, 60]], row=[0, 4])], labels, 4)
    assert batch["class"].tolist() == [[1, 0]]
    assert (batch["heat"] == 1).nonzero()[:, 1:].tolist() == [[0, 12, 12], [1, 3, 3]]


def test_pixels_are_the_pictures(footages):
    varied = [vary(LabelledImages.of(footages)[n], HW, np.random.default_rng(n), ImageAugmentation()) for n in range(2)]
    image = targets(varied, LabelledImages.of(footages), 4)["image"]
    assert (image.permute(0, 2, 3, 1).numpy() == np.stack([one.image for one in varied])).all()
    assert image.is_contiguous(memory_format=torch.channels_last)


def test_cells_of_unknown_regions_are_ignored_except_where_a_peak_says_what_is_there(footages):
    cells = np.argwhere(covered(np.array([[1.4, 0.6, 3.6, 2.5], [3.1, 3, 3.4, 9]]), (4, 5)))
    assert cells.tolist() == [[1, 1], [1, 2], [1, 3]]  # y, x of those whose middle is in
    batch = targets([scene([[8, 8, 24, 24]], unknown=[[0, 0, 40, 32]])], LabelledImages.of(footages), 4)
    ignore, heat = batch["ignore"][0], batch["heat"][0, 0]
    assert (ignore[:8, :10] == (heat[:8, :10] == 0)).all()
    assert not ignore[8:].any()
    assert not ignore[:, 10:].any()
    assert heat[:8, :10].count_nonzero() == 9  # the peak reaches one cell far
