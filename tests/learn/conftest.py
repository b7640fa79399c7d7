"""A made-up world: people who are stripes of colour, seen in tracklets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SIZE_HW = (32, 16)  # a quarter of what the network `striped` takes: tests are in a hurry


@dataclass(frozen=True)
class MadeUp:
    """What the package's CropSet is, as far as training asks; `person` (K,) is the truth."""

    crops: NDArray[np.uint8]
    tracklet: NDArray[Any]
    frame: NDArray[Any]
    video: NDArray[Any]
    person: NDArray[Any]
    identities: bool = False


def people(tracklets: int = 8, length: int = 9, people: int = 4, size_hw: tuple[int, int] = SIZE_HW) -> MadeUp:
    """Tracklets of `length` frames; `people` of them at a time, again and again, each in clothes of its own.

    The light on each crop differs more than the clothes do: an untrained network is easily misled.
    """
    random = np.random.default_rng(7)
    colours = random.uniform(88, 168, (people, 4, 3))
    tracklet = np.repeat(np.arange(tracklets), length)
    person = tracklet % people
    height, width = size_hw
    clothes = np.repeat(colours[person], height // 4, axis=1)[:, :, None]  # K H 1 3
    light = random.normal(0, 60, (len(person), 1, 1, 1))
    crops = clothes + light + random.normal(0, 25, (len(person), height, width, 3))
    frame = tracklet // people * (length + 5) + np.tile(np.arange(length), tracklets) + 1
    return MadeUp(crops.clip(0, 255).astype(np.uint8), tracklet, frame, np.zeros_like(tracklet), person)


@pytest.fixture(scope="session")
def crowd() -> MadeUp:
    return people()


@pytest.fixture
def one_thread() -> Any:
    """PyTorch on one thread: sums in one order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
