"""Synthetic crops: people as stripes of colour, in tracklets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from idfree.core.cropset import CropSet

SIZE_HW = (32, 16)  # a quarter of the input size of the network `striped`, for speed
PEOPLE = 4


@dataclass(frozen=True)
class Crowd(CropSet):
    """Crops of PEOPLE people; tracklet t is of person t % PEOPLE."""

    @property
    def person(self) -> Any:
        """(K,) ground-truth identity."""
        return self.tracklet % PEOPLE


def make_crowd(tracklets: int = 8, length: int = 9, size_hw: tuple[int, int] = SIZE_HW) -> Crowd:
    """Tracklets of `length` frames, PEOPLE at a time, in distinct clothes.

    Illumination varies more between crops than clothes do, so that an untrained network cannot tell people apart.
    """
    random = np.random.default_rng(7)
    colours = random.uniform(88, 168, (PEOPLE, 4, 3))
    tracklet = np.repeat(np.arange(tracklets), length)
    person = tracklet % PEOPLE
    height, width = size_hw
    clothes = np.repeat(colours[person], height // 4, axis=1)[:, :, None]  # K H 1 3
    light = random.normal(0, 60, (len(person), 1, 1, 1))
    crops = clothes + light + random.normal(0, 25, (len(person), height, width, 3))
    frame = tracklet // PEOPLE * (length + 5) + np.tile(np.arange(length), tracklets) + 1
    xyxy = np.zeros((len(person), 4))
    return Crowd(crops.clip(0, 255).astype(np.uint8), tracklet, frame, np.zeros_like(tracklet), xyxy)


@pytest.fixture(scope="session")
def crowd() -> Crowd:
    return make_crowd()


@pytest.fixture
def one_thread() -> Any:
    """PyTorch on one thread, so that sums have one order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
