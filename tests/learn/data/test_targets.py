"""Targets against golden values, by hand, and decoded again."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.boxes import clip
from idfree.core.heatmaps import draw_heatmap, gaussian_radius
from idfree.learn.data.labelled_images import LabelledImage, LabelledImages
from idfree.learn.data.targets import covered_cells, make_targets
from idfree.learn.data.warp import ImageAugmentation, augment_image
from idfree.learn.networks.decode import decode_maps

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "heatmap.json").read_text(encoding="utf-8"))
HW = (64, 96)


def make_sample(boxes, row=(), ignore=()):
    """A grey image with boxes; row: their rows in the dataset."""
    xyxy = np.array(boxes, dtype=float).reshape(-1, 4)
    image = np.full((*HW, 3), 127, np.uint8)
    rows = np.array(row if len(row) else np.arange(len(xyxy)), dtype=np.int64)
    return LabelledImage(image, xyxy, clip(xyxy, HW), rows, np.array(ignore, dtype=float).reshape(-1, 4))


def decode_columns(batch, stride, number=0):
    """(N, 4) boxes in pixels decoded from the columns of a batch."""
    there = batch["mask"][number]
    width = batch["heat"].shape[3]
    index, size = batch["index"][number][there], batch["size"][number][there].double()
    centre = torch.stack([index % width, index // width], dim=1) + batch["offset"][number][there].double()
    lower, upper = size.split(2, dim=1) if size.shape[1] == 4 else (size / 2, size / 2)
    return (stride * torch.cat([centre - lower, centre + upper], dim=1)).numpy()


@pytest.mark.parametrize("case", GOLDEN["radius"], ids=str)
def test_radius_golden(case):
    assert gaussian_radius(np.float64(case["height"]), np.float64(case["width"])) == pytest.approx(case["radius"])


@pytest.mark.parametrize("case", GOLDEN["peaks"], ids=["three", "corner"])
def test_peaks_golden(case):
    x, y, radius = np.array(case["centers_x_y_radius"]).T
    heat = draw_heatmap((1, case["height"], case["width"]), np.zeros_like(x), np.stack([x, y], axis=1), radius)
    assert np.abs(heat[0] - case["heatmap"]).max() < 1e-6
    assert (heat[0, y, x] == 1).all()


def test_columns_by_hand(footages):
    """Row 0 (identity 0) within the image, row 4 (no identity) with its left half outside."""
    batch = make_targets(
        [make_sample([[10, 8, 31, 40], [-16, 20, 16, 52]], row=[0, 4])],
        LabelledImages.from_footages(footages),
        stride=4,
    )
    # centres (20.5, 24) and, of the visible part, (8, 36) px: cells (5.125, 6) and (2, 9), 24 cells to a row
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
def test_columns_decode_to_the_boxes(footages, stride, sides):
    labels = LabelledImages.from_footages(footages)
    for seed in range(8):
        varied = [
            augment_image(labels[n], HW, np.random.default_rng([seed, n]), ImageAugmentation()) for n in (0, 3, 1)
        ]
        batch = make_targets(varied, labels, stride, sides)
        for n, one in enumerate(varied):
            assert np.allclose(decode_columns(batch, stride, n), one.xyxy if sides == 4 else one.visible, atol=1e-4)
            assert np.allclose(batch["xyxy"][n][batch["mask"][n]], one.xyxy)
        assert (batch["offset"] >= 0).all()
        assert (batch["offset"] < 1).all()


@pytest.mark.parametrize("sides", [4, 2])
def test_target_maps_decode_to_the_boxes(footages, sides):
    labels = LabelledImages.from_footages(footages, classes=(2, 1))
    varied = [augment_image(labels[n], HW, np.random.default_rng(n), ImageAugmentation()) for n in (0, 2, 4)]
    batch = make_targets(varied, labels, 4, sides)
    maps = {"heat": batch["heat"].logit(1e-6), "embedding": torch.ones(3, 1, 16, 24)}
    for name in ("offset", "size"):
        flat = torch.zeros(3, batch[name].shape[2], 16 * 24)
        for number, place in batch["mask"].nonzero().tolist():
            flat[number, :, batch["index"][number, place]] = batch[name][number, place]
        maps[name] = flat.unflatten(2, (16, 24))
    decoded = decode_maps(maps, 4)
    for n, one in enumerate(varied):
        confident = decoded["scores"][n] > 0.99
        boxes, order = decoded["boxes"][n][confident].numpy(), decoded["classes"][n][confident].numpy()
        wanted = one.xyxy if sides == 4 else one.visible
        assert len(boxes) == len(wanted) > 0
        for box, category in zip(wanted, labels.category[one.row], strict=True):
            assert np.abs(boxes[order == category] - box).max(axis=1).min() < 1e-3


def test_images_without_boxes(footages):
    batch = make_targets([make_sample([]), make_sample([])], LabelledImages.from_footages(footages), 4)
    assert batch["mask"].tolist() == [[False], [False]]
    assert batch["identity"].tolist() == batch["row"].tolist() == [[-1], [-1]]
    assert batch["heat"].sum() == 0
    assert batch["size"].shape == (2, 1, 4)


def test_one_heatmap_per_category(footages):
    labels = LabelledImages.from_footages(footages, classes=(2, 1))
    batch = make_targets([make_sample([[4, 4, 20, 20], [40, 40, 60, 60]], row=[0, 4])], labels, 4)
    assert batch["class"].tolist() == [[1, 0]]
    assert (batch["heat"] == 1).nonzero()[:, 1:].tolist() == [[0, 12, 12], [1, 3, 3]]


def test_pixels_are_unchanged(footages):
    varied = [
        augment_image(LabelledImages.from_footages(footages)[n], HW, np.random.default_rng(n), ImageAugmentation())
        for n in range(2)
    ]
    image = make_targets(varied, LabelledImages.from_footages(footages), 4)["image"]
    assert (image.permute(0, 2, 3, 1).numpy() == np.stack([one.image for one in varied])).all()
    assert image.is_contiguous(memory_format=torch.channels_last)


def test_cells_of_ignore_regions_without_a_peak_are_ignored(footages):
    cells = np.argwhere(covered_cells(np.array([[1.4, 0.6, 3.6, 2.5], [3.1, 3, 3.4, 9]]), (4, 5)))
    assert cells.tolist() == [[1, 1], [1, 2], [1, 3]]  # y, x of the cells whose centre is inside
    batch = make_targets(
        [make_sample([[8, 8, 24, 24]], ignore=[[0, 0, 40, 32]])], LabelledImages.from_footages(footages), 4
    )
    ignore, heat = batch["ignore"][0], batch["heat"][0, 0]
    assert (ignore[:8, :10] == (heat[:8, :10] == 0)).all()
    assert not ignore[8:].any()
    assert not ignore[:, 10:].any()
    assert heat[:8, :10].count_nonzero() == 9  # the peak has a radius of one cell
