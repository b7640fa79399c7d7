"""Contrastive losses: golden values, four points on a circle by hand, and the definitions."""

import json
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import normalize

from idfree.learn.objectives.contrastive import (
    ContrastiveLoss,
    ContrastiveSettings,
    align_views,
    nt_xent_loss,
    triplet_all_loss,
    triplet_hard_loss,
)

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "contrastive.json").read_text(encoding="utf-8"))
MASK = torch.tensor([[True, True]])
COUNTS = ((4, 4), (4, 3), (3, 3), (0, 0))  # of which 3, 2, 1 and 0 objects are in both views


def batch_of(case):
    """An output and a batch that hold the samples of a golden case, in reverse order in the second views.

    Maps have a cell for each object of the image with the most objects.
    """
    half = len(case["image_ids"]) // 2
    vectors = torch.tensor(case["embeddings"], dtype=torch.float64)
    image, number = torch.tensor(case["image_ids"]), torch.tensor(case["object_ids"])
    most, images = int(image.bincount().max()) // 2, int(image.max()) + 1
    maps = torch.zeros(2 * images, vectors.shape[1], 1, most, dtype=torch.float64)
    row = torch.full((2 * images, most), -1)
    for k in range(2 * half):
        second = k >= half
        cell = most - 1 - number[k] if second else number[k]
        view = image[k] + images * second
        maps[view, :, 0, cell] = vectors[k]
        row[view, cell] = 100 * image[k] + number[k]
    index = torch.arange(most).expand(2 * images, -1)
    return {"embedding": maps}, {"mask": row >= 0, "row": row, "index": index}


@pytest.mark.parametrize("case", GOLDEN, ids=[f"{len(each['object_ids'])} samples" for each in GOLDEN])
def test_golden(case):
    output, batch = batch_of(case)
    settings = {
        "triplet_hard": ContrastiveSettings("triplet-hard", margin=case["margin"]),
        "triplet_all": ContrastiveSettings("triplet-all", margin=case["margin"], violating=True),
        "nt_xent_t0.5": ContrastiveSettings("nt-xent", temperature=0.5),
        "nt_xent_t0.1": ContrastiveSettings("nt-xent", temperature=0.1),
    }
    for name, chosen in settings.items():
        assert ContrastiveLoss(8, chosen)(output, batch)["loss"].item() == pytest.approx(case[name], abs=1e-6), name


def on_circle(*degrees):
    """(1, objects, views, 2) unit vectors at these angles, given object by object."""
    angle = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([angle.cos(), angle.sin()], dim=-1)[None]


def chord(degrees):
    return 2 * math.sin(math.radians(degrees) / 2)


FOUR = on_circle([0, 60], [90, 180])


def test_triplet_hard_by_hand():
    """Only the samples at 60° and 90° have a negative within the margin of their positive."""
    expected = (chord(60) - chord(30) + 0.3) + (chord(90) - chord(30) + 0.3)
    assert triplet_hard_loss(FOUR, MASK, ContrastiveSettings()).item() == pytest.approx(expected / 4)


@pytest.mark.parametrize("violating", [False, True])
def test_triplet_all_by_hand(violating):
    positives = {0: 60, 60: 60, 90: 90, 180: 90}
    negatives = {0: (90, 180), 60: (30, 120), 90: (90, 30), 180: (180, 120)}
    gaps = [max(chord(positives[a]) - chord(n) + 0.3, 0) for a in positives for n in negatives[a]]
    assert [round(gap, 2) for gap in gaps] == [0, 0, 0.78, 0, 0.3, 1.2, 0, 0]
    settings = ContrastiveSettings("triplet-all", violating=violating)
    expected = sum(gaps) / (3 if violating else 8)
    assert triplet_all_loss(FOUR, MASK, settings).item() == pytest.approx(expected)


def test_nt_xent_by_hand():
    cosines = {
        0: (60, 90, 180),
        60: (60, 30, 120),
        90: (90, 90, 30),
        180: (90, 180, 120),
    }  # to the positive, then to the negatives
    losses = []
    for angles in cosines.values():
        positive, *negatives = (math.exp(math.cos(math.radians(angle)) / 0.5) for angle in angles)
        losses.append(-math.log(positive / (positive + sum(negatives))))
    assert nt_xent_loss(FOUR, MASK, ContrastiveSettings("nt-xent")).item() == pytest.approx(sum(losses) / 4)


@pytest.mark.parametrize("loss", [triplet_hard_loss, triplet_all_loss, nt_xent_loss])
def test_by_definition_with_several_samples_of_each_view(loss):
    """Two images of 3 and 2 objects, four samples of each."""
    unit = normalize(torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64), dim=3)
    mask = torch.tensor([[True, True, True], [True, False, True]])
    terms = []
    for image, objects in enumerate(([0, 1, 2], [0, 2])):
        samples = [(m, v) for m in objects for v in range(4)]
        for m, v in samples:
            anchor = unit[image, m, v]
            positives = [unit[image, m, w] for w in range(4) if w != v]
            negatives = [unit[image, n, w] for n, w in samples if n != m]
            near = [(anchor - negative).norm().item() for negative in negatives]
            far = [(anchor - positive).norm().item() for positive in positives]
            if loss is triplet_hard_loss:
                terms.append(max(max(far) - min(near) + 0.3, 0))
            elif loss is triplet_all_loss:
                terms += [max(p - n + 0.3, 0) for p in far for n in near]
            else:
                total = sum(math.exp(2 * (anchor @ negative).item()) for negative in negatives)
                terms += [-math.log((e := math.exp(2 * (anchor @ each).item())) / (e + total)) for each in positives]
    assert loss(unit, mask, ContrastiveSettings()).item() == pytest.approx(sum(terms) / len(terms))


@pytest.mark.parametrize("loss", [triplet_hard_loss, triplet_all_loss, nt_xent_loss])
def test_gradients_match_finite_differences(loss):
    random = torch.Generator().manual_seed(3)
    raw = torch.randn(2, 3, 2, 4, generator=random, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    assert torch.autograd.gradcheck(lambda x: loss(normalize(x, dim=3), mask, ContrastiveSettings()), raw)


@pytest.mark.parametrize("loss", [triplet_hard_loss, triplet_all_loss, nt_xent_loss])
def test_a_single_object_has_zero_loss_and_equal_views_a_finite_gradient(loss):
    raw = torch.ones(2, 2, 2, 4, requires_grad=True)
    alone = torch.tensor([[True, False], [False, True]])
    one = loss(normalize(raw, dim=3), alone, ContrastiveSettings())
    one.backward()
    assert one == 0
    assert (raw.grad == 0).all()
    loss(normalize(raw, dim=3), torch.tensor([[True, True]] * 2), ContrastiveSettings()).backward()
    assert torch.isfinite(raw.grad).all()


def test_views_are_aligned_by_object():
    embedding = torch.arange(24.0).view(1, 2, 3, 2, 2)  # one pair, three objects in each, two samples of each
    same = torch.zeros(1, 3, 3, dtype=torch.bool)
    same[0, 0, 2] = same[0, 2, 1] = True
    samples, mask = align_views(embedding, same)
    assert mask.tolist() == [[True, False, True]]
    assert samples.shape == (1, 3, 4, 2)
    assert torch.equal(samples[0, 0], torch.cat([embedding[0, 0, 0], embedding[0, 1, 2]]))
    assert torch.equal(samples[0, 2], torch.cat([embedding[0, 0, 2], embedding[0, 1, 1]]))


def test_pairs_without_common_objects_have_zero_loss(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(((3, 3), (4, 2)))
    batch["row"] = torch.where(batch["mask"], torch.arange(16).view(4, 4), -1)
    assert ContrastiveLoss(8)(embedding_of(batch), batch)["loss"] == 0


def test_off_centre_cells_are_samples_of_the_object(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(((4, 4),))
    output = embedding_of(batch)
    centre = ContrastiveLoss(8, ContrastiveSettings("nt-xent"))(output, batch)["loss"]
    doubled = {**batch, "around": batch["index"][..., None]}  # each sample twice
    flat = output["embedding"].flatten(2).mT
    unit = normalize(torch.stack([flat[b][batch["index"][b]] for b in (0, 1)]), dim=2)
    samples, mask = align_views(unit[None, :, :, None].expand(-1, -1, -1, 2, -1), batch_same(batch))
    loss = ContrastiveLoss(8, ContrastiveSettings("nt-xent"))(output, doubled)["loss"]
    assert torch.isclose(loss, nt_xent_loss(samples, mask, ContrastiveSettings()))
    assert not torch.isclose(loss, centre)
    elsewhere = {**batch, "around": (batch["index"][..., None] + torch.tensor([1, 7])) % 24}
    ContrastiveLoss(8, ContrastiveSettings("nt-xent"))(output, elsewhere)["loss"].backward()
    with_gradient = (output["embedding"].grad[0] != 0).any(dim=0).flatten().nonzero().flatten()
    common = batch["row"][0][:, None] == batch["row"][1]
    expected = torch.cat([batch["index"][0, :, None], elsewhere["around"][0]], dim=1)[common.any(dim=1)]
    assert with_gradient.tolist() == sorted(set(expected.flatten().tolist()))


def batch_same(batch):
    """(1, M, M) bool: object i of the first image is object j of the second."""
    return (batch["row"][0][:, None] == batch["row"][1])[None]


def test_the_projection_is_compared_instead_of_the_embedding(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of()
    output = embedding_of(batch)
    torch.manual_seed(0)
    objective = ContrastiveLoss(8, ContrastiveSettings("nt-xent", projection=4))
    first, last = objective.parameters()
    mapped = torch.einsum("bdhw,ed->behw", output["embedding"], first).relu()
    projected = {"embedding": torch.einsum("bdhw,ed->behw", mapped, last)}
    plain = ContrastiveLoss(4, ContrastiveSettings("nt-xent"))(projected, batch)["loss"]
    assert torch.isclose(objective(output, batch)["loss"], plain, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"margin": -0.1}, {"temperature": 0.0}, {"projection": -1}])
def test_invalid_settings(wrong):
    with pytest.raises(ValueError, match="margin and projection must be 0 or more, temperature more than 0"):
        ContrastiveSettings(**wrong)


@pytest.mark.parametrize("kind", ["triplet-hard", "triplet-all", "nt-xent"])
def test_by_image_an_image_of_one_object_counts_for_nothing(kind, pairs):
    """The paper's losses are of one image; an image of many objects weighs as much as one of few."""
    make_batch, make_output = pairs
    settings = ContrastiveSettings(kind, pool="image")

    batch = make_batch(COUNTS)
    output = make_output(batch)

    def loss(images):
        chosen = [*images, *(k + len(COUNTS) for k in images)]
        columns = ({key: each[chosen] for key, each in both.items()} for both in (output, batch))
        return ContrastiveLoss(8, settings)(*columns)["loss"]

    many, few = loss([0]), loss([1])
    assert many > 0
    torch.testing.assert_close(loss([0, 1]), (many + few) / 2)
    torch.testing.assert_close(loss([0, 1, 2, 3]), (many + few) / 2)
    assert loss([2, 3]) == 0
