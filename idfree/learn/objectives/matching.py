"""Telling people apart by matching two frames with each other, whoever may be whom (Liu 2021, OUTrack; Wang 2020,
CycAs): no identities anywhere.

Two of one frame are two people; most of one frame are in the other; the match there and the match back agree.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from idfree.learn import Tensors
from idfree.learn.objectives.pairs import Pairs, known, mean


@dataclass(frozen=True)
class MatchingSettings:
    """placeholder: how alike everybody is to nobody, who takes those that the other frame lacks: as the objects are to
    one another on average, 0, or nobody has a place (`none`; in pairs of two scenes 0 then, where else would they go).
    temperature: 2·ln(C + 1) at C columns if None. negative: what two scenes cost, M summed over all real pairs (`sum`),
    that divided by the number of objects like all else (`mean`), or as in the code: the latter with placeholder 0, and
    by how much less than a margin the placeholder leads (`hinge`). intra, inter, cycle: terms that take part.
    """

    placeholder: Literal["mean", "zero", "none"] = "mean"
    temperature: float | None = None
    margin: float = 0.5
    negative: Literal["mean", "sum", "hinge"] = "mean"
    intra: bool = True
    inter: bool = True
    cycle: bool = True

    def __post_init__(self) -> None:
        check(self.margin, self.temperature)


class MatchingLoss(nn.Module):
    """UTrack: intra + inter + cycle of the pairs that may share objects, "negative" of those that cannot (Liu 2021).

    output: "embedding" (2P, D, h, w). batch: pairs of pictures, see `Pairs`; frames with one object or none are all
    right. Gives "loss", the mean over all pairs, and to be told: its terms by name, each as it enters the sum;
    "placeholder", its value, and "to_placeholder", the share it takes of an object (both of pairs that may share some);
    "similarity_same" and "similarity_other". No parameters.
    """

    def __init__(self, settings: MatchingSettings | None = None):
        super().__init__()
        self.settings = settings or MatchingSettings()

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        pairs = Pairs.of(output, batch)
        unit, there = pairs.unit, pairs.there.flatten(1)
        similarity = unit @ unit.mT
        level = placeholder(similarity, there, pairs.negative, self.settings)
        share = assignment(similarity, there, level, self.settings.temperature)
        terms = {name: each.mean() for name, each in utrack(share, there, pairs.negative, self.settings).items()}
        shared = there & ~pairs.negative[:, None]
        told = {
            **terms,
            "placeholder": known(level, ~pairs.negative),
            "to_placeholder": known(share[..., -1], shared),
        }
        detached = {name: value.detach() for name, value in told.items()}
        return {"loss": torch.stack(list(terms.values())).sum(), **detached, **pairs.similarities(similarity)}


def utrack(share: Tensor, there: Tensor, negative: Tensor, settings: MatchingSettings) -> Tensors:
    """(P,) what each term costs each pair, per object: "intra", "inter", "cycle"; "negative" for pairs of two scenes.

    share (P, N, N + 1): `assignment`, where the first half of N are of the first frame; there (P, N); negative (P,).
    """
    real, half = share[..., :-1], share.shape[1] // 2
    within = real[:, :half, :half].sum(dim=(1, 2)) + real[:, half:, half:].sum(dim=(1, 2))
    matched = share.sum(dim=2) > 0  # an object that has nowhere to go, not even to nobody, is no failure
    largest, second = share.topk(2, dim=2).values.unbind(2)
    unsure = ((second + settings.margin - largest).relu() * matched).sum(dim=1)
    back = (real[:, half:, :half] - real[:, :half, half:].mT).abs().sum(dim=(1, 2))
    count = there.sum(dim=1).clamp(min=1)
    asked = {"intra": (settings.intra, within), "inter": (settings.inter, unsure), "cycle": (settings.cycle, back)}
    terms = {name: torch.where(negative, 0, cost / count) for name, (wanted, cost) in asked.items() if wanted}
    return {**terms, "negative": torch.where(negative, apart(share, there, settings), 0)}


def apart(share: Tensor, there: Tensor, settings: MatchingSettings) -> Tensor:
    """(P,) what it costs that objects of two scenes are matched, to others of their own scene or to those of the other.

    The paper prints the sum; its code divides it by the number of objects, as the terms of other pairs are.
    """
    real, count = share[..., :-1], there.sum(dim=1).clamp(min=1)
    cost = real.sum(dim=(1, 2))
    if settings.negative == "hinge":
        cost = cost + ((real.amax(dim=2) + settings.margin - share[..., -1]).relu() * there).sum(dim=1)
    return cost if settings.negative == "sum" else cost / count


def placeholder(similarity: Tensor, there: Tensor, negative: Tensor, settings: MatchingSettings) -> Tensor:
    """(P,) how alike each object of a pair is to nobody, without a gradient; NaN where there is no nobody."""
    two = real_pairs(there)
    average = torch.where(two, similarity, 0).sum(dim=(1, 2)) / two.sum(dim=(1, 2)).clamp(min=1)
    fixed = {"zero": 0.0, "none": torch.nan}
    usual = torch.full_like(average, fixed[settings.placeholder]) if settings.placeholder in fixed else average.detach()
    at_zero = settings.negative == "hinge" or settings.placeholder == "none"
    return torch.where(negative, 0, usual) if at_zero else usual


def assignment(similarity: Tensor, there: Tensor, level: Tensor, temperature: float | None = None) -> Tensor:
    """M (P, N, N + 1): which share of each object goes to every other one, and to the placeholder, the last column.

    similarity (P, N, N) and there (P, N) of the objects of both frames; level (P,), of `placeholder`. Rows add up to 1;
    those of objects that are not there, or that have nowhere to go, are 0.
    """
    anywhere = ~level.isnan()
    columns = torch.cat([real_pairs(there), (there & anywhere[:, None])[..., None]], dim=2)
    nobody = level.nan_to_num()[:, None, None].expand(-1, similarity.shape[1], 1)
    return softmax(torch.cat([similarity, nobody], dim=2), columns, there.sum(dim=1) + anywhere, temperature)


@dataclass(frozen=True)
class CycleSettings:
    """temperature: 2·ln(C + 1) at C columns if None."""

    temperature: float | None = None
    margin: float = 0.5

    def __post_init__(self) -> None:
        check(self.margin, self.temperature)


class CycleLoss(nn.Module):
    """CycAs: from the frame with fewer objects to the other and back, all should arrive where they were (Wang 2020).

    output, batch: as for `Matching`; pairs of two scenes teach nothing. Gives "loss", the mean over the other pairs,
    and to be told: "cycle", the same, "similarity_same" and "similarity_other". No parameters.
    """

    def __init__(self, settings: CycleSettings | None = None):
        super().__init__()
        self.settings = settings or CycleSettings()

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        pairs = Pairs.of(output, batch)
        unit, half = pairs.unit, pairs.there.shape[2]
        similarity = unit @ unit.mT
        first, second = pairs.there.unbind(1)
        cost = cycas(similarity[:, :half, half:], first, second, self.settings)
        loss = mean(cost, ~pairs.negative)
        return {"loss": loss, "cycle": loss.detach(), **pairs.similarities(similarity)}


def cycas(similarity: Tensor, first: Tensor, second: Tensor, settings: CycleSettings) -> Tensor:
    """(P,) by how much less than a margin the way back to oneself leads, in rows and in columns, per object.

    similarity (P, M, M) of objects of the first frame to those of the second; first, second (P, M): there are such.
    """
    swapped = first.sum(dim=1) > second.sum(dim=1)
    few, many = (torch.where(swapped[:, None], *each) for each in ((second, first), (first, second)))
    similarity = torch.where(swapped[:, None, None], similarity.mT, similarity)
    both = few[:, :, None] & many[:, None]
    there = softmax(similarity, both, many.sum(dim=1), settings.temperature)
    back = softmax(similarity.mT, both.mT, few.sum(dim=1), settings.temperature)
    arrived = there @ back
    own = arrived.diagonal(dim1=1, dim2=2)
    astray = arrived.masked_fill(torch.eye(few.shape[1], dtype=torch.bool, device=few.device), 0)
    unsure = sum((astray.amax(dim=axis) - own + settings.margin).relu() for axis in (1, 2))
    return (unsure * few).sum(dim=1) / few.sum(dim=1).clamp(min=1)


def softmax(similarity: Tensor, columns: Tensor, count: Tensor, temperature: float | None) -> Tensor:
    """Row softmax of T · similarity (P, N, C) over the columns (P, N, C) that there are; 0 elsewhere.

    T: the temperature, or for None 2·ln(count + 1) (P,): the more columns, the sharper (Wang 2020; Liu 2021).
    """
    count = count.to(similarity.dtype)
    sharpness = 2 * (count + 1).log() if temperature is None else torch.full_like(count, temperature)
    logits = (sharpness[:, None, None] * similarity).masked_fill(~columns, torch.finfo(similarity.dtype).min)
    return logits.softmax(dim=2) * columns


def real_pairs(there: Tensor) -> Tensor:
    """(P, N, N) two different objects that there are, of N (P, N)."""
    one = torch.eye(there.shape[1], dtype=torch.bool, device=there.device)
    return there[:, :, None] & there[:, None] & ~one


def check(margin: float, temperature: float | None) -> None:
    """Raises ValueError where these make no sense."""
    if margin < 0:
        raise ValueError(f"margin is {margin}, expected 0 or more")
    if temperature is not None and temperature <= 0:
        raise ValueError(f"temperature is {temperature}, expected more than 0, or none")
