"""Contrastive losses between the objects of one image, over two augmented views of it (Silva 2021, CL-MOT).

Positives are embeddings of the same object in both views, negatives those of all other objects of the image; no
identity labels are needed. Loss functions take `unit` (P, M, V, D): V samples (unit-length embeddings) of each of M
objects in P images, and `mask` (P, M): objects that exist. The N = M·V samples of an image are ordered by object.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from idfree.learn.objectives.gather import gather_centres
from idfree.learn.objectives.pairs import Pairs, masked_mean, mean_of_image_means, split_pairs
from idfree.learn.objectives.triplet import unit_distances
from idfree.learn.tensors import Tensors

ContrastiveKind = Literal["triplet-hard", "triplet-all", "nt-xent"]
Pool = Literal["image", "batch"]


@dataclass(frozen=True)
class ContrastiveSettings:
    """kind: the loss function, see `LOSSES`. margin: of triplets, in Euclidean distance of unit vectors. temperature:
    of nt-xent. violating: triplet-all averages over triplets of non-zero loss only. projection: output dimension of a
    projection head, used in training only; 0: none. pool: `image` takes the mean over each image's samples (or
    triplets), then over the images with two objects or more, as in the paper; `batch` takes the mean over all samples
    at once, in which images of one object count as 0, as in its code. Raises ValueError.
    """

    kind: ContrastiveKind = "triplet-hard"
    margin: float = 0.3  # Silva 2021; 0.5 in its code
    temperature: float = 0.5  # Silva 2021, code
    violating: bool = False  # True in its code
    projection: int = 0  # Silva 2021 tries heads of 512 → 256 and 1024 → 512, and prefers none
    pool: Pool = "batch"

    def __post_init__(self) -> None:
        if self.margin < 0 or self.temperature <= 0 or self.projection < 0:
            raise ValueError("margin and projection must be 0 or more, temperature more than 0")

    def mean(self, values: Tensor, mask: Tensor) -> Tensor:
        """The mean of values (P, N, …) selected by a mask of the same shape, by `pool`; 0 if none is."""
        return masked_mean(values, mask) if self.pool == "batch" else mean_of_image_means(values, mask)


class ContrastiveLoss(nn.Module):
    """Contrastive loss between the objects of two views of each image (Silva 2021, sec. 3.3).

    output: "embedding" (2P, D, h, w). batch: pairs of images, see `Pairs`; optionally "around" int64 (2P, M, K), K more
    cells of each object, whose embeddings are further samples of it (CL-MOT's code, "off-centre"). Objects visible in
    one view only are dropped, so that pairs without common objects (two frames, two scenes) contribute nothing.
    Returns "loss", and as metrics "contrast" (the same), "similarity_same" and "similarity_other".
    """

    def __init__(self, dimension: int, settings: ContrastiveSettings | None = None):
        super().__init__()
        self.settings = settings or ContrastiveSettings()
        size = self.settings.projection
        self.head = make_projection_head(dimension, size) if size else nn.Identity()

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalar "loss", and metrics without gradient: see the class."""
        pairs = Pairs.from_batch(output, batch)
        embedding, mask = align_views(gather_samples(output, batch), pairs.same)
        if self.settings.pool == "image":  # a single object of an image has no negatives
            mask = mask & (mask.sum(dim=1, keepdim=True) > 1)
        loss = LOSSES[self.settings.kind](normalize(self.head(embedding), dim=3), mask, self.settings)
        unit = pairs.unit_embedding.detach()
        return {"loss": loss, "contrast": loss.detach(), **pairs.mean_similarities(unit @ unit.mT)}


def make_projection_head(dimension: int, size: int) -> nn.Sequential:
    """Projection head g(h) = W₂ · ReLU(W₁ · h), from `dimension` to `size` (Chen 2020, SimCLR, eq. 3)."""
    return nn.Sequential(nn.Linear(dimension, dimension, bias=False), nn.ReLU(), nn.Linear(dimension, size, bias=False))


def gather_samples(output: Tensors, batch: Tensors) -> Tensor:
    """(P, 2, M, 1 + K, D) embeddings at each object's centre and, if the batch has "around", at K more cells of it."""
    cells = batch["index"][..., None]
    if "around" in batch:
        cells = torch.cat([cells, batch["around"]], dim=2)
    return split_pairs(gather_centres(output["embedding"], cells.flatten(1)).reshape(*cells.shape, -1))


def align_views(embedding: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
    """(P, M, V, D) samples from both views of each object of the first view; (P, M) bool: the object is in both views.

    embedding (P, 2, M, V/2, D); same (P, M, M): object i of the first view is object j of the second.
    """
    first, second = embedding.unbind(1)
    partner = same.int().argmax(dim=2)
    return torch.cat([first, second.take_along_dim(partner[..., None, None], dim=1)], dim=2), same.any(dim=2)


def triplet_hard_loss(unit: Tensor, mask: Tensor, settings: ContrastiveSettings) -> Tensor:
    """Batch-hard triplet loss (Silva 2021; Hermans 2017, eq. 5): mean of max(‖b − b_p‖ − min_n ‖b − b_n‖ + m, 0) over
    all samples b, with the farthest positive b_p and the negatives b_n of the same image. 0 for an image of one object.
    """
    distance = pairwise_distances(unit)
    positive, negative = triplet_masks(unit, mask)
    farthest = distance.masked_fill(~positive, 0).amax(dim=2)
    nearest = distance.masked_fill(~negative, torch.inf).amin(dim=2)
    return settings.mean((farthest - nearest + settings.margin).relu(), sample_mask(unit, mask))


def triplet_all_loss(unit: Tensor, mask: Tensor, settings: ContrastiveSettings) -> Tensor:
    """Batch-all triplet loss (eq. 6): mean of max(‖b − b_p‖ − ‖b − b_n‖ + m, 0) over all triplets of an image, or, if
    `violating`, over those of non-zero loss.
    """
    distance = pairwise_distances(unit)
    _, negative = triplet_masks(unit, mask)
    gap = (select_own_object(distance, unit)[..., None] - distance[:, :, None] + settings.margin).relu()  # P N V N
    valid = positive_views(unit)[None, :, :, None] & negative[:, :, None] & sample_mask(unit, mask)[..., None, None]
    return settings.mean(gap, valid & (gap > 0) if settings.violating else valid)


def nt_xent_loss(unit: Tensor, mask: Tensor, settings: ContrastiveSettings) -> Tensor:
    """NT-Xent (Chen 2020, SimCLR, eq. 1): mean of −ln(e^{s_p/τ} / (e^{s_p/τ} + Σ_n e^{s_n/τ})) over samples and their
    positives, with cosine similarities s; CL-MOT's printed formula lacks the outer parts. 0 for an image of one object.
    """
    similarity = pairwise_cosines(unit) / settings.temperature
    _, negative = triplet_masks(unit, mask)
    negatives = similarity.masked_fill(~negative, torch.finfo(similarity.dtype).min).logsumexp(dim=2)
    loss = softplus(negatives[..., None] - select_own_object(similarity, unit))  # P N V
    return settings.mean(loss, sample_mask(unit, mask)[..., None] & positive_views(unit))


LOSSES: dict[ContrastiveKind, Callable[[Tensor, Tensor, ContrastiveSettings], Tensor]] = {
    "triplet-hard": triplet_hard_loss,
    "triplet-all": triplet_all_loss,
    "nt-xent": nt_xent_loss,
}


def pairwise_cosines(unit: Tensor) -> Tensor:
    """(P, N, N) cosine similarities between all samples of an image."""
    flat = unit.flatten(1, 2)
    return flat @ flat.mT


def pairwise_distances(unit: Tensor) -> Tensor:
    """(P, N, N) Euclidean distances between all samples of an image."""
    return unit_distances(pairwise_cosines(unit))


def sample_mask(unit: Tensor, mask: Tensor) -> Tensor:
    """(P, N) mask of the samples of objects that exist."""
    return mask.repeat_interleave(unit.shape[2], dim=1)


def triplet_masks(unit: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(N, N) bool: two samples of one object; (P, N, N) bool: the second is a sample of another, existing object."""
    number = torch.arange(unit.shape[1], device=unit.device).repeat_interleave(unit.shape[2])
    same_object = number[:, None] == number
    diagonal = torch.eye(len(same_object), dtype=torch.bool, device=unit.device)
    return same_object & ~diagonal, ~same_object & sample_mask(unit, mask)[:, None]


def select_own_object(values: Tensor, unit: Tensor) -> Tensor:
    """(P, N, V): of pairwise values (P, N, N), those between each sample and the V samples of its own object."""
    _, objects, views, _ = unit.shape
    blocks = values.reshape(-1, objects, views, objects, views)
    return blocks.diagonal(dim1=1, dim2=3).movedim(3, 1).flatten(1, 2)


def positive_views(unit: Tensor) -> Tensor:
    """(N, V) bool: which of the V samples of its own object are not the sample itself."""
    _, objects, views, _ = unit.shape
    return ~torch.eye(views, dtype=torch.bool, device=unit.device).repeat(objects, 1)
