"""Crops in a file while a data set is read."""

import numpy as np
import pytest

from idfree.core.stored_crops import concatenate
from idfree.pipelines.labelling.crop_writer import CropWriter


def test_crops_are_read_back_and_the_file_goes(tmp_path):
    crops = np.random.default_rng(0).integers(0, 256, (7, 4, 2, 3), dtype=np.uint8)
    with CropWriter(tmp_path / "run" / "crops.bin", (4, 2)) as writer:
        writer.append(crops[:3])
        one = writer.crops_since(0)
        writer.append(crops[3:3])
        writer.append(crops[3:, ::-1][:, ::-1])
        two = writer.crops_since(3)
        np.testing.assert_array_equal(one[:], crops[:3])
        np.testing.assert_array_equal(two[[3, 0]], crops[[6, 3]])
        np.testing.assert_array_equal(concatenate([one, two])[:], crops)
        assert len(writer.crops_since(7)) == 0
    assert not list((tmp_path / "run").iterdir())


def test_the_file_goes_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), CropWriter(tmp_path / "crops.bin", (4, 2)):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
