"""Matching losses: golden values and gradients, single and in ragged batches, and tiny frames by hand."""

import json
import math
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import normalize

from idfree.learn.objectives.matching import (
    CycleLoss,
    CycleSettings,
    MatchingLoss,
    MatchingSettings,
    cycle_costs,
    placeholder_similarity,
    soft_assignment,
    utrack_terms,
)

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "matching.json").read_text(encoding="utf-8"))
CASES = [(k, n) for k, scene in enumerate(GOLDEN) for n in range(len(scene["utrack"]))]
DOUBLE = torch.float64


def pad_frames(first, second, most):
    """(1, 2·most, D) features of both frames with random padding, and their mask (1, 2·most)."""
    padded, mask = torch.randn(2, most, first.shape[1], dtype=DOUBLE), torch.zeros(2, most, dtype=torch.bool)
    for frame, features in enumerate((first, second)):
        padded[frame, : len(features)] = features
        mask[frame, : len(features)] = True
    return padded.flatten(0, 1)[None], mask.flatten()[None]


def terms_of(features, mask, negative, settings):
    """The terms of `utrack_terms` from features."""
    unit = normalize(features, dim=2)
    similarity = unit @ unit.mT
    placeholder = placeholder_similarity(similarity, mask, negative, settings)
    assignment = soft_assignment(similarity, mask, placeholder, settings.temperature)
    return utrack_terms(assignment, mask, negative, settings)


@pytest.mark.parametrize(("scene", "case"), CASES, ids=[f"{k}-{n}" for k, n in CASES])
@pytest.mark.parametrize("padding", [0, 3])
def test_golden_values_and_gradients(scene, case, padding):
    first, second = (torch.tensor(GOLDEN[scene][n], dtype=DOUBLE, requires_grad=True) for n in ("first", "second"))
    expected = GOLDEN[scene]["utrack"][case]
    settings = MatchingSettings(expected["placeholder"], expected["temperature"], negative="hinge")
    features, mask = pad_frames(first, second, max(len(first), len(second)) + padding)
    negative = torch.tensor([expected["negative"]])
    terms = terms_of(features, mask, negative, settings)
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    computed = {"total": total, "grad_prev_norm": first.grad.norm(), "grad_next_norm": second.grad.norm()}
    if not expected["negative"]:
        computed |= {name: terms[name] for name in ("intra", "inter", "cycle")}
    else:  # without the hinge: the paper's term, divided
        real = terms_of(features, mask, negative, MatchingSettings("zero", expected["temperature"]))["negative"]
        assert real.item() == pytest.approx(expected["total"] - expected["inter"], abs=1e-7)
        whole = MatchingSettings("zero", expected["temperature"], negative="sum")
        assert torch.isclose(terms_of(features, mask, negative, whole)["negative"], real * mask.sum())
    assert {name: value.item() for name, value in computed.items()} == pytest.approx(
        {name: expected[name] for name in computed}, abs=1e-7
    )


def batch_of(scenes, dimension=8):
    """An output and a batch of the frames of these golden scenes, with a cell of the map for each object."""
    frames = [torch.tensor(scene[which], dtype=DOUBLE) for which in ("first", "second") for scene in scenes]
    most = max(map(len, frames))
    maps = torch.randn(len(frames), dimension, 1, most, dtype=DOUBLE)
    for image, features in zip(maps, frames, strict=True):
        image[:, 0, : len(features)] = features.T
    mask = torch.arange(most) < torch.tensor([len(features) for features in frames])[:, None]
    row = torch.where(mask, torch.arange(mask.numel()).view(mask.shape), -1)
    return {"embedding": maps}, {"mask": mask, "index": torch.arange(most).expand(mask.shape), "row": row}


EIGHT_DIMENSIONS = [scene for scene in GOLDEN if len(scene["first"][0]) == 8]


def test_loss_of_a_ragged_batch_is_the_mean_of_golden_pairs():
    output, batch = batch_of(EIGHT_DIMENSIONS)
    negative = [k % 2 == 1 for k in range(len(EIGHT_DIMENSIONS))]
    batch["negative"] = torch.tensor(negative)
    losses = MatchingLoss(MatchingSettings(negative="hinge"))(output, batch)
    defaults = ("mean", None)  # placeholder, temperature
    chosen = [
        next(c for c in scene["utrack"] if (c["placeholder"], c["temperature"], c["negative"]) == (*defaults, expected))
        for scene, expected in zip(EIGHT_DIMENSIONS, negative, strict=True)
    ]
    assert len({len(scene["first"]) for scene in EIGHT_DIMENSIONS}) > 1
    assert losses["loss"].item() == pytest.approx(sum(c["total"] for c in chosen) / len(chosen), abs=1e-6)
    for term in ("intra", "inter", "cycle"):
        alone = [c[term] for c in chosen if not c["negative"]]
        assert losses[term].item() == pytest.approx(sum(alone) / len(chosen), abs=1e-6)
    total = sum(losses[name] for name in ("intra", "inter", "cycle", "negative"))
    assert losses["loss"].item() == pytest.approx(total.item())


def test_cycas_golden_in_a_ragged_batch_and_with_frames_swapped():
    output, batch = batch_of(EIGHT_DIMENSIONS)
    half = len(EIGHT_DIMENSIONS)
    expected = sum(scene["cycas"] for scene in EIGHT_DIMENSIONS) / half
    assert CycleLoss()(output, batch)["loss"].item() == pytest.approx(expected, abs=1e-6)
    sizes = batch["mask"].sum(dim=1)
    differ = (sizes[:half] != sizes[half:]).nonzero().flatten()
    swap = torch.cat([differ + half, differ])
    swapped = [{name: column[swap] for name, column in columns.items()} for columns in (output, batch)]
    expected = sum(EIGHT_DIMENSIONS[k]["cycas"] for k in differ) / len(differ)
    assert CycleLoss()(*swapped)["loss"].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scene", GOLDEN, ids=[f"{len(s['first'])} and {len(s['second'])}" for s in GOLDEN])
def test_cycas_golden(scene):
    features, mask = pad_frames(*(torch.tensor(scene[name], dtype=DOUBLE) for name in ("first", "second")), 14)
    unit = normalize(features, dim=2)
    similarity = (unit @ unit.mT)[:, :14, 14:]
    cost = cycle_costs(similarity, mask[:, :14], mask[:, 14:], CycleSettings())
    assert cost.item() == pytest.approx(scene["cycas"], abs=1e-9)


X, Y = [1.0, 0.0], [0.0, 1.0]


def tiny(first, second, scenes=1, **settings):
    """Terms of two frames of the vectors X and Y."""
    vectors = (torch.tensor(each, dtype=DOUBLE).reshape(-1, 2) for each in (first, second))
    terms = terms_of(*pad_frames(*vectors, 2), torch.tensor([scenes == 2]), MatchingSettings(**settings))
    return {name: value.item() for name, value in terms.items()}


ZERO = {"intra": 0, "inter": 0, "cycle": 0, "negative": 0}


def test_one_object_with_the_same_embedding_by_hand():
    """Columns of its row: itself in the other frame, and the placeholder, at T = 2·ln 4."""
    assert tiny([X], [X]) == pytest.approx({**ZERO, "inter": 0.5})  # the placeholder is as similar: 1/2 each
    assert tiny([X], [X], placeholder="none") == pytest.approx(ZERO)
    assert tiny([X], [X], placeholder="zero") == pytest.approx(ZERO)  # 16/17 against 1/17
    assert tiny([X], [X], placeholder="zero", temperature=0.5) == pytest.approx(
        {**ZERO, "inter": 1.5 - 2 / (1 + math.exp(-0.5))}
    )


@pytest.mark.parametrize(("placeholder", "inter", "slope"), [("mean", 0.5, 0.0), ("zero", 0.3, -0.48)])
@pytest.mark.parametrize("rounding", [-1e-16, 0, 1e-16])
def test_gradient_of_one_object_in_each_frame_by_hand(placeholder, inter, slope, rounding):
    """Rows of M for the other object and 1 − M for the placeholder: inter = margin − |2M − 1|.

    With placeholder 0, similarity 0.6 and e^0.6T = 1.5, M = 0.6 and dinter/dsimilarity = −2T·M(1 − M) = −0.48 T. The
    mean of one similarity is that similarity, M = 1/2: |2M − 1| has the slope 0, whatever rounding makes of the two.
    """
    temperature = math.log(1.5) / 0.6
    similarity = torch.tensor([[[1, 0.6], [0.6 + rounding, 1]]], dtype=DOUBLE, requires_grad=True)
    mask, negative = torch.ones(1, 2, dtype=torch.bool), torch.tensor([False])
    settings = MatchingSettings(placeholder, temperature)
    nobody = placeholder_similarity(similarity, mask, negative, settings)
    terms = utrack_terms(soft_assignment(similarity, mask, nobody, temperature), mask, negative, settings)
    assert terms["inter"].item() == pytest.approx(inter)
    (gradient,) = torch.autograd.grad(terms["inter"].sum(), similarity)
    per_object = slope * temperature / 2
    assert gradient[0].tolist() == pytest.approx(np.array([[0, per_object], [per_object, 0]]))


def test_two_equal_embeddings_in_one_frame_have_a_loss():
    assert tiny([X, X], []) == pytest.approx({**ZERO, "intra": 0.5, "inter": 0.5})
    assert tiny([X, X], [], placeholder="none", inter=False) == pytest.approx(
        {"intra": 1, "cycle": 0, "negative": 0}  # the only column
    )


def test_cycle_term_by_hand():
    """X against X and Y at T = 1, placeholder 0: the assignment of Y to X is 1/3, the reverse 1/(e + 2)."""
    terms = tiny([X], [X, Y], placeholder="zero", temperature=1.0)
    e = math.e
    assert terms["cycle"] == pytest.approx((1 / 3 - 1 / (e + 2)) / 3)
    assert terms["intra"] == pytest.approx((1 / (e + 2) + 1 / 3) / 3)
    assert terms["inter"] == pytest.approx((2 * (1 / (e + 2) + 0.5 - e / (e + 2)) + 0.5) / 3)


@pytest.mark.parametrize("form", ["sum", "mean", "hinge"])
def test_negative_pairs_by_hand(form):
    """The assignment to the other object: e/(e + 1) for each of the two."""
    real = math.e / (math.e + 1)
    expected = {"sum": 2 * real, "mean": real, "hinge": real + real + 0.5 - (1 - real)}[form]
    for placeholder in ("zero", "none"):  # the latter is 0 for negative pairs
        terms = tiny([X], [X], 2, placeholder=placeholder, temperature=1.0, negative=form)
        assert terms == pytest.approx({**ZERO, "negative": expected})
    mean = tiny([X], [X], 2, temperature=1.0, negative=form)["negative"]  # 1/2 each, but for the hinge
    assert mean == pytest.approx({"sum": 1, "mean": 0.5, "hinge": expected}[form])


def test_assignment_rows_sum_to_one_without_diagonal_and_padding():
    similarity = torch.randn(3, 6, 6, dtype=DOUBLE)
    mask = torch.tensor([[1, 1, 0, 1, 1, 1], [0, 0, 0, 1, 0, 0], [0] * 6], dtype=torch.bool)
    for placeholder in (0.3, torch.nan):
        assignment = soft_assignment(similarity, mask, torch.full((3,), placeholder, dtype=DOUBLE))
        has_column = torch.tensor([1, 0 if math.isnan(placeholder) else 1, 0])[:, None]
        assert torch.allclose(assignment.sum(dim=2), (mask * has_column).to(DOUBLE))
        assert (assignment.diagonal(dim1=1, dim2=2) == 0).all()
        assert (assignment[..., :-1].masked_select(~mask[:, None].expand(-1, 6, -1)) == 0).all()
    one_hot = soft_assignment(100 * torch.eye(6, dtype=DOUBLE).roll(3, 0)[None], mask[:1] | True, torch.zeros(1))
    assert torch.allclose(one_hot[0, :, :-1], torch.eye(6, dtype=DOUBLE).roll(3, 0))


def test_temperature_depends_on_the_number_of_columns():
    """C counts the placeholder: three objects have T = 2·ln 5 with it, and 2·ln 4 without."""
    mask = torch.ones(1, 4, dtype=torch.bool)
    mask[0, 3] = False
    similarity = torch.zeros(1, 4, 4, dtype=DOUBLE)
    similarity[0, 0, 1] = 1
    for placeholder, ratio in ((0.0, 25), (torch.nan, 16)):
        row = soft_assignment(similarity, mask, torch.tensor([placeholder], dtype=DOUBLE))[0, 0]
        assert (row[1] / row[2]).item() == pytest.approx(ratio)


def test_the_placeholder_is_a_metric_without_gradient(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(((2, 2), (3, 1)), negative=[False, True])
    output = embedding_of(batch)
    losses = MatchingLoss()(output, batch)
    flat = output["embedding"].flatten(2).mT
    unit = normalize(torch.cat([flat[b, batch["index"][b, :2]] for b in (0, 2)]), dim=1)
    similarity = unit @ unit.T
    mean = (similarity.sum() - 4) / 12
    assert torch.isclose(losses["placeholder"], mean, atol=1e-6)
    extended = torch.cat([similarity.fill_diagonal_(-torch.inf), mean.expand(4, 1)], dim=1)
    assignment = (2 * math.log(6) * extended).softmax(dim=1)
    assert torch.isclose(losses["to_placeholder"], assignment[:, -1].mean(), atol=1e-6)
    similarity = torch.rand(1, 4, 4, requires_grad=True)
    mask, negative = torch.ones(1, 4, dtype=torch.bool), torch.tensor([False])
    assert not placeholder_similarity(similarity, mask, negative, MatchingSettings()).requires_grad


def test_terms_can_be_disabled(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(negative=[False, False, True, False, False])
    output = embedding_of(batch)
    all_terms = MatchingLoss()(output, batch)
    for enabled in product([False, True], repeat=3):
        names = [name for name, is_used in zip(("intra", "inter", "cycle"), enabled, strict=True) if is_used]
        settings = MatchingSettings(intra=enabled[0], inter=enabled[1], cycle=enabled[2])
        losses = MatchingLoss(settings)(output, batch)
        expected = torch.stack([all_terms[name] for name in (*names, "negative")]).sum()
        assert torch.isclose(losses["loss"], expected)
        assert {"intra", "inter", "cycle"} & losses.keys() == set(names)


def test_training_separates_objects():
    """Gradient descent on free vectors, two views of five objects in unknown order."""
    torch.manual_seed(0)
    base = torch.randn(5, 8)
    vectors = torch.stack([base + 0.4 * torch.randn(5, 8), base.flip(0) + 0.4 * torch.randn(5, 8)])
    vectors.requires_grad_()
    mask = torch.ones(2, 5, dtype=torch.bool)
    row = torch.stack([torch.arange(5), torch.arange(5).flip(0)])
    batch = {"mask": mask, "row": row, "index": torch.arange(5).expand(2, -1)}
    optimiser, history = torch.optim.Adam([vectors], lr=0.05), []
    for _ in range(60):
        losses = MatchingLoss()({"embedding": vectors.mT[:, :, None]}, batch)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        history.append({name: value.item() for name, value in losses.items()})
    first, last = history[0], history[-1]
    assert last["loss"] < 0.1 * first["loss"]
    assert last["similarity_same"] > 0.95 > first["similarity_same"]
    assert last["similarity_other"] < first["similarity_other"]
    assert all(later["loss"] < before["loss"] for before, later in pairwise(history[::20]))


@pytest.mark.parametrize("kind", [MatchingSettings, CycleSettings])
def test_invalid_settings(kind):
    with pytest.raises(ValueError, match="margin is -1, expected 0 or more"):
        kind(margin=-1)
    with pytest.raises(ValueError, match="temperature is 0, expected more than 0, or none"):
        kind(temperature=0)
