"""How often the nearest neighbour in another frame is the same person, with and without augmentation.

Matching (outrack, cycas) pulls nearest neighbours of two frames together, so that each wrong one is a wrong positive
pair. Identities are used to count them, not to train.
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
# augmentation of the two frames: none, each its own, both the same
VARIED = {"as filmed": (True, False), "varied": (False, False), "varied alike": (False, True)}


def matches(network, footages, settings):
    """{"matched NAME": share of people whose nearest neighbour is themselves}, mean over the videos."""
    videos = [footage for footage in footages if footage.is_sequence]
    return {
        f"matched {name}": float(np.mean([matched(network, video, settings, *how) for video in videos]))
        for name, how in VARIED.items()
    }


def matched(network, footage, settings, still, alike):
    """The share in one video, of the people who are in both frames."""
    scenes, right, all_of_them = LabelledImages.from_footages([footage]), 0, 0
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
        all_of_them += np.count_nonzero(both)
    return right / all_of_them


def nearest(network, batch):
    """(N,) for each person of the first frame, which of the second has the most similar embedding."""
    device = next(network.parameters()).device
    with torch.inference_mode(), autocast("auto", device):
        embedding = network({name: column.to(device) for name, column in batch.items()})["embedding"]
    pairs = Pairs.from_batch({"embedding": embedding.float().cpu()}, batch)
    here, there = pairs.mask[0]
    one, two = pairs.unit_embedding[0].split(pairs.mask.shape[2])
    return (one[here] @ two[there].mT).argmax(dim=1).numpy()
