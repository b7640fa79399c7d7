"""Order of images, determinism of batches, unreadable images, distribution over processes."""

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
from idfree.learn.data.warp import NO_AUGMENTATION, ImageAugmentation
from idfree.sequences.images import read_image

SHAPE = ImageBatchShape(images=2, size_hw=(64, 96))


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(column, two[name]) for name, column in one.items())


def batches(footages, **options):
    return ImageBatches(LabelledImages.from_footages(footages), options.pop("shape", SHAPE), **options)


@pytest.fixture
def damaged(footages, tmp_path):
    """The first footage as files; the second image is truncated, the third missing."""
    paths = [tmp_path / f"{frame}.jpg" for frame in (1, 2, 3)]
    for frame in (1, 2):
        noise = np.random.default_rng(frame).integers(0, 256, (60, 100, 3), dtype=np.uint8)
        cv2.imwrite(str(paths[frame - 1]), noise)
    paths[1].write_bytes(paths[1].read_bytes()[:2000])
    return [replace(footages[0], image=lambda frame: read_image(paths[frame - 1])), footages[1]]


def test_every_epoch_is_a_permutation(footages):
    numbers = np.concatenate([batches(footages).image_numbers(step) for step in range(15)])  # 6 epochs of 5 images
    epochs = numbers.reshape(6, 5)
    assert (np.sort(epochs, axis=1) == np.arange(5)).all()
    assert len(np.unique(epochs, axis=0)) > 3
    assert batches(footages).per_epoch == 3


def test_a_batch_may_exceed_an_epoch(footages):
    numbers = batches(footages, shape=replace(SHAPE, images=13)).image_numbers(2)  # 26…38 of a row of epochs
    assert (np.sort(numbers[4:9]) == np.arange(5)).all()
    assert len(numbers) == 13


def test_a_batch_depends_on_seed_and_number_only(footages):
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


def test_columns_of_a_batch(footages):
    batch = batches(footages, shape=replace(SHAPE, images=5), augmentation=NO_AUGMENTATION)(0)
    assert sorted(batch["row"][batch["mask"]].tolist()) == [0, 1, 3, 4, 5, 6]
    assert batch["ignore"].any(dim=2).any(dim=1).sum() == 1
    identities = LabelledImages.from_footages(footages).identity[batch["row"][batch["mask"]]]
    assert (batch["identity"][batch["mask"]].numpy() == identities).all()
    assert batch["heat"].shape == (5, 1, 16, 24)


@pytest.mark.parametrize(("settings", "message"), [({"size_hw": (600, 1088)}, "1088×600"), ({"images": 0}, "0 images")])
def test_invalid_shapes_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ImageBatchShape(**settings)


def test_mosaics_combine_images(footages):
    settings = replace(ImageAugmentation(), mosaic=1)
    batch = batches(footages, shape=replace(SHAPE, images=8), augmentation=settings)(0)
    rows = [set(row[mask].tolist()) for row, mask in zip(batch["row"], batch["mask"], strict=True)]
    sources = [{(0, 0, 0, 1, 1, 2, 3)[row] for row in some} for some in rows]
    assert max(map(len, sources)) >= 2


def test_an_unreadable_image_is_an_error(damaged):
    with pytest.raises(UserError, match=r"2\.jpg: it is damaged"):
        LabelledImages.from_footages(damaged)[1]
    with pytest.raises(UserError, match=r"3\.jpg: No such file"):
        LabelledImages.from_footages(damaged)[2]
    with BatchPrefetcher(batches(damaged), workers=2) as ahead, pytest.raises(UserError, match=r"[23]\.jpg"):
        [ahead(step) for step in range(3)]


def test_unreadable_images_are_skipped_with_one_warning_each(damaged, caplog):
    left, again = batches(damaged, skip_unreadable=True), batches(damaged, skip_unreadable=True)
    with caplog.at_level(logging.WARNING, "idfree"):
        made = [left(step) for step in range(15)]
    messages = sorted(record.getMessage() for record in caplog.records)
    assert len(messages) == 2
    assert "2.jpg" in messages[0]
    assert messages[1].endswith("No such file or directory; the image is left out")
    assert all(len(batch["image"]) == 2 for batch in made)
    assert same(made[11], again(11))  # independent of earlier batches


def test_no_readable_image_is_an_error(damaged):
    only = replace(damaged[0], image=lambda frame: read_image("nowhere.jpg"))
    with pytest.raises(UserError, match=r"10 images in a row cannot be read; the last: .*nowhere\.jpg"):
        batches([only], skip_unreadable=True)(0)


def test_parts_of_processes_make_the_whole_batch(footages):
    shape = replace(SHAPE, images=4)
    whole = batches(footages, shape=shape)(3)
    parts = [batches(footages, shape=shape, rank_world=(rank, 2))(3) for rank in (0, 1)]
    for name in ("image", "heat", "ignore"):
        together = torch.stack([part[name] for part in parts], dim=1).flatten(0, 1)  # 0, 2 and 1, 3 in turn
        assert torch.equal(together, whole[name])
    with pytest.raises(UserError, match="batches of 4 images for 3 processes: expected a multiple of it"):
        batches(footages, shape=shape, rank_world=(0, 3))
