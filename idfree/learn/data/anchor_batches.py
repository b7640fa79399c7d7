"""Batches of images with the anchors that a region proposal network learns from (Ren 2015, sec. 3.1)."""

import numpy as np
import torch

from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.networks.box_sampling import ignore_covered, match_boxes, sample_matches
from idfree.learn.networks.proposals import all_anchors, clip_boxes
from idfree.learn.tensors import Tensors

POSITIVE_IOU, NEGATIVE_IOU = 0.7, 0.3  # of anchors (Ren 2015, sec. 3.1.2)
POSITIVES = 0.5  # greatest fraction of positive anchors among those sampled (Ren 2015, sec. 3.1.3)
SAMPLE = 2  # purpose of a random stream, beside those of ImageBatches
CENTRE_TARGETS = ("heat", "index", "offset", "size")  # of centre-based networks


class AnchorBatches:
    """Batch n of `images` with "matched_anchor" int64 (B, A): of the sampled anchors, the index of their box among the
    image's M boxes, −1 if negative; −2 of all others; and "seed" int64 (B,), of the sampling of proposals.

    side: of the anchors, see `all_anchors`. count: number of anchors sampled in an image. "xyxy" is clipped to the
    image, as proposals are; padding is an empty box. Anchors are matched and sampled as in Ren 2015.
    """

    def __init__(self, images: ImageBatches, side: int, count: int):
        self.images, self.count = images, count
        self.size_hw, self.stride = images.shape.size_hw, images.shape.stride
        self.anchors = all_anchors(self.size_hw, side)

    def __call__(self, step: int) -> Tensors:
        batch = {name: each for name, each in self.images(step).items() if name not in CENTRE_TARGETS}
        batch["xyxy"] = clip_boxes(batch["xyxy"], self.size_hw).where(batch["mask"][..., None], 0)
        batch["seed"] = torch.tensor([self.seed_of(position) for position in self.images.positions(step).tolist()])
        columns = zip(batch["xyxy"], batch["ignore"], batch["seed"].tolist(), strict=True)
        batch["matched_anchor"] = torch.stack([self.sample(*each) for each in columns])
        return batch

    @property
    def per_epoch(self) -> int:
        """Batches per epoch."""
        return self.images.per_epoch

    def seed_of(self, position: int) -> int:
        """Seed of the image at a position in the sequence of all images of the run."""
        return int(np.random.default_rng([self.images.seed, SAMPLE, position]).integers(2**31))

    def sample(self, xyxy: torch.Tensor, ignore: torch.Tensor, seed: int) -> torch.Tensor:
        """(A,) of one image: see the class."""
        matched = match_boxes(self.anchors, xyxy, POSITIVE_IOU, NEGATIVE_IOU, keep_best=True)
        matched = ignore_covered(matched, self.anchors, ignore, self.stride)
        return sample_matches(matched, self.count, POSITIVES, torch.Generator().manual_seed(seed))
