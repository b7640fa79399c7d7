"""Matching losses between two frames without identity labels: UTrack (Liu 2021, OUTrack) and CycAs (Wang 2020).

Three assumptions replace labels: objects of one frame differ, most of them are also in the other frame, and matching
forward and backward gives the same pairs.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from idfree.learn.objectives.pairs import Pairs, distinct_pairs, masked_mean, mean_or_nan
from idfree.learn.tensors import Tensors


@dataclass(frozen=True)
class MatchingSettings:
    """placeholder: similarity to the placeholder column, to which objects absent from the other frame are assigned: the
    mean similarity of the pair's objects, 0, or no such column (`none`; negative pairs then use 0). temperature: factor
    T of the softmax, 2·ln(C + 1) with C columns if None. margin: of the hinges in `inter` and `hinge`. negative: loss
    of a negative pair: the sum of its assignment matrix without the placeholder (`sum`), this divided by the number of
    objects (`mean`), or, as in the public code, this with placeholder 0 plus a hinge on the placeholder (`hinge`).
    intra, inter, cycle: terms of positive pairs to use.
    """

    placeholder: Literal["mean", "zero", "none"] = "mean"
    temperature: float | None = None
    margin: float = 0.5
    negative: Literal["mean", "sum", "hinge"] = "mean"
    intra: bool = True
    inter: bool = True
    cycle: bool = True

    def __post_init__(self) -> None:
        check_settings(self.margin, self.temperature)


class MatchingLoss(nn.Module):
    """UTrack: intra + inter + cycle of positive pairs, "negative" of negative ones (Liu 2021). No parameters.

    output: "embedding" (2P, D, h, w). batch: pairs of images, see `Pairs`; frames of one object or none are legal.
    Returns "loss", the mean over all pairs, and as metrics its terms by name, each as it enters the sum; "placeholder",
    the similarity to the placeholder, and "to_placeholder", the mean assignment to it (both over positive pairs);
    "similarity_same" and "similarity_other" (see `Pairs.mean_similarities`).
    """

    def __init__(self, settings: MatchingSettings | None = None):
        super().__init__()
        self.settings = settings or MatchingSettings()

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalar "loss", and metrics without gradient: see the class."""
        pairs = Pairs.from_batch(output, batch)
        unit, mask, negative = pairs.unit_embedding, pairs.mask.flatten(1), pairs.negative
        similarity = unit @ unit.mT
        placeholder = placeholder_similarity(similarity, mask, negative, self.settings)
        assignment = soft_assignment(similarity, mask, placeholder, self.settings.temperature)
        terms = {name: each.mean() for name, each in utrack_terms(assignment, mask, negative, self.settings).items()}
        metrics = {
            **terms,
            "placeholder": mean_or_nan(placeholder, ~negative),
            "to_placeholder": mean_or_nan(assignment[..., -1], mask & ~negative[:, None]),
        }
        detached = {name: value.detach() for name, value in metrics.items()}
        return {"loss": torch.stack(list(terms.values())).sum(), **detached, **pairs.mean_similarities(similarity)}


def utrack_terms(assignment: Tensor, mask: Tensor, negative: Tensor, settings: MatchingSettings) -> Tensors:
    """(P,) terms of each pair, divided by its number of objects: "intra", "inter", "cycle", "negative" (Liu 2021).

    assignment (P, N, N + 1): see `soft_assignment`; the first N/2 objects are of the first frame. mask (P, N): objects
    that exist. negative (P,): the pair shows two scenes. The first three are 0 for negative pairs, the last for
    positive ones.
    """
    real, half = assignment[..., :-1], assignment.shape[1] // 2
    intra = real[:, :half, :half].sum(dim=(1, 2)) + real[:, half:, half:].sum(dim=(1, 2))
    assigned = assignment.sum(dim=2) > 0  # rows without any column, not even the placeholder, have no loss
    count = mask.sum(dim=1).clamp(min=1)
    inter = ((settings.margin - lead_of_largest(assignment, count, settings)).relu() * assigned).sum(dim=1)
    cycle = (real[:, half:, :half] - real[:, :half, half:].mT).abs().sum(dim=(1, 2))
    costs = {"intra": (settings.intra, intra), "inter": (settings.inter, inter), "cycle": (settings.cycle, cycle)}
    terms = {name: torch.where(negative, 0, cost / count) for name, (is_used, cost) in costs.items() if is_used}
    return {**terms, "negative": torch.where(negative, negative_pair_loss(assignment, mask, settings), 0)}


def lead_of_largest(assignment: Tensor, count: Tensor, settings: MatchingSettings) -> Tensor:
    """(P, N) largest entry of each row of the assignment, placeholder included, minus the second largest.

    count (P,): objects of a pair. If they are two, the placeholder `mean` equals their only similarity, so both entries
    are equal; the difference is then set to 0 without gradient, where rounding would choose its sign.
    """
    largest, second = assignment.topk(2, dim=2).values.unbind(2)
    is_tied = (count == 2) & (settings.placeholder == "mean")
    return torch.where(is_tied[:, None], 0, largest - second)


def negative_pair_loss(assignment: Tensor, mask: Tensor, settings: MatchingSettings) -> Tensor:
    """(P,) loss of pairs of two scenes: the sum of the assignment matrix without the placeholder column.

    The paper prints the sum; its code divides it by the number of objects, as the terms of positive pairs.
    """
    real, count = assignment[..., :-1], mask.sum(dim=1).clamp(min=1)
    cost = real.sum(dim=(1, 2))
    if settings.negative == "hinge":
        cost = cost + ((real.amax(dim=2) + settings.margin - assignment[..., -1]).relu() * mask).sum(dim=1)
    return cost if settings.negative == "sum" else cost / count


def placeholder_similarity(similarity: Tensor, mask: Tensor, negative: Tensor, settings: MatchingSettings) -> Tensor:
    """(P,) similarity of a pair's objects to the placeholder, without gradient; NaN without a placeholder."""
    pair_mask = distinct_pairs(mask)
    average = torch.where(pair_mask, similarity, 0).sum(dim=(1, 2)) / pair_mask.sum(dim=(1, 2)).clamp(min=1)
    constant = {"zero": 0.0, "none": torch.nan}.get(settings.placeholder)
    positive = average.detach() if constant is None else torch.full_like(average, constant)
    is_zero = settings.negative == "hinge" or settings.placeholder == "none"
    return torch.where(negative, 0, positive) if is_zero else positive


def soft_assignment(similarity: Tensor, mask: Tensor, placeholder: Tensor, temperature: float | None = None) -> Tensor:
    """Assignment matrix M (P, N, N + 1): row softmax over all other objects and, in the last column, the placeholder.

    similarity (P, N, N) and mask (P, N) of the objects of both frames; placeholder (P,), of `placeholder_similarity`.
    Rows sum to 1; those of padding, and of objects without any column, are 0.
    """
    has_placeholder = ~placeholder.isnan()
    columns = torch.cat([distinct_pairs(mask), (mask & has_placeholder[:, None])[..., None]], dim=2)
    last_column = placeholder.nan_to_num()[:, None, None].expand(-1, similarity.shape[1], 1)
    extended = torch.cat([similarity, last_column], dim=2)
    return masked_softmax(extended, columns, mask.sum(dim=1) + has_placeholder, temperature)


@dataclass(frozen=True)
class CycleSettings:
    """temperature: factor T of the softmax, 2·ln(C + 1) with C columns if None. margin: of the hinge."""

    temperature: float | None = None
    margin: float = 0.5

    def __post_init__(self) -> None:
        check_settings(self.margin, self.temperature)


class CycleLoss(nn.Module):
    """CycAs: assigning the objects of the frame with fewer to the other and back should be the identity (Wang 2020).

    output, batch: as for `MatchingLoss`; negative pairs contribute nothing. Returns "loss", the mean over positive
    pairs, and as metrics "cycle" (the same), "similarity_same" and "similarity_other". No parameters.
    """

    def __init__(self, settings: CycleSettings | None = None):
        super().__init__()
        self.settings = settings or CycleSettings()

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalar "loss", and metrics without gradient: see the class."""
        pairs = Pairs.from_batch(output, batch)
        unit, half = pairs.unit_embedding, pairs.mask.shape[2]
        similarity = unit @ unit.mT
        first, second = pairs.mask.unbind(1)
        cost = cycle_costs(similarity[:, :half, half:], first, second, self.settings)
        loss = masked_mean(cost, ~pairs.negative)
        return {"loss": loss, "cycle": loss.detach(), **pairs.mean_similarities(similarity)}


def cycle_costs(similarity: Tensor, first: Tensor, second: Tensor, settings: CycleSettings) -> Tensor:
    """(P,) hinge loss of the round trip A·A', divided by its rows: largest off-diagonal entry against the diagonal, in
    each row and column (Wang 2020).

    similarity (P, M, M) of objects of the first frame to those of the second; first, second (P, M): masks of both.
    """
    is_swapped = first.sum(dim=1) > second.sum(dim=1)
    fewer, more = (torch.where(is_swapped[:, None], *masks) for masks in ((second, first), (first, second)))
    similarity = torch.where(is_swapped[:, None, None], similarity.mT, similarity)
    columns = fewer[:, :, None] & more[:, None]
    forward = masked_softmax(similarity, columns, more.sum(dim=1), settings.temperature)
    backward = masked_softmax(similarity.mT, columns.mT, fewer.sum(dim=1), settings.temperature)
    round_trip = forward @ backward
    diagonal = round_trip.diagonal(dim1=1, dim2=2)
    others = round_trip.masked_fill(torch.eye(fewer.shape[1], dtype=torch.bool, device=fewer.device), 0)
    hinge = sum((others.amax(dim=axis) - diagonal + settings.margin).relu() for axis in (1, 2))
    return (hinge * fewer).sum(dim=1) / fewer.sum(dim=1).clamp(min=1)


def masked_softmax(similarity: Tensor, columns: Tensor, count: Tensor, temperature: float | None) -> Tensor:
    """Row softmax of T · similarity (P, N, C) over the valid columns (P, N, C) bool; 0 elsewhere.

    T: the temperature, or, if None, 2·ln(count + 1) with count (P,): the more columns, the sharper (Wang 2020; Liu
    2021).
    """
    count = count.to(similarity.dtype)
    factor = 2 * (count + 1).log() if temperature is None else torch.full_like(count, temperature)
    logits = (factor[:, None, None] * similarity).masked_fill(~columns, torch.finfo(similarity.dtype).min)
    return logits.softmax(dim=2) * columns


def check_settings(margin: float, temperature: float | None) -> None:
    """Raises ValueError if the margin is negative or the temperature not positive."""
    if margin < 0:
        raise ValueError(f"margin is {margin}, expected 0 or more")
    if temperature is not None and temperature <= 0:
        raise ValueError(f"temperature is {temperature}, expected more than 0, or none")
