"""What a training method of one-shot trackers consists of, and the parts that all of them share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from torch import Tensor, nn

from idfree.datasets.footage import Footage
from idfree.learn.data.batch_source import BatchSource
from idfree.learn.data.image_batches import ImageBatches, ImageBatchShape
from idfree.learn.data.labelled_images import NO_LABEL, LabelledImages
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import Head, tracker_heads
from idfree.learn.networks.tracker import TrackerNetwork
from idfree.learn.networks.tracker_weights import load_tracker

S = TypeVar("S", bound=OneShotSettings)


@dataclass(frozen=True)
class Method(Generic[S]):
    """A training method of one-shot trackers: a detector with an embedding head.

    network: makes the network, from settings and number of categories. objective: makes the objective, from settings
    and dataset. batches: makes this process's part of every batch, from settings, dataset and (rank, world size).
    uses_identities: whether identity labels are kept; they are removed otherwise. needs_teacher: whether
    `LabelledImages.teacher` is required. load_weights: loads initial weights, see `load_tracker`.
    """

    name: str
    settings: type[S]
    network: Callable[[S, int], TrackerNetwork]
    objective: Callable[[S, LabelledImages], nn.Module]
    batches: Callable[[S, LabelledImages, tuple[int, int]], BatchSource]
    uses_identities: bool = False
    needs_teacher: bool = False
    load_weights: Callable[[nn.Module, str, Mapping[str, Tensor], str], list[str]] = load_tracker

    def dataset(self, footages: Sequence[Footage], classes: Sequence[str]) -> LabelledImages:
        """The images of the footages, without identity labels if the method does not use them. Raises UserError."""
        dataset = LabelledImages.from_footages(footages, tuple(range(len(classes))) if len(classes) > 1 else ())
        return dataset if self.uses_identities else replace(dataset, identity=np.full_like(dataset.identity, NO_LABEL))


def centre_network(
    settings: OneShotSettings, categories: int, more_heads: dict[str, Head] | None = None
) -> CentreNetwork:
    """FairMOT's network (Zhang 2020, fig. 1), with `more_heads` besides its own."""
    heads = tracker_heads(categories, settings.dimension, settings.sides) | (more_heads or {})
    return CentreNetwork(make_backbone(settings.backbone, settings.stride), heads, settings.pixels)


def image_batches(
    settings: OneShotSettings,
    dataset: LabelledImages,
    rank_world: tuple[int, int],
    shape: ImageBatchShape | None = None,
) -> ImageBatches:
    """Batches of single augmented images, in which others replace unreadable ones.

    shape: that of the settings if None. Raises UserError as ImageBatches.
    """
    return ImageBatches(
        dataset,
        shape or settings.batch_shape(),
        settings.seed,
        settings.augmentation,
        skip_unreadable=True,
        rank_world=rank_world,
    )
