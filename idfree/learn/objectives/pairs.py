"""Pictures looked at in pairs: what is there to compare, and who is known to be whom when nobody has an identity."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from idfree.learn import Tensors
from idfree.learn.objectives.gather import gather


@dataclass(frozen=True)
class Pairs:
    """P pairs of pictures with up to M objects each.

    A batch of pairs (see `idfree.learn.data.views`) holds 2P pictures, of which number P + k is the partner of number
    k. Beside what every batch has it says "row" int64 (2P, M): objects of two partners with one number are the same
    (two views of one picture; two frames of a video have no number in common, nobody knows who is who there), and may
    say "negative" bool (P,): the two are different scenes, with nobody in common; none are, where it is left out.

    embedding (P, 2, M, D), as the network gives it; there (P, 2, M) bool: there is such an object; same (P, M, M) bool:
    object i of the first picture is object j of the second; negative (P,) bool.
    """

    embedding: Tensor
    there: Tensor
    same: Tensor
    negative: Tensor

    @classmethod
    def of(cls, output: Tensors, batch: Tensors) -> "Pairs":
        """What a network's "embedding" (2P, D, h, w) says at the centres of a batch."""
        embedding, there, row = map(paired, (gather(output["embedding"], batch["index"]), batch["mask"], batch["row"]))
        same = (row[:, 0, :, None] == row[:, 1, None]) & there[:, 0, :, None] & there[:, 1, None]
        return cls(embedding, there, same, batch.get("negative", torch.zeros_like(there[:, 0, 0])))

    @property
    def unit(self) -> Tensor:
        """(P, 2·M, D) embeddings of unit length, those of the first picture before those of the second."""
        return normalize(self.embedding.flatten(1, 2), dim=2)

    def similarities(self, similarity: Tensor) -> Tensors:
        """How alike the same object looks in two views, and how alike two objects of one picture, on average.

        similarity (P, 2·M, 2·M). "similarity_same" and "similarity_other": means, NaN of none, without a gradient.
        """
        objects = self.there.shape[2]
        blocks = similarity.detach().reshape(-1, 2, objects, 2, objects)
        within = torch.stack([blocks[:, picture, :, picture] for picture in (0, 1)], dim=1)
        two = self.there[..., None] & self.there[:, :, None]
        two = two & ~torch.eye(two.shape[3], dtype=torch.bool, device=two.device)
        return {"similarity_same": known(blocks[:, 0, :, 1], self.same), "similarity_other": known(within, two)}


class FirstViewLoss(nn.Module):
    """An objective for the first picture of each pair alone; in CL-MOT, detection is learnt so (Silva 2021)."""

    def __init__(self, objective: nn.Module):
        super().__init__()
        self.objective = objective

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        half = len(batch["mask"]) // 2
        first = ({name: column[:half] for name, column in columns.items()} for columns in (output, batch))
        losses: Tensors = self.objective(*first)
        return losses


def paired(column: Tensor) -> Tensor:
    """(P, 2, …) of a column (2P, …) of a batch. Raises ValueError where the pictures are not pairs."""
    if len(column) % 2:
        raise ValueError(f"a batch of {len(column)} pictures, expected pairs")
    return column.reshape(2, len(column) // 2, *column.shape[1:]).transpose(0, 1)


def mean(values: Tensor, which: Tensor) -> Tensor:
    """The mean of those values that `which` names, of the same shape; 0 of none."""
    return torch.where(which, values, 0).sum() / which.sum().clamp(min=1)


def known(values: Tensor, which: Tensor) -> Tensor:
    """The mean of those values that `which` names; NaN of none, of which nothing is told."""
    return torch.where(which, values, 0).sum() / which.sum()
