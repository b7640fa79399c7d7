"""What comes up when, that batch n is always the same, and pictures that cannot be read."""

import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.data.image_batches import ImageBatches, ImageBatchShape
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.prefetch import BatchPrefetcher
from idfree.learn.data.warp import STILL, ImageAugmentation
from idfree.sequences.images import read_image

SHAPE = ImageBatchShape(pictures=2, size_hw=(64, 96))


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(column, two[name]) for name, column in one.items())


def batches(footages, **options):
    return ImageBatches(LabelledImages.of(footages), options.pop("shape", SHAPE), **options)


@pytest.fixture
def damaged(footages, tmp_path):
    """The first footage as files; the second picture is cut off in the middle, the third is missing."""
    paths = [tmp_path / f"{frame}.jpg" for frame in (1, 2, 3)]
    for frame in (1, 2):
        noise = np.random.default_rng(frame).integers(0, 256, (60, 100, 3), dtype=np.uint8)
        cv2.imwrite(str(paths[frame - 1]), noise)
    paths[1].write_bytes(paths[1].read_bytes()[:2000])
    return [replace(footages[0], image=lambda frame: read_image(paths[frame - 1])), footages[1]]


def test_every_picture_once_an_epoch_in_an_order_of_its_own(footages):
    numbers = np.concatenate([batches(footages).numbers(step) for step in range(15)])  # 6 epochs of 5 pictures
    epochs = numbers.reshape(6, 5)
    assert (np.sort(epochs, axis=1) == np.arange(5)).all()
    assert len(np.unique(epochs, axis=0)) > 3
    assert batches(footages).per_epoch == 3


def test_a_batch_larger_than_the_data_goes_through_it_more_than_once(footages):
    numbers = batches(footages, shape=replace(SHAPE, pictures=13)).numbers(2)  # 26…38 of a row of epochs
    assert (np.sort(numbers[4:9]) == np.arange(5)).all()
    assert len(numbers) == 13


def test_a_batch_is_a_function_of_seed_and_number(footages):
    one, two, other = batches(footages, seed=1), batches(footages, seed=1), batches(footages, seed=2)
    one(0)
    assert same(one(5), two(5))
    assert not torch.equal(one(5)["image"], one(6)["image"])
    assert not torch.equal(one(5)["image"], other(5)["image"])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_change_nothing(footages, workers):
    own = batches(footages, seed=3)
    with BatchPrefetcher(batches(footages, seed=3), workers, steps=7) as ahead:
        assert all(same(ahead(step), own(step)) for step in (*range(7), 2, 3))


def test_what_a_batch_holds(footages):
    batch = batches(footages, shape=replace(SHAPE, pictures=5), augmentation=STILL)(0)
    assert sorted(batch["row"][batch["mask"]].tolist()) == [0, 1, 3, 4, 5, 6]
    assert batch["ignore"].any(dim=2).any(dim=1).sum() == 1
    seen = LabelledImages.of(footages).identity[batch["row"][batch["mask"]]]
    assert (batch["identity"][batch["mask"]].numpy() == seen).all()
    assert batch["heat"].shape == (5, 1, 16, 24)


@pytest.mark.parametrize(
    ("settings", "said"), [({"size_hw": (600, 1088)}, "1088×600"), ({"pictures": 0}, "0 pictures")]
)
def test_shapes_that_no_network_takes_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        ImageBatchShape(**settings)


def test_mosaics_hold_boxes_of_several_pictures(footages):
    settings = replace(ImageAugmentation(), mosaic=1)
    batch = batches(footages, shape=replace(SHAPE, pictures=8), augmentation=settings)(0)
    rows = [set(row[mask].tolist()) for row, mask in zip(batch["row"], batch["mask"], strict=True)]
    pictures = [{(0, 0, 0, 1, 1, 2, 3)[row] for row in some} for some in rows]
    assert max(map(len, pictures)) >= 2


def test_a_picture_that_cannot_be_read_is_named(damaged):
    with pytest.raises(UserError, match=r"2\.jpg: it is damaged"):
        LabelledImages.of(damaged)[1]
    with pytest.raises(UserError, match=r"3\.jpg: No such file"):
        LabelledImages.of(damaged)[2]
    with BatchPrefetcher(batches(damaged), workers=2) as ahead, pytest.raises(UserError, match=r"[23]\.jpg"):
        [ahead(step) for step in range(3)]


def test_it_can_be_left_out_with_one_warning_each(damaged, caplog):
    left, again = batches(damaged, skip=True), batches(damaged, skip=True)
    with caplog.at_level(logging.WARNING, "idfree"):
        found = [left(step) for step in range(15)]
    said = sorted(record.getMessage() for record in caplog.records)
    assert len(said) == 2
    assert "2.jpg" in said[0]
    assert said[1].endswith("No such file or directory; the picture is left out")
    assert all(len(batch["image"]) == 2 for batch in found)
    assert same(found[11], again(11))  # whatever was found out before


def test_none_that_can_be_read_is_an_error(damaged):
    only = replace(damaged[0], image=lambda frame: read_image("nowhere.jpg"))
    with pytest.raises(UserError, match=r"10 pictures in a row cannot be read; the last: .*nowhere\.jpg"):
        batches([only], skip=True)(0)


def test_shares_make_the_whole_batch(footages):
    shape = replace(SHAPE, pictures=4)
    whole = batches(footages, shape=shape)(3)
    shares = [batches(footages, shape=shape, share=(rank, 2))(3) for rank in (0, 1)]
    for name in ("image", "heat", "ignore"):
        together = torch.stack([share[name] for share in shares], dim=1).flatten(0, 1)  # 0, 2 and 1, 3 in turn
        assert torch.equal(together, whole[name])
    with pytest.raises(UserError, match="batches of 4 pictures for 3 processes: expected a multiple of it"):
        batches(footages, shape=shape, share=(0, 3))
