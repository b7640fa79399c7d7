"""Crops in files give the same as crops in memory, without being read before they are indexed."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.stored_crops import CropFile, StoredCrops, concatenate, select

COUNTS = (3, 0, 5, 1)  # crops of each file


def crop_set(count, seed=0, size_hw=(8, 4)):
    crops = np.random.default_rng(seed).integers(0, 256, (count, *size_hw, 3), dtype=np.uint8)
    numbers = np.arange(count)
    return CropSet(crops, numbers, numbers, np.zeros_like(numbers), np.zeros((count, 4)))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same crops in memory and in files."""
    folder, sets = tmp_path_factory.mktemp("crops"), [crop_set(count, count) for count in COUNTS]
    for n, crops in enumerate(sets):
        crops.save(folder / f"{n}.npz")
    stored = concatenate([CropSet.open(folder / f"{n}.npz").crops for n in range(len(sets))])
    assert isinstance(stored, StoredCrops)
    return concatenate([crops.crops for crops in sets]), stored


def test_they_have_the_shape_of_an_array(both):
    array, stored = both
    assert (stored.shape, stored.ndim, stored.dtype, len(stored)) == (array.shape, 4, array.dtype, len(array))
    np.testing.assert_array_equal(np.asarray(stored), array)


@given(st.lists(st.integers(-9, 8), max_size=12))
@settings(max_examples=60, derandomize=True)
def test_rows_in_any_order(both, rows):
    array, stored = both
    key = np.array(rows, dtype=np.int64)
    np.testing.assert_array_equal(stored[key], array[key])
    np.testing.assert_array_equal(select(stored, key)[:], select(array, key))
    np.testing.assert_array_equal(select(select(stored, key), slice(1, None, 2))[:], array[key][1::2])


@pytest.mark.parametrize(
    "key", [slice(None), slice(2, 6), slice(None, None, -2), slice(4, 4), 0, -1, np.arange(9) % 2 == 1]
)
def test_keys_of_arrays(both, key):
    array, stored = both
    np.testing.assert_array_equal(stored[key], array[key])


def test_with_arrays_they_become_one_array(both):
    array, stored = both
    np.testing.assert_array_equal(concatenate([array[:2], stored]), np.concatenate([array[:2], array]))
    assert len(concatenate([StoredCrops([])])) == 0


def test_a_set_that_is_opened_is_the_one_that_is_loaded(tmp_path):
    for crops in (crop_set(5), crop_set(0)):
        crops.save(tmp_path / "crops.npz")
        loaded, opened = CropSet.load(tmp_path / "crops.npz"), CropSet.open(tmp_path / "crops.npz")
        for name in ("crops", "tracklet", "frame", "video", "xyxy"):
            np.testing.assert_array_equal(np.asarray(getattr(opened, name)), getattr(loaded, name))


def test_sizes_must_agree(tmp_path):
    for n, size in enumerate([(8, 4), (4, 4)]):
        crop_set(2, size_hw=size).save(tmp_path / f"{n}.npz")
    with pytest.raises(UserError, match=r"crops of different sizes: \(4, 4, 3\), \(8, 4, 3\)"):
        concatenate([CropSet.open(tmp_path / f"{n}.npz").crops for n in (0, 1)])


def test_damaged_and_other_files_are_refused(tmp_path):
    crop_set(50).save(path := tmp_path / "crops.npz")
    whole = path.read_bytes()
    columns = {name: getattr(crop_set(2), name) for name in ("crops", "tracklet", "frame", "video", "xyxy")}
    np.savez_compressed(tmp_path / "compressed.npz", identities=np.array(False), **columns)
    np.savez(tmp_path / "float.npz", identities=np.array(False), **{**columns, "crops": np.zeros((2, 8, 4, 3))})
    for name in ("compressed", "float"):
        with pytest.raises(UserError, match=rf"{name}\.npz: is no set of crops written by idfree"):
            CropSet.open(tmp_path / f"{name}.npz")
    for content in (b"", whole[:100], whole[:-1000], b"?" * 2000):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"crops\.npz: is no set of crops written by idfree"):
            CropSet.open(path)
    with pytest.raises(UserError, match=r"none\.npz: cannot be read: No such file"):
        CropSet.open(tmp_path / "none.npz")


def test_files_that_change_while_they_are_in_use(tmp_path):
    crop_set(50).save(path := tmp_path / "crops.npz")
    crops = CropSet.open(path).crops
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"crops\.npz was changed while it was in use: run the same command again"):
        crops[[40]]
    path.unlink()
    with pytest.raises(UserError, match=r"crops\.npz: cannot be read: No such file"):
        crops[[40]]


def test_opening_reads_no_crops(tmp_path):
    crop_set(400, size_hw=(64, 32)).save(tmp_path / "crops.npz")
    tracemalloc.start()
    crops = CropSet.open(tmp_path / "crops.npz").crops
    half = concatenate([crops, crops]).take(np.arange(800) % 2 == 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert half.shape == (400, 64, 32, 3)
    assert peak < 400 * 64 * 32 * 3 / 4
    assert CropFile.find(tmp_path / "crops.npz").shape == (400, 64, 32, 3)
