"""Batches of augmented images with the targets of one-shot networks."""

import logging
import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Integers
from idfree.learn.data.labelled_images import LabelledImage, LabelledImages
from idfree.learn.data.targets import make_targets
from idfree.learn.data.warp import ImageAugmentation, augment_image, make_mosaic
from idfree.learn.tensors import Tensors

LOG = logging.getLogger("idfree")

ORDER, IMAGE = 0, 1  # parts of seeds: for the order of images in an epoch, for the augmentation of an image
COARSEST_STRIDE = 32  # the largest stride in any backbone
MAX_TRIES = 10  # images tried in place of an unreadable one


@dataclass(frozen=True)
class ImageBatchShape:
    """Images per batch over all processes, their (height, width), the output stride, and the number of box targets.

    sides: 4 distances from the centre to the sides of a box, or 2: width and height. Raises ValueError.
    """

    images: int = 12
    size_hw: tuple[int, int] = (608, 1088)
    stride: int = 4
    sides: Literal[2, 4] = 4

    def __post_init__(self) -> None:
        if self.images < 1:
            raise ValueError(f"a batch of {self.images} images, expected 1 or more")
        if min(self.size_hw) < COARSEST_STRIDE or any(side % COARSEST_STRIDE for side in self.size_hw):
            raise ValueError(f"images of {self.size_hw[1]}×{self.size_hw[0]}, expected multiples of {COARSEST_STRIDE}")


class ImageBatches:
    """A BatchSource of single augmented images with their targets (see `make_targets`).

    Every epoch is a new permutation of the images; a batch may span two epochs. augmentation: the defaults of
    ImageAugmentation if None. skip_unreadable: replace unreadable images by others, with a warning, rather than raise
    UserError. rank_world: (rank, world size): this process makes images rank, rank + world, … of each batch. Raises
    UserError if the images of a batch cannot be distributed evenly.
    """

    def __init__(
        self,
        dataset: LabelledImages,
        shape: ImageBatchShape,
        seed: int = 0,
        augmentation: ImageAugmentation | None = None,
        skip_unreadable: bool = False,
        rank_world: tuple[int, int] = (0, 1),
    ):
        if shape.images % rank_world[1]:
            raise UserError(
                f"batches of {shape.images} images for {rank_world[1]} processes: expected a multiple of it"
            )
        self.dataset, self.shape, self.seed = dataset, shape, seed
        self.skip_unreadable, self.rank_world = skip_unreadable, rank_world
        self.augmentation = augmentation or ImageAugmentation()
        self.unreadable: set[int] = set()
        self.lock = threading.Lock()

    def __call__(self, step: int) -> Tensors:
        return make_targets(self.samples(step), self.dataset, self.shape.stride, self.shape.sides)

    @property
    def per_epoch(self) -> int:
        """Batches per epoch."""
        return -(-len(self.dataset) // self.shape.images)

    def samples(self, step: int) -> list[LabelledImage]:
        """The augmented images of a batch."""
        pairs = zip(self.image_numbers(step).tolist(), self.random_streams(step), strict=True)
        return [self.make_sample(number, random) for number, random in pairs]

    def positions(self, step: int) -> Integers:
        """(B,) positions of this process's images of a batch, in the sequence of all images of the run."""
        rank, world = self.rank_world
        return step * self.shape.images + np.arange(rank, self.shape.images, world)

    def random_streams(self, step: int) -> list[np.random.Generator]:
        """B random generators, one per image of a batch."""
        return [np.random.default_rng([self.seed, IMAGE, position]) for position in self.positions(step).tolist()]

    def image_numbers(self, step: int) -> Integers:
        """(B,) numbers in the dataset of the images of a batch."""
        epoch, nth = np.divmod(self.positions(step), len(self.dataset))
        epochs, index = np.unique(epoch, return_inverse=True)
        order = [np.random.default_rng([self.seed, ORDER, e]).permutation(len(self.dataset)) for e in epochs]
        return np.stack(order)[index, nth]

    def make_sample(self, number: int, random: np.random.Generator) -> LabelledImage:
        """Read and augment an image, or make a mosaic of it and three others. Raises UserError."""
        settings, size_hw = self.augmentation, self.shape.size_hw
        if random.random() < settings.mosaic:
            numbers = [number, *random.integers(len(self.dataset), size=3).tolist()]
            return make_mosaic([self.read(each, random)[1] for each in numbers], size_hw, random, settings)
        return augment_image(self.read(number, random)[1], size_hw, random, settings)

    def read(self, number: int, random: np.random.Generator) -> tuple[int, LabelledImage]:
        """Read an image; if it is unreadable, with `skip_unreadable`, a random other one. Returns number and image.

        Raises UserError that names the file.
        """
        for _ in range(MAX_TRIES):
            try:
                return number, self.dataset[number]
            except UserError as error:
                if not self.skip_unreadable:
                    raise
                reason = error
            self.warn_unreadable(number, reason)
            number = int(random.integers(len(self.dataset)))
        raise UserError(f"{MAX_TRIES} images in a row cannot be read; the last: {reason}")

    def warn_unreadable(self, number: int, reason: UserError) -> None:
        """Warn that an image is left out, once per image."""
        with self.lock:
            is_known = number in self.unreadable
            self.unreadable.add(number)
        if not is_known:
            LOG.warning("%s; the image is left out", reason)
