"""Batches of pictures with what a one-shot network should make of them."""

import logging
import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Integers
from idfree.learn import Tensors
from idfree.learn.data.labelled_images import LabelledImage, LabelledImages
from idfree.learn.data.targets import targets
from idfree.learn.data.warp import ImageAugmentation, mosaic, vary

LOG = logging.getLogger("idfree")

ORDER, PICTURE = 0, 1  # what a stream of random numbers is for
COARSEST = 32  # px to a cell of the coarsest map of any backbone
TRIES = 10  # pictures in place of one that cannot be read, before it is said that something is wrong


@dataclass(frozen=True)
class ImageBatchShape:
    """How many pictures, and of what size (height, width); the stride of the maps; 4 distances or 2 sides to a box."""

    pictures: int = 12
    size_hw: tuple[int, int] = (608, 1088)
    stride: int = 4
    sides: Literal[2, 4] = 4

    def __post_init__(self) -> None:
        if self.pictures < 1:
            raise ValueError(f"a batch of {self.pictures} pictures, expected 1 or more")
        if min(self.size_hw) < COARSEST or any(side % COARSEST for side in self.size_hw):
            raise ValueError(f"pictures of {self.size_hw[1]}×{self.size_hw[0]}, expected multiples of {COARSEST}")


class ImageBatches:
    """Batch n of a run: drawn by the seed and n alone, so that a run resumed at n goes on as if it had never stopped.

    Every picture comes up once an epoch, in a new order each; a batch may begin in one epoch and end in the next.
    `batches(n)`: see `targets`. augmentation: ImageAugmentation's defaults if None.
    skip: a picture that cannot be read is replaced by another, with a warning; otherwise it raises UserError.
    share: the rank of this process and how many there are: every how many-th picture of a batch is this one's.
    Raises UserError where a batch cannot be shared evenly.
    """

    def __init__(
        self,
        scenes: LabelledImages,
        shape: ImageBatchShape,
        seed: int = 0,
        augmentation: ImageAugmentation | None = None,
        skip: bool = False,
        share: tuple[int, int] = (0, 1),
    ):
        if shape.pictures % share[1]:
            raise UserError(f"batches of {shape.pictures} pictures for {share[1]} processes: expected a multiple of it")
        self.scenes, self.shape, self.seed, self.skip, self.share = scenes, shape, seed, skip, share
        self.augmentation = augmentation or ImageAugmentation()
        self.unreadable: set[int] = set()
        self.lock = threading.Lock()

    def __call__(self, step: int) -> Tensors:
        return targets(self.varied(step), self.scenes, self.shape.stride, self.shape.sides)

    @property
    def per_epoch(self) -> int:
        """How many batches show every picture once."""
        return -(-len(self.scenes) // self.shape.pictures)

    def varied(self, step: int) -> list[LabelledImage]:
        """The scenes of a batch as the network will see them."""
        return [self.one(*each) for each in zip(self.numbers(step).tolist(), self.streams(step), strict=True)]

    def places(self, step: int) -> Integers:
        """(B,) the pictures of its share of a batch, counted from the first of the run."""
        rank, world = self.share
        return step * self.shape.pictures + np.arange(rank, self.shape.pictures, world)

    def streams(self, step: int) -> list[np.random.Generator]:
        """B sources of random numbers, one for each picture of a batch."""
        return [np.random.default_rng([self.seed, PICTURE, place]) for place in self.places(step).tolist()]

    def numbers(self, step: int) -> Integers:
        """(B,) the pictures of a batch: the next ones of a row of permutations."""
        epoch, nth = np.divmod(self.places(step), len(self.scenes))
        epochs, which = np.unique(epoch, return_inverse=True)
        order = [np.random.default_rng([self.seed, ORDER, e]).permutation(len(self.scenes)) for e in epochs]
        return np.stack(order)[which, nth]

    def one(self, number: int, random: np.random.Generator) -> LabelledImage:
        """A picture, varied; or, as often as the settings say, four in one."""
        settings, size_hw = self.augmentation, self.shape.size_hw
        if random.random() < settings.mosaic:
            four = [number, *random.integers(len(self.scenes), size=3).tolist()]
            return mosaic([self.read(each, random) for each in four], size_hw, random, settings)
        return vary(self.read(number, random), size_hw, random, settings)

    def read(self, number: int, random: np.random.Generator) -> LabelledImage:
        """A picture, or with `skip`, where it cannot be read, another. Raises UserError naming the file."""
        return self.found(number, random)[1]

    def found(self, number: int, random: np.random.Generator) -> tuple[int, LabelledImage]:
        """As `read`, with the number of the picture that it is."""
        for _ in range(TRIES):
            try:
                return number, self.scenes[number]
            except UserError as error:
                if not self.skip:
                    raise
                reason = self.leave_out(number, error)
            number = int(random.integers(len(self.scenes)))
        raise UserError(f"{TRIES} pictures in a row cannot be read; the last: {reason}")

    def leave_out(self, number: int, reason: UserError) -> UserError:
        """Say once of each picture that it is left out, and why; gives the reason back."""
        with self.lock:
            known = number in self.unreadable
            self.unreadable.add(number)
        if not known:
            LOG.warning("%s; the picture is left out", reason)
        return reason
