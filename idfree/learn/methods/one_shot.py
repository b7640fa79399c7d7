"""What one-shot trackers have in common: how a run is set up, gone through and written; a method is how they differ.

Where nothing else is said, defaults are FairMOT's (Zhang 2020, sec. 5.2, and its public code).
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import nn

from idfree.core.errors import UserError
from idfree.core.version import __version__
from idfree.learn import Tensors
from idfree.learn.checkpoint import load, product, save_product
from idfree.learn.data.image_batches import ImageBatchShape
from idfree.learn.data.labelled_images import NOBODY, Footage, LabelledImages
from idfree.learn.data.prefetch import BatchPrefetcher
from idfree.learn.data.warp import ImageAugmentation
from idfree.learn.devices import threads
from idfree.learn.export_tracker import export_tracker
from idfree.learn.fit import Progress, Validation, fit
from idfree.learn.log import recent
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import CentreNetwork, Pixels
from idfree.learn.networks.heads import tracker_heads
from idfree.learn.networks.tracker_weights import load_tracker
from idfree.learn.networks.weights import read_weights
from idfree.learn.objectives.balance import Weighting
from idfree.learn.parallel import Distributed
from idfree.learn.schedule import Optimiser, Precision, Schedule, Shape
from idfree.learn.training import Metrics, Training

LOG = logging.getLogger("idfree")

PEOPLE = ("person",)
BEST, MODEL = "best.pt", "model.onnx"
ALIKE = 0.95  # cosine of two people on average; untrained networks are at 0.5, trained ones below 0.3
DISTANCES = ("limit", "farthest")  # between embeddings, as View has them


@dataclass(frozen=True)
class OneShotSettings:
    """size: WIDTHxHEIGHT of the picture that the network sees, multiples of 32. sides: 4 distances to the sides of a
    box, or 2, width and height. batch: pictures, of all processes together. drops: the shares of all epochs after which
    the learning rate falls to a tenth. init: a file of weights to begin with; those from ImageNet want pixels=imagenet.
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
    schedule: Shape = "steps"
    first_drop: float = 20 / 30
    second_drop: float = 27 / 30
    warm_up: int = 0  # iterations
    clip: float = 35.0  # (MMDetection's configuration of CenterNet)
    ema: float = 0.0  # of the weights; 0: none
    balance: Weighting = "learned"
    precision: Precision = "auto"
    seed: int = 0
    threads: int | None = None
    save_every: int = 100  # iterations
    augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)

    def __post_init__(self) -> None:
        for name in ("dimension", "epochs", "batch", "lr", "clip", "threads", "save_every"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}, expected more than 0")
        if not (0 <= self.ema < 1 and self.warm_up >= 0):
            raise ValueError(f"ema is {self.ema} and warm_up {self.warm_up}, expected 0…1 and 0 or more")
        if isinstance(self.augmentation.flip, str):  # as read from augmentation=…
            raise ValueError("augmentation is changed by augmentation.NAME=VALUE")
        self.shape()

    def shape(self) -> ImageBatchShape:
        """What batches look like. Raises ValueError."""
        if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", self.size):
            raise ValueError(f"size is {self.size}, expected WIDTHxHEIGHT, such as 1088x608")
        width, height = map(int, self.size.split("x"))
        if self.sides not in (2, 4):
            raise ValueError(f"sides is {self.sides}, expected 4 or 2")
        return ImageBatchShape(self.batch, (height, width), self.stride, 4 if self.sides == 4 else 2)

    def plan(self, per_epoch: int) -> Schedule:
        """The schedule, where that many batches are an epoch."""
        return Schedule(
            iterations=self.epochs * per_epoch,
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


class BatchSource(Protocol):
    """Batch n of a run; so many of them show every picture once."""

    @property
    def per_epoch(self) -> int: ...
    def __call__(self, step: int) -> Tensors: ...


S = TypeVar("S", bound=OneShotSettings)


@dataclass(frozen=True)
class Method(Generic[S]):
    """A way to learn a one-shot tracker.

    network: of so many categories. objective, batches: from scenes; the latter for a share (rank, world) of each batch.
    identities: the method may see who is who; otherwise its scenes do not say.
    """

    name: str
    settings: type[S]
    network: Callable[[S, int], CentreNetwork]
    objective: Callable[[S, LabelledImages], nn.Module]
    batches: Callable[[S, LabelledImages, tuple[int, int]], BatchSource]
    identities: bool = False

    def scenes(self, footages: Sequence[Footage], classes: Sequence[str]) -> LabelledImages:
        """The footages as the method may see them."""
        scenes = LabelledImages.of(footages, tuple(range(len(classes))) if len(classes) > 1 else ())
        return scenes if self.identities else replace(scenes, identity=np.full_like(scenes.identity, NOBODY))


@dataclass(frozen=True)
class ValidationPlan:
    """How a network is judged on its way: by which figures, which of them is to be high, after how many epochs each.

    judge: of a network (a CentreNetwork) and what is to be known of it (see `facts`). DISTANCES, if among the figures, become
    the model's.
    """

    judge: Callable[[nn.Module, dict[str, str]], Metrics]
    by: str = "IDF1"
    epochs: int = 1

    def validation(self, known: dict[str, str], per_epoch: int) -> Validation:
        """The same, counted in iterations."""
        return Validation(lambda network: self.judge(network, known), self.by, self.epochs * per_epoch)


def centre(settings: OneShotSettings, categories: int) -> CentreNetwork:
    """The network of Zhang 2020, fig. 1."""
    heads = tracker_heads(categories, settings.dimension, settings.sides)
    return CentreNetwork(make_backbone(settings.backbone, settings.stride), heads, settings.pixels)


def train(
    method: Method[S],
    footages: Sequence[Footage],
    settings: S,
    run: Path,
    *,
    device: torch.device,
    resume: bool = False,
    progress: Progress | None = None,
    judging: ValidationPlan | None = None,
    classes: Sequence[str] = PEOPLE,
    trained_on: str = "",
    workers: int = 0,
    share: Distributed | None = None,
) -> Path:
    """Train on labelled pictures; gives the path of RUN/model.onnx, which the first process alone writes.

    Writes RUN/settings.json, metrics.jsonl, events.out.tfevents.…, last.pt, best.pt and model.onnx; without a judging,
    the best network is the last. classes: names of the footages' class numbers. trained_on: a notice about the data.
    workers: threads that prepare batches. Raises UserError as `fit`, and where there is nothing to learn from.
    """
    share = share or Distributed()
    scenes = method.scenes(footages, classes)
    batches = method.batches(settings, scenes, (share.rank, share.world))
    said = words(method, settings, scenes, classes, trained_on)
    said["validation"] = None if judging is None else {"by": judging.by, "epochs": judging.epochs}
    with threads(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = begun(method, settings, scenes.categories)
        objective = method.objective(settings, scenes)
        training = Training(network, objective, settings.plan(batches.per_epoch), said, device, share)
        validation = judging.validation(facts(said), batches.per_epoch) if judging else None
        with BatchPrefetcher(batches, workers, training.schedule.iterations) as ahead:
            fit(training, ahead, run, resume, progress, validation, events=True)
        if share.first and judging is None:
            save_product(training, run / BEST, {})
    if share.first:
        warn_of_collapse(run)
        export(*opened(method, load(run / BEST)), run / MODEL)
    return run / MODEL


def warn_of_collapse(run: Path) -> None:
    """Say so where everybody looks alike in the end: the one solution that costs triplets no more than their margin."""
    alike = recent(run, "similarity_other")
    if alike is not None and alike > ALIKE:
        LOG.warning(
            "%s: to this network two people look %.3f alike, of at most 1: it has collapsed, and its looks are worth"
            " nothing; a lower lr, objective=triplet-all or objective=nt-xent may help (Hermans 2017)",
            run,
            alike,
        )


def words(
    method: Method[S], settings: S, scenes: LabelledImages, classes: Sequence[str], trained_on: str
) -> dict[str, Any]:
    """What a run is asked for, and what it learns from, as its checkpoints and settings.json say it."""
    said = {"idfree": __version__, "method": method.name, **asdict(settings), "classes": list(classes)}
    return said | {"data": scenes.fingerprint(), "trained_on": trained_on}


def begun(method: Method[S], settings: S, categories: int) -> CentreNetwork:
    """The network before its first iteration. Raises UserError where the weights to begin with are another's."""
    network = method.network(settings, categories)
    if settings.init:
        for told in load_tracker(network, settings.backbone, read_weights(settings.init), settings.init):
            LOG.warning("%s", told)
    return network


def facts(said: Mapping[str, Any], figures: Mapping[str, float] | None = None) -> dict[str, str]:
    """What is to be known of a network by whoever uses it: method, size HEIGHTxWIDTH, names of its classes, what it was
    trained on, and DISTANCES if they were found.
    """
    known = {
        "method": said["method"],
        "size": "x".join(said["size"].split("x")[::-1]),
        "names": repr(dict(enumerate(said["classes"]))),
        "trained_on": said["trained_on"],
    }
    return known | {name: repr(figures[name]) for name in DISTANCES if figures and name in figures}


def opened(method: Method[S], state: Mapping[str, Any]) -> tuple[CentreNetwork, S, dict[str, str]]:
    """The network of a checkpoint that was loaded, the settings it was made by, and its facts. Raises UserError."""
    said = state["settings"]
    known = {each.name: said[each.name] for each in fields(method.settings) if each.name in said}
    settings = method.settings(**{**known, "augmentation": ImageAugmentation(**said["augmentation"])})
    network = method.network(settings, len(said["classes"]))
    try:
        network.load_state_dict(product(state))
    except RuntimeError as error:
        version = said["idfree"]
        raise UserError(
            f"the checkpoint of idfree {version} has other weights than {settings.backbone} here"
        ) from error
    return network.eval(), settings, facts(said, state.get("figures"))


def export(network: CentreNetwork, settings: OneShotSettings, known: Mapping[str, str], path: Path) -> None:
    """Write a tracker with what is to be known of it. Raises as `export_tracker`."""
    export_tracker(network, path, known, settings.shape().size_hw)
