"""Batches of crops: number, tracklets, frames; and that batch n is always the same."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.cropset import COLUMNS, CropSet
from idfree.core.errors import UserError
from idfree.learn.data.crop_batches import CropBatches, CropBatchShape, Tracklets


def generator(seed):
    return np.random.default_rng(seed)


def test_number_of_tracklets_and_crops_per_tracklet(crowd):
    batches = CropBatches(crowd, CropBatchShape(tracklets=8, crops=4, group=3))
    rows = batches.sample_rows(generator(0))
    numbers, counts = np.unique(crowd.tracklet[rows], return_counts=True)
    assert len(numbers) == 8
    assert (counts == 4).all()


def test_crops_are_spread_over_the_tracklet(crowd):
    batches = CropBatches(crowd, CropBatchShape(tracklets=8, crops=3))
    for seed in range(5):
        rows = batches.sample_rows(generator(seed)).reshape(8, 3)
        nth = crowd.frame[rows] - batches.tracklets.first[crowd.tracklet[rows]]
        assert (nth // 3 == np.arange(3)).all()  # 9 frames: one of each 3


def test_all_crops_are_drawn(crowd):
    batches = CropBatches(crowd, CropBatchShape(tracklets=8, crops=4))
    assert len(np.unique([batches.sample_rows(generator(seed)) for seed in range(60)])) == len(crowd.tracklet)


def test_tracklets_of_a_group_coexist(crowd):
    batches = CropBatches(crowd, CropBatchShape(tracklets=8, crops=1, group=3))
    for group in batches.sample_groups(generator(3)):
        first, last = batches.tracklets.first[group], batches.tracklets.last[group]
        assert len(group) <= 3
        assert first.max() <= last.min()


def test_with_fewer_tracklets_than_requested_all_are_drawn_once(crowd):
    batches = CropBatches(crowd, CropBatchShape(tracklets=99, crops=2))
    assert (np.bincount(crowd.tracklet[batches.sample_rows(generator(0))]) == 2).all()


def test_crops_of_a_short_tracklet_repeat(crowd):
    short = replace(crowd, **{name: getattr(crowd, name)[::5] for name in COLUMNS})
    rows = CropBatches(short, CropBatchShape(tracklets=8, crops=4)).sample_rows(generator(0)).reshape(8, 4)
    assert (np.diff(short.frame[rows], axis=1) >= 0).all()
    counts = np.bincount(short.tracklet)
    assert [len(set(row)) for row in rows] == counts[short.tracklet[rows[:, 0]]].tolist()


def test_a_batch_depends_on_seed_and_number_only(crowd):
    shape = CropBatchShape(tracklets=4, crops=2)
    one, two, other = CropBatches(crowd, shape, 1), CropBatches(crowd, shape, 1), CropBatches(crowd, shape, 2)
    one(0)
    for name, column in one(5).items():
        assert torch.equal(column, two(5)[name])
    assert not torch.equal(one(5)["crops"], one(6)["crops"])
    assert not torch.equal(one(5)["crops"], other(5)["crops"])


def test_columns_of_a_batch(crowd):
    batch = CropBatches(crowd, CropBatchShape(tracklets=6, crops=2))(0)
    assert batch["crops"].shape == (12, 3, *crowd.crops.shape[1:3])
    assert batch["crops"].dtype == torch.float32
    tracklet = batch["tracklet"].numpy()
    for i in range(12):
        frames = crowd.frame[crowd.tracklet == tracklet[i]]
        assert (batch["first"][i], batch["last"][i], batch["video"][i]) == (frames.min(), frames.max(), 0)


def test_order_of_crops_in_the_set_does_not_matter(crowd):
    order = np.random.default_rng(0).permutation(len(crowd.tracklet))
    shuffled = replace(crowd, **{name: getattr(crowd, name)[order] for name in COLUMNS})
    shape = CropBatchShape(tracklets=4, crops=2)
    assert torch.equal(CropBatches(crowd, shape)(3)["crops"], CropBatches(shuffled, shape)(3)["crops"])


def test_crops_in_a_file_give_the_same(crowd, tmp_path):
    crowd.save(tmp_path / "crops.npz")
    shape = CropBatchShape(tracklets=4, crops=2)
    one, other = (CropBatches(crops, shape) for crops in (crowd, CropSet.open(tmp_path / "crops.npz")))
    assert torch.equal(one(3)["crops"], other(3)["crops"])
    assert one.fingerprint() == other.fingerprint()


def test_true_identities_are_all_negatives(crowd):
    people = replace(crowd, identities=True, frame=np.full_like(crowd.frame, -1), tracklet=crowd.person)
    tensors = Tracklets.from_crops(people).tensors()
    assert tensors["video"].tolist() == [0, 1, 2, 3]
    assert len(CropBatches(people, CropBatchShape(tracklets=4, crops=3))(0)["crops"]) == 12


def test_one_tracklet_is_refused(crowd):
    with pytest.raises(UserError, match="two or more"):
        CropBatches(replace(crowd, tracklet=np.zeros_like(crowd.tracklet)), CropBatchShape())
