"""Pairs of images, whose objects are compared by the objectives without identity labels."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from idfree.learn.objectives.gather import gather_centres
from idfree.learn.parallel import divisor, mean_count
from idfree.learn.tensors import Tensors


@dataclass(frozen=True)
class Pairs:
    """P pairs of images with up to M objects each.

    A batch of pairs (see `idfree.learn.data.views`) has 2P images; image P + k is the partner of image k. Its "row"
    int64 (2P, M) has equal numbers for the same object in two views of an image; two frames of a video have no number
    in common, as their correspondence is unknown. Its optional "negative" bool (P,) marks pairs of two scenes, without
    common objects; without it, all pairs are positive.

    embedding (P, 2, M, D), not normalised. mask (P, 2, M) bool: the object exists. same (P, M, M) bool: object i of the
    first image is object j of the second. negative (P,) bool.
    """

    embedding: Tensor
    mask: Tensor
    same: Tensor
    negative: Tensor

    @classmethod
    def from_batch(cls, output: Tensors, batch: Tensors) -> "Pairs":
        """Gather the network's "embedding" (2P, D, h, w) at the centres of a batch."""
        columns = gather_centres(output["embedding"], batch["index"]), batch["mask"], batch["row"]
        embedding, mask, row = map(split_pairs, columns)
        same = (row[:, 0, :, None] == row[:, 1, None]) & mask[:, 0, :, None] & mask[:, 1, None]
        return cls(embedding, mask, same, batch.get("negative", torch.zeros_like(mask[:, 0, 0])))

    @property
    def unit_embedding(self) -> Tensor:
        """(P, 2·M, D) embeddings of unit length; those of the first image come first."""
        return normalize(self.embedding.flatten(1, 2), dim=2)

    def mean_similarities(self, similarity: Tensor) -> Tensors:
        """Metrics "similarity_same" (an object in two views) and "similarity_other" (two objects of one image).

        similarity (P, 2·M, 2·M) cosines. The metrics are means without gradient, NaN if there are no such pairs.
        """
        objects = self.mask.shape[2]
        blocks = similarity.detach().reshape(-1, 2, objects, 2, objects)
        within = torch.stack([blocks[:, image, :, image] for image in (0, 1)], dim=1)
        return {
            "similarity_same": mean_or_nan(blocks[:, 0, :, 1], self.same),
            "similarity_other": mean_or_nan(within, distinct_pairs(self.mask)),
        }


class FirstViewLoss(nn.Module):
    """Evaluate an objective on the first image of each pair only, as CL-MOT does for detection (Silva 2021)."""

    def __init__(self, objective: nn.Module):
        super().__init__()
        self.objective = objective

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The losses of the objective on the first half of the batch."""
        half = len(batch["mask"]) // 2
        first = ({name: column[:half] for name, column in columns.items()} for columns in (output, batch))
        losses: Tensors = self.objective(*first)
        return losses


def split_pairs(column: Tensor) -> Tensor:
    """(2P, …) → (P, 2, …). Raises ValueError if the number of images is odd."""
    if len(column) % 2:
        raise ValueError(f"a batch of {len(column)} images, expected pairs")
    return column.reshape(2, len(column) // 2, *column.shape[1:]).transpose(0, 1)


def distinct_pairs(mask: Tensor) -> Tensor:
    """(…, N, N) bool: pairs of different objects that exist; mask (…, N)."""
    diagonal = torch.eye(mask.shape[-1], dtype=torch.bool, device=mask.device)
    return mask[..., :, None] & mask[..., None, :] & ~diagonal


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values selected by a mask of the same shape; 0 if none is."""
    return torch.where(mask, values, 0).sum() / divisor(mask.sum())


def mean_of_image_means(values: Tensor, mask: Tensor) -> Tensor:
    """Mean, over the images with any value selected, of the mean of their selected values (P, …); 0 if there is none.

    mask: of the same shape as the values.
    """
    count = mask.flatten(1).sum(dim=1)
    means = torch.where(mask, values, 0).flatten(1).sum(dim=1) / count.clamp(min=1)
    return means.sum() / divisor((count > 0).sum())


def mean_or_nan(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values selected by a mask of the same shape; NaN if none is: the metric is then not logged."""
    return torch.where(mask, values, 0).sum() / mean_count(mask.sum())
