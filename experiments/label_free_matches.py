"""Accuracy of nearest neighbours between two frames, with and without augmentation, for label_free.py.

The matching losses of outrack and cycas train nearest neighbours as positive pairs, so each wrong one is a wrong label.
Identities are used to evaluate, not to train.
"""

from dataclasses import replace

import numpy as np
import torch

from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.views import FramePairs, FramePairsSettings
from idfree.learn.data.warp import NO_AUGMENTATION
from idfree.learn.objectives.pairs import Pairs
from idfree.learn.schedule import autocast

PAIRS = 8  # of frames of each video, at most 20 apart
AUGMENTATIONS = {  # of the two frames: whether there is none, whether both get the same
    "not augmented": (True, False),
    "augmented independently": (False, False),
    "augmented alike": (False, True),
}


def matching_accuracy(network, footages, settings):
    """Share of people whose nearest neighbour has their identity, by augmentation, mean over the videos."""
    videos = [footage for footage in footages if footage.is_sequence]
    return {
        name: float(np.mean([accuracy(network, video, settings, *how) for video in videos]))
        for name, how in AUGMENTATIONS.items()
    }


def accuracy(network, footage, settings, still, alike):
    """The share in one video, of the people who are in both frames."""
    scenes, right, total = LabelledImages.from_footages([footage]), 0, 0
    shape, augmentation = replace(settings.batch_shape(), images=1), NO_AUGMENTATION if still else settings.augmentation
    pairs = FramePairs(
        ImageBatches(scenes, shape, augmentation=augmentation), FramePairsSettings(negatives=0, alike=alike)
    )
    for step in range(PAIRS):
        batch = pairs(step)
        first, second = nearest(network, batch), scenes.identity[batch["row"][1][batch["mask"][1]]]
        own = scenes.identity[batch["row"][0][batch["mask"][0]]]
        both = np.isin(own, second)
        right += np.count_nonzero(second[first[both]] == own[both])
        total += np.count_nonzero(both)
    return right / total


def nearest(network, batch):
    """(N,) for each person of the first frame, the index of the most similar embedding in the second."""
    device = next(network.parameters()).device
    with torch.inference_mode(), autocast("auto", device):
        embedding = network({name: column.to(device) for name, column in batch.items()})["embedding"]
    pairs = Pairs.from_batch({"embedding": embedding.float().cpu()}, batch)
    here, there = pairs.mask[0]
    one, two = pairs.unit_embedding[0].split(pairs.mask.shape[2])
    return (one[here] @ two[there].mT).argmax(dim=1).numpy()
