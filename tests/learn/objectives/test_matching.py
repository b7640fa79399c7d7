"""Matching of two frames: golden figures with gradients, alone and in ragged batches, and tiny frames by hand."""

import json
import math
from itertools import pairwise, product
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import normalize

from idfree.learn.objectives.matching import (
    CycleLoss,
    CycleSettings,
    MatchingLoss,
    MatchingSettings,
    assignment,
    cycas,
    placeholder,
    utrack,
)

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "matching.json").read_text(encoding="utf-8"))
CASES = [(k, n) for k, scene in enumerate(GOLDEN) for n in range(len(scene["utrack"]))]
DOUBLE = torch.float64


def laid_out(first, second, most):
    """(1, 2·most, D) features of both frames, random where nobody is, and (1, 2·most) where somebody is."""
    filled, there = torch.randn(2, most, first.shape[1], dtype=DOUBLE), torch.zeros(2, most, dtype=torch.bool)
    for frame, features in enumerate((first, second)):
        filled[frame, : len(features)] = features
        there[frame, : len(features)] = True
    return filled.flatten(0, 1)[None], there.flatten()[None]


def terms_of(features, there, negative, settings):
    unit = normalize(features, dim=2)
    similarity = unit @ unit.mT
    level = placeholder(similarity, there, negative, settings)
    share = assignment(similarity, there, level, settings.temperature)
    return utrack(share, there, negative, settings)


@pytest.mark.parametrize(("scene", "case"), CASES, ids=[f"{k}-{n}" for k, n in CASES])
@pytest.mark.parametrize("spare", [0, 3])
def test_golden_values_and_gradients(scene, case, spare):
    first, second = (torch.tensor(GOLDEN[scene][n], dtype=DOUBLE, requires_grad=True) for n in ("first", "second"))
    expected = GOLDEN[scene]["utrack"][case]
    settings = MatchingSettings(expected["placeholder"], expected["temperature"], negative="hinge")
    features, there = laid_out(first, second, max(len(first), len(second)) + spare)
    negative = torch.tensor([expected["negative"]])
    terms = terms_of(features, there, negative, settings)
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    found = {"total": total, "grad_prev_norm": first.grad.norm(), "grad_next_norm": second.grad.norm()}
    if not expected["negative"]:
        found |= {name: terms[name] for name in ("intra", "inter", "cycle")}
    else:  # without the hinge, what is left is the paper's term, divided
        real = terms_of(features, there, negative, MatchingSettings("zero", expected["temperature"]))["negative"]
        assert real.item() == pytest.approx(expected["total"] - expected["inter"], abs=1e-7)
        whole = MatchingSettings("zero", expected["temperature"], negative="sum")
        assert torch.isclose(terms_of(features, there, negative, whole)["negative"], real * there.sum())
    assert {name: value.item() for name, value in found.items()} == pytest.approx(
        {name: expected[name] for name in found}, abs=1e-7
    )


def batch_of(scenes, dimension=8):
    """What a network and a batch would be whose pictures hold these frames: a cell of the map for each object."""
    frames = [torch.tensor(scene[which], dtype=DOUBLE) for which in ("first", "second") for scene in scenes]
    most = max(map(len, frames))
    maps = torch.randn(len(frames), dimension, 1, most, dtype=DOUBLE)
    for picture, features in zip(maps, frames, strict=True):
        picture[:, 0, : len(features)] = features.T
    mask = torch.arange(most) < torch.tensor([len(features) for features in frames])[:, None]
    row = torch.where(mask, torch.arange(mask.numel()).view(mask.shape), -1)
    return {"embedding": maps}, {"mask": mask, "index": torch.arange(most).expand(mask.shape), "row": row}


EIGHT_NUMBERS = [scene for scene in GOLDEN if len(scene["first"][0]) == 8]


def test_a_ragged_batch_of_golden_pairs_is_their_mean():
    output, batch = batch_of(EIGHT_NUMBERS)
    negative = [k % 2 == 1 for k in range(len(EIGHT_NUMBERS))]
    batch["negative"] = torch.tensor(negative)
    losses = MatchingLoss(MatchingSettings(negative="hinge"))(output, batch)
    usual = ("mean", None)  # placeholder, temperature
    chosen = [
        next(c for c in scene["utrack"] if (c["placeholder"], c["temperature"], c["negative"]) == (*usual, two))
        for scene, two in zip(EIGHT_NUMBERS, negative, strict=True)
    ]
    assert len({len(scene["first"]) for scene in EIGHT_NUMBERS}) > 1
    assert losses["loss"].item() == pytest.approx(sum(c["total"] for c in chosen) / len(chosen), abs=1e-6)
    for term in ("intra", "inter", "cycle"):
        alone = [c[term] for c in chosen if not c["negative"]]
        assert losses[term].item() == pytest.approx(sum(alone) / len(chosen), abs=1e-6)
    told = sum(losses[name] for name in ("intra", "inter", "cycle", "negative"))
    assert losses["loss"].item() == pytest.approx(told.item())


def test_cycas_golden_in_a_ragged_batch_from_either_side():
    output, batch = batch_of(EIGHT_NUMBERS)
    half = len(EIGHT_NUMBERS)
    expected = sum(scene["cycas"] for scene in EIGHT_NUMBERS) / half
    assert CycleLoss()(output, batch)["loss"].item() == pytest.approx(expected, abs=1e-6)
    sizes = batch["mask"].sum(dim=1)
    differ = (sizes[:half] != sizes[half:]).nonzero().flatten()
    there_and_back = torch.cat([differ + half, differ])
    swapped = [{name: column[there_and_back] for name, column in columns.items()} for columns in (output, batch)]
    expected = sum(EIGHT_NUMBERS[k]["cycas"] for k in differ) / len(differ)
    assert CycleLoss()(*swapped)["loss"].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scene", GOLDEN, ids=[f"{len(s['first'])} and {len(s['second'])}" for s in GOLDEN])
def test_cycas_golden(scene):
    features, there = laid_out(*(torch.tensor(scene[name], dtype=DOUBLE) for name in ("first", "second")), 14)
    unit = normalize(features, dim=2)
    similarity = (unit @ unit.mT)[:, :14, 14:]
    cost = cycas(similarity, there[:, :14], there[:, 14:], CycleSettings())
    assert cost.item() == pytest.approx(scene["cycas"], abs=1e-9)


X, Y = [1.0, 0.0], [0.0, 1.0]


def tiny(first, second, scenes=1, **settings):
    """Terms of two frames of the vectors X and Y."""
    vectors = (torch.tensor(each, dtype=DOUBLE).reshape(-1, 2) for each in (first, second))
    terms = terms_of(*laid_out(*vectors, 2), torch.tensor([scenes == 2]), MatchingSettings(**settings))
    return {name: value.item() for name, value in terms.items()}


NOTHING = {"intra": 0, "inter": 0, "cycle": 0, "negative": 0}


def test_one_object_that_looks_the_same_by_hand():
    """M of its row: itself in the other frame, and the placeholder, at T = 2·ln 4."""
    assert tiny([X], [X]) == pytest.approx({**NOTHING, "inter": 0.5})  # the mean similarity is its own: half and half
    assert tiny([X], [X], placeholder="none") == pytest.approx(NOTHING)
    assert tiny([X], [X], placeholder="zero") == pytest.approx(NOTHING)  # 16/17 against 1/17
    assert tiny([X], [X], placeholder="zero", temperature=0.5) == pytest.approx(
        {**NOTHING, "inter": 1.5 - 2 / (1 + math.exp(-0.5))}
    )


def test_two_alike_in_one_frame_are_pushed_apart():
    assert tiny([X, X], []) == pytest.approx({**NOTHING, "intra": 0.5, "inter": 0.5})
    assert tiny([X, X], [], placeholder="none", inter=False) == pytest.approx(
        {"intra": 1, "cycle": 0, "negative": 0}  # nowhere else to go
    )


def test_there_and_back_by_hand():
    """X against X and Y at T = 1, placeholder 0: the way from Y to X is 1/3, the way back 1/(e + 2)."""
    found = tiny([X], [X, Y], placeholder="zero", temperature=1.0)
    e = math.e
    assert found["cycle"] == pytest.approx((1 / 3 - 1 / (e + 2)) / 3)
    assert found["intra"] == pytest.approx((1 / (e + 2) + 1 / 3) / 3)
    assert found["inter"] == pytest.approx((2 * (1 / (e + 2) + 0.5 - e / (e + 2)) + 0.5) / 3)


@pytest.mark.parametrize("form", ["sum", "mean", "hinge"])
def test_two_scenes_by_hand(form):
    """All that goes to somebody rather than nobody: e/(e + 1) of each of the two."""
    real = math.e / (math.e + 1)
    expected = {"sum": 2 * real, "mean": real, "hinge": real + real + 0.5 - (1 - real)}[form]
    for level in ("zero", "none"):  # which is 0 where there must be somewhere to go
        found = tiny([X], [X], 2, placeholder=level, temperature=1.0, negative=form)
        assert found == pytest.approx({**NOTHING, "negative": expected})
    mean = tiny([X], [X], 2, temperature=1.0, negative=form)["negative"]  # half of each, but for the code's
    assert mean == pytest.approx({"sum": 1, "mean": 0.5, "hinge": expected}[form])


def test_rows_add_up_to_one_and_nobody_goes_to_oneself_or_where_nobody_is():
    similarity = torch.randn(3, 6, 6, dtype=DOUBLE)
    there = torch.tensor([[1, 1, 0, 1, 1, 1], [0, 0, 0, 1, 0, 0], [0] * 6], dtype=torch.bool)
    for level in (0.3, torch.nan):
        share = assignment(similarity, there, torch.full((3,), level, dtype=DOUBLE))
        alone = torch.tensor([1, 0 if math.isnan(level) else 1, 0])[:, None]
        assert torch.allclose(share.sum(dim=2), (there * alone).to(DOUBLE))
        assert (share.diagonal(dim1=1, dim2=2) == 0).all()
        assert (share[..., :-1].masked_select(~there[:, None].expand(-1, 6, -1)) == 0).all()
    one_hot = assignment(100 * torch.eye(6, dtype=DOUBLE).roll(3, 0)[None], there[:1] | True, torch.zeros(1))
    assert torch.allclose(one_hot[0, :, :-1], torch.eye(6, dtype=DOUBLE).roll(3, 0))


def test_the_hotter_the_more_columns():
    """C counts the placeholder: with three objects 4 columns, T = 2·ln 5, and without it 2·ln 4."""
    there = torch.ones(1, 4, dtype=torch.bool)
    there[0, 3] = False
    similarity = torch.zeros(1, 4, 4, dtype=DOUBLE)
    similarity[0, 0, 1] = 1
    for level, sharp in ((0.0, 25), (torch.nan, 16)):
        share = assignment(similarity, there, torch.tensor([level], dtype=DOUBLE))[0, 0]
        assert (share[1] / share[2]).item() == pytest.approx(sharp)


def test_the_placeholder_is_told_and_draws_no_gradient(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(((2, 2), (3, 1)), negative=[False, True])
    output = embedding_of(batch)
    losses = MatchingLoss()(output, batch)
    flat = output["embedding"].flatten(2).mT
    unit = normalize(torch.cat([flat[b, batch["index"][b, :2]] for b in (0, 2)]), dim=1)
    similarity = unit @ unit.T
    mean = (similarity.sum() - 4) / 12
    assert torch.isclose(losses["placeholder"], mean, atol=1e-6)
    away = torch.cat([similarity.fill_diagonal_(-torch.inf), mean.expand(4, 1)], dim=1)
    share = (2 * math.log(6) * away).softmax(dim=1)
    assert torch.isclose(losses["to_placeholder"], share[:, -1].mean(), atol=1e-6)
    similarity = torch.rand(1, 4, 4, requires_grad=True)
    level = placeholder(similarity, torch.ones(1, 4, dtype=torch.bool), torch.tensor([False]), MatchingSettings())
    assert not level.requires_grad


def test_terms_take_part_or_not(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(negative=[False, False, True, False, False])
    output = embedding_of(batch)
    whole = MatchingLoss()(output, batch)
    for chosen in product([False, True], repeat=3):
        names = [name for name, wanted in zip(("intra", "inter", "cycle"), chosen, strict=True) if wanted]
        settings = MatchingSettings(intra=chosen[0], inter=chosen[1], cycle=chosen[2])
        losses = MatchingLoss(settings)(output, batch)
        expected = torch.stack([whole[name] for name in (*names, "negative")]).sum()
        assert torch.isclose(losses["loss"], expected)
        assert {"intra", "inter", "cycle"} & losses.keys() == set(names)


def test_learning_moves_the_same_together_and_others_apart():
    """Free vectors, two views of five objects, in an order that the objective is not told."""
    torch.manual_seed(0)
    base = torch.randn(5, 8)
    vectors = torch.stack([base + 0.4 * torch.randn(5, 8), base.flip(0) + 0.4 * torch.randn(5, 8)])
    vectors.requires_grad_()
    mask = torch.ones(2, 5, dtype=torch.bool)
    row = torch.stack([torch.arange(5), torch.arange(5).flip(0)])
    batch = {"mask": mask, "row": row, "index": torch.arange(5).expand(2, -1)}
    optimiser, told = torch.optim.Adam([vectors], lr=0.05), []
    for _ in range(60):
        losses = MatchingLoss()({"embedding": vectors.mT[:, :, None]}, batch)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        told.append({name: value.item() for name, value in losses.items()})
    first, last = told[0], told[-1]
    assert last["loss"] < 0.1 * first["loss"]
    assert last["similarity_same"] > 0.95 > first["similarity_same"]
    assert last["similarity_other"] < first["similarity_other"]
    assert all(later["loss"] < before["loss"] for before, later in pairwise(told[::20]))


@pytest.mark.parametrize("kind", [MatchingSettings, CycleSettings])
def test_settings_that_make_no_sense(kind):
    with pytest.raises(ValueError, match="margin is -1, expected 0 or more"):
        kind(margin=-1)
    with pytest.raises(ValueError, match="temperature is 0, expected more than 0, or none"):
        kind(temperature=0)
