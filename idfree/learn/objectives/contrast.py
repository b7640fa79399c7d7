"""Telling the objects of one picture apart by two views of it (Silva 2021, CL-MOT): no identities anywhere.

Whoever else is in the picture is someone else; whoever is at the same place in the other view is oneself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from idfree.learn import Tensors
from idfree.learn.objectives.gather import gather
from idfree.learn.objectives.pairs import Pairs, mean, paired
from idfree.learn.objectives.triplet import NEAREST

Kind = Literal["triplet-hard", "triplet-all", "nt-xent"]


@dataclass(frozen=True)
class ContrastiveSettings:
    """kind: see the functions below. margin: of triplets, in distance between unit vectors. temperature: of nt-xent.
    violating: triplet-all is a mean over the triplets that are not yet as wished, not over all of them. projection: how
    many numbers go into the comparison by way of W₂ · ReLU(W₁ · h), a head that is learnt in training and has no part
    in tracking; 0: the embedding is compared itself.
    """

    kind: Kind = "triplet-hard"
    margin: float = 0.3  # the paper; its code 0.5
    temperature: float = 0.5  # its code
    violating: bool = False  # True in its code
    projection: int = 0  # the paper tries 512 → 256 and 1024 → 512, and is better without

    def __post_init__(self) -> None:
        if self.margin < 0 or self.temperature <= 0 or self.projection < 0:
            raise ValueError("margin and projection must be 0 or more, temperature more than 0")


class ContrastiveLoss(nn.Module):
    """The two views of an object alike, those of two objects of a picture not.

    output: "embedding" (2P, D, h, w). batch: pairs of pictures, see `Pairs`; "around" int64 (2P, M, K) if there: more
    cells of each object, whose embeddings are to be the object's, too (CL-MOT's code, "off-centre"). Objects seen in
    one view only drop out; pairs that have none in common (frames of a video, different scenes) teach nothing.
    Gives "loss", and to be told: "contrast", the same, "similarity_same" and "similarity_other".
    """

    def __init__(self, dimension: int, settings: ContrastiveSettings | None = None):
        super().__init__()
        self.settings = settings or ContrastiveSettings()
        self.head = projection(dimension, self.settings.projection) if self.settings.projection else nn.Identity()

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        pairs = Pairs.of(output, batch)
        embedding, both = aligned(samples(output, batch), pairs.same)
        loss = LOSSES[self.settings.kind](normalize(self.head(embedding), dim=3), both, self.settings)
        unit = pairs.unit.detach()
        return {"loss": loss, "contrast": loss.detach(), **pairs.similarities(unit @ unit.mT)}


def projection(dimension: int, size: int) -> nn.Sequential:
    """g(h) = W₂ · ReLU(W₁ · h), of `dimension` numbers `size` (Chen 2020, SimCLR, eq. 3)."""
    return nn.Sequential(nn.Linear(dimension, dimension, bias=False), nn.ReLU(), nn.Linear(dimension, size, bias=False))


def samples(output: Tensors, batch: Tensors) -> Tensor:
    """(P, 2, M, 1 + K, D) what the map says in each object's centre, and in the cells "around" if told any."""
    cells = batch["index"][..., None]
    if "around" in batch:
        cells = torch.cat([cells, batch["around"]], dim=2)
    return paired(gather(output["embedding"], cells.flatten(1)).reshape(*cells.shape, -1))


def aligned(embedding: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
    """(P, M, V, D) all samples of each object of the first pictures, in both views, and (P, M) bool: it is in both.

    embedding (P, 2, M, V/2, D); same (P, M, M): object i of the first is object j of the second.
    """
    first, second = embedding.unbind(1)
    partner = same.int().argmax(dim=2)
    return torch.cat([first, second.take_along_dim(partner[..., None, None], dim=1)], dim=2), same.any(dim=2)


def triplet_hard(unit: Tensor, there: Tensor, settings: ContrastiveSettings) -> Tensor:
    """Mean of max(‖b − b_p‖ − min_n ‖b − b_n‖ + m, 0) over all samples b, p the farthest of its own object, n those of
    the others of the picture (Silva 2021; Hermans 2017, eq. 5). 0 for the only object of a picture.

    unit (P, M, V, D): V samples of M objects of P pictures, of unit length; there (P, M). So all losses here.
    """
    away = distances(unit)
    same, other = relations(unit, there)
    farthest = away.masked_fill(~same, 0).amax(dim=2)
    nearest = away.masked_fill(~other, torch.inf).amin(dim=2)
    return mean((farthest - nearest + settings.margin).relu(), anchors(unit, there))


def triplet_all(unit: Tensor, there: Tensor, settings: ContrastiveSettings) -> Tensor:
    """Mean of max(‖b − b_p‖ − ‖b − b_n‖ + m, 0) over all triplets of a picture (eq. 6), or those where it is not 0."""
    away = distances(unit)
    _, other = relations(unit, there)
    gap = (positives(away, unit)[..., None] - away[:, :, None] + settings.margin).relu()  # P N V N
    valid = (others_of_own(unit)[None, :, :, None] & other[:, :, None]) & anchors(unit, there)[..., None, None]
    return mean(gap, valid & (gap > 0) if settings.violating else valid)


def nt_xent(unit: Tensor, there: Tensor, settings: ContrastiveSettings) -> Tensor:
    """Mean of −ln(e^{s_p/τ} / (e^{s_p/τ} + Σ_n e^{s_n/τ})) over samples and their positives, s cosines (Chen 2020,
    SimCLR, eq. 1; the paper's print of it lacks the outer parts). 0 for the only object of a picture.
    """
    similarity = cosines(unit) / settings.temperature
    _, other = relations(unit, there)
    rivals = similarity.masked_fill(~other, torch.finfo(similarity.dtype).min).logsumexp(dim=2)
    lost = softplus(rivals[..., None] - positives(similarity, unit))  # P N V
    return mean(lost, anchors(unit, there)[..., None] & others_of_own(unit))


LOSSES: dict[Kind, Callable[[Tensor, Tensor, ContrastiveSettings], Tensor]] = {
    "triplet-hard": triplet_hard,
    "triplet-all": triplet_all,
    "nt-xent": nt_xent,
}


def cosines(unit: Tensor) -> Tensor:
    """(P, N, N) between all samples of a picture; there are N = M·V, those of an object one after the other."""
    flat = unit.flatten(1, 2)
    return flat @ flat.mT


def distances(unit: Tensor) -> Tensor:
    """(P, N, N) Euclidean."""
    return (2 - 2 * cosines(unit)).clamp(min=NEAREST).sqrt()


def anchors(unit: Tensor, there: Tensor) -> Tensor:
    """(P, N) the samples that there are."""
    return there.repeat_interleave(unit.shape[2], dim=1)


def relations(unit: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """(N, N) two samples of one object; (P, N, N) the second is one of another object that there is."""
    number = torch.arange(unit.shape[1], device=unit.device).repeat_interleave(unit.shape[2])
    one = number[:, None] == number
    return one & ~torch.eye(len(one), dtype=torch.bool, device=unit.device), ~one & anchors(unit, there)[:, None]


def positives(values: Tensor, unit: Tensor) -> Tensor:
    """(P, N, V) of values (P, N, N), those between each sample and all of its own object, itself among them."""
    _, objects, views, _ = unit.shape
    blocks = values.reshape(-1, objects, views, objects, views)
    return blocks.diagonal(dim1=1, dim2=3).movedim(3, 1).flatten(1, 2)


def others_of_own(unit: Tensor) -> Tensor:
    """(N, V) which samples of its own object are not the sample itself."""
    _, objects, views, _ = unit.shape
    return ~torch.eye(views, dtype=torch.bool, device=unit.device).repeat(objects, 1)
