"""Settings common to the one-shot methods. Defaults are FairMOT's (Zhang 2020, sec. 5.2, and its public code)."""

import re
from dataclasses import dataclass, field

from idfree.learn.data.image_batches import ImageBatchShape
from idfree.learn.data.warp import ImageAugmentation
from idfree.learn.networks.tracker import Pixels
from idfree.learn.objectives.balance import Weighting
from idfree.learn.schedule import Optimiser, Precision, RateShape, Schedule

LONGEST_SIDE, MOST_IMAGES = 16_384, 100_000  # of the input, per iteration; larger values are taken for typing errors


@dataclass(frozen=True)
class OneShotSettings:
    """size: WIDTHxHEIGHT of the network's input, multiples of 32. stride: of the output maps. sides: 4 regresses the
    distances from the centre to the sides of a box, 2 its width and height. dimension: of the embedding. pixels:
    standardisation, `unit` (0…1) or `imagenet`. init: a file of initial weights; those of ImageNet need
    pixels=imagenet. batch: images per batch, over all processes. schedule: form of the learning rate schedule;
    first_drop, second_drop: fractions of the epochs after which `steps` divides the rate by 10. balance: weighting of
    detection and appearance (see `LossBalance`). freeze: comma-separated names of parts that are not trained, such as
    `backbone` or `heads.heat`. accumulate: batches per iteration (gradient accumulation, see
    `idfree.learn.accumulation`). sync_norm: batch norm over all processes. threads: of the CPU, PyTorch's default if
    None. Raises ValueError.
    """

    backbone: str = "dla34"
    size: str = "1088x608"
    stride: int = 4
    sides: int = 4
    dimension: int = 128
    pixels: Pixels = "unit"
    init: str | None = None
    epochs: int = 30
    batch: int = 12
    lr: float = 1e-4
    optimiser: Optimiser = "adam"
    schedule: RateShape = "steps"
    first_drop: float = 20 / 30
    second_drop: float = 27 / 30
    warm_up: int = 0  # iterations
    clip: float = 35.0  # maximum gradient norm (MMDetection's configuration of CenterNet)
    ema: float = 0.0  # decay of the moving average of the weights; 0: none
    balance: Weighting = "learned"
    precision: Precision = "auto"
    seed: int = 0
    threads: int | None = None
    save_every: int = 100  # iterations
    freeze: str | None = None
    accumulate: int = 1
    sync_norm: bool = False
    augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)

    def __post_init__(self) -> None:
        for name in ("dimension", "epochs", "batch", "lr", "clip", "threads", "save_every", "accumulate"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}, expected more than 0")
        if not (0 <= self.ema < 1 and self.warm_up >= 0):
            raise ValueError(f"ema is {self.ema} and warm_up {self.warm_up}, expected 0…1 and 0 or more")
        if isinstance(self.augmentation.flip, str):  # as read from augmentation=…
            raise ValueError("augmentation is changed by augmentation.NAME=VALUE")
        self.batch_shape()

    def batch_shape(self) -> ImageBatchShape:
        """Number and size of the images of an iteration, and the layout of its targets. Raises ValueError."""
        if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", self.size):
            raise ValueError(f"size is {self.size}, expected WIDTHxHEIGHT, such as 1088x608")
        width, height = map(int, self.size.split("x"))
        if max(width, height) > LONGEST_SIDE:
            raise ValueError(f"size is {self.size}, expected {LONGEST_SIDE} px a side at most")
        if self.batch * self.accumulate > MOST_IMAGES:
            raise ValueError(
                f"batch times accumulate is {self.batch * self.accumulate}, expected {MOST_IMAGES} at most"
            )
        if self.sides not in (2, 4):
            raise ValueError(f"sides is {self.sides}, expected 4 or 2")
        return ImageBatchShape(self.batch * self.accumulate, (height, width), self.stride, 4 if self.sides == 4 else 2)

    @property
    def frozen_parts(self) -> list[str]:
        """The names in `freeze`."""
        return [name.strip() for name in (self.freeze or "").split(",") if name.strip()]

    def make_schedule(self, batches_per_epoch: int) -> Schedule:
        """The optimisation schedule in iterations."""
        return Schedule(
            iterations=self.epochs * batches_per_epoch,
            lr=self.lr,
            decay=0.0,
            clip=self.clip,
            precision=self.precision,
            save_every=self.save_every,
            optimiser=self.optimiser,
            shape=self.schedule,
            drops=(self.first_drop, self.second_drop),
            warm_up=self.warm_up,
            ema=self.ema,
        )
