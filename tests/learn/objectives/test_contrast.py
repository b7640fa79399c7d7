"""Contrast within a picture: golden figures, four points on a circle by hand, and definitions written out."""

import json
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import normalize

from idfree.learn.objectives.contrast import (
    ContrastiveLoss,
    ContrastiveSettings,
    aligned,
    nt_xent,
    triplet_all,
    triplet_hard,
)

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "contrastive.json").read_text(encoding="utf-8"))
THERE = torch.tensor([[True, True]])


def batch_of(case):
    """What a network and a batch would be whose pictures hold the golden figures' objects, the second view's reversed.

    The map of a picture is as many cells as there are objects in the fullest.
    """
    half = len(case["image_ids"]) // 2
    vectors = torch.tensor(case["embeddings"], dtype=torch.float64)
    image, number = torch.tensor(case["image_ids"]), torch.tensor(case["object_ids"])
    most, pictures = int(image.bincount().max()) // 2, int(image.max()) + 1
    maps = torch.zeros(2 * pictures, vectors.shape[1], 1, most, dtype=torch.float64)
    row = torch.full((2 * pictures, most), -1)
    for k in range(2 * half):
        second = k >= half
        place = most - 1 - number[k] if second else number[k]
        picture = image[k] + pictures * second
        maps[picture, :, 0, place] = vectors[k]
        row[picture, place] = 100 * image[k] + number[k]
    index = torch.arange(most).expand(2 * pictures, -1)
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
    """(1, objects, views, 2) unit vectors, the views of an object one after the other."""
    angle = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([angle.cos(), angle.sin()], dim=-1)[None]


def chord(degrees):
    return 2 * math.sin(math.radians(degrees) / 2)


FOUR = on_circle([0, 60], [90, 180])


def test_triplet_hard_by_hand():
    """Only at 60° and 90°, of two objects, is the other object within the margin of the own."""
    expected = (chord(60) - chord(30) + 0.3) + (chord(90) - chord(30) + 0.3)
    assert triplet_hard(FOUR, THERE, ContrastiveSettings()).item() == pytest.approx(expected / 4)


@pytest.mark.parametrize("violating", [False, True])
def test_triplet_all_by_hand(violating):
    own = {0: 60, 60: 60, 90: 90, 180: 90}
    others = {0: (90, 180), 60: (30, 120), 90: (90, 30), 180: (180, 120)}
    gaps = [max(chord(own[a]) - chord(n) + 0.3, 0) for a in own for n in others[a]]
    assert [round(gap, 2) for gap in gaps] == [0, 0, 0.78, 0, 0.3, 1.2, 0, 0]
    settings = ContrastiveSettings("triplet-all", violating=violating)
    expected = sum(gaps) / (3 if violating else 8)
    assert triplet_all(FOUR, THERE, settings).item() == pytest.approx(expected)


def test_nt_xent_by_hand():
    cosines = {0: (60, 90, 180), 60: (60, 30, 120), 90: (90, 90, 30), 180: (90, 180, 120)}  # own, then the others
    losses = []
    for angles in cosines.values():
        own, *others = (math.exp(math.cos(math.radians(angle)) / 0.5) for angle in angles)
        losses.append(-math.log(own / (own + sum(others))))
    assert nt_xent(FOUR, THERE, ContrastiveSettings("nt-xent")).item() == pytest.approx(sum(losses) / 4)


@pytest.mark.parametrize("loss", [triplet_hard, triplet_all, nt_xent])
def test_by_definition_with_several_samples_of_each_view(loss):
    """Two pictures of 3 and 2 objects, four samples of each, one sum over samples after the other."""
    unit = normalize(torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64), dim=3)
    there = torch.tensor([[True, True, True], [True, False, True]])
    terms = []
    for picture, objects in enumerate(([0, 1, 2], [0, 2])):
        samples = [(m, v) for m in objects for v in range(4)]
        for m, v in samples:
            anchor = unit[picture, m, v]
            own = [unit[picture, m, w] for w in range(4) if w != v]
            others = [unit[picture, n, w] for n, w in samples if n != m]
            near = [(anchor - other).norm().item() for other in others]
            far = [(anchor - each).norm().item() for each in own]
            if loss is triplet_hard:
                terms.append(max(max(far) - min(near) + 0.3, 0))
            elif loss is triplet_all:
                terms += [max(p - n + 0.3, 0) for p in far for n in near]
            else:
                rivals = sum(math.exp(2 * (anchor @ other).item()) for other in others)
                terms += [-math.log((e := math.exp(2 * (anchor @ each).item())) / (e + rivals)) for each in own]
    assert loss(unit, there, ContrastiveSettings()).item() == pytest.approx(sum(terms) / len(terms))


@pytest.mark.parametrize("loss", [triplet_hard, triplet_all, nt_xent])
def test_gradients_are_those_of_the_values(loss):
    random = torch.Generator().manual_seed(3)
    raw = torch.randn(2, 3, 2, 4, generator=random, dtype=torch.float64, requires_grad=True)
    there = torch.tensor([[True, True, True], [True, True, False]])
    assert torch.autograd.gradcheck(lambda x: loss(normalize(x, dim=3), there, ContrastiveSettings()), raw)


@pytest.mark.parametrize("loss", [triplet_hard, triplet_all, nt_xent])
def test_nobody_else_in_the_picture_is_nothing_and_equal_views_have_a_slope(loss):
    raw = torch.ones(2, 2, 2, 4, requires_grad=True)
    alone = torch.tensor([[True, False], [False, True]])
    one = loss(normalize(raw, dim=3), alone, ContrastiveSettings())
    one.backward()
    assert one == 0
    assert (raw.grad == 0).all()
    loss(normalize(raw, dim=3), torch.tensor([[True, True]] * 2), ContrastiveSettings()).backward()
    assert torch.isfinite(raw.grad).all()


def test_views_are_put_side_by_side_by_what_is_known_to_be_the_same():
    embedding = torch.arange(24.0).view(1, 2, 3, 2, 2)  # one pair, three objects in each, two samples of each
    same = torch.zeros(1, 3, 3, dtype=torch.bool)
    same[0, 0, 2] = same[0, 2, 1] = True
    both, known = aligned(embedding, same)
    assert known.tolist() == [[True, False, True]]
    assert both.shape == (1, 3, 4, 2)
    assert torch.equal(both[0, 0], torch.cat([embedding[0, 0, 0], embedding[0, 1, 2]]))
    assert torch.equal(both[0, 2], torch.cat([embedding[0, 0, 2], embedding[0, 1, 1]]))


def test_frames_of_a_video_and_two_scenes_teach_nothing(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(((3, 3), (4, 2)))
    batch["row"] = torch.where(batch["mask"], torch.arange(16).view(4, 4), -1)
    assert ContrastiveLoss(8)(embedding_of(batch), batch)["loss"] == 0


def test_cells_around_the_centre_are_the_object_too(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(((4, 4),))
    output = embedding_of(batch)
    centre = ContrastiveLoss(8, ContrastiveSettings("nt-xent"))(output, batch)["loss"]
    again = {**batch, "around": batch["index"][..., None]}  # each sample twice
    flat = output["embedding"].flatten(2).mT
    unit = normalize(torch.stack([flat[b][batch["index"][b]] for b in (0, 1)]), dim=2)
    two, both = aligned(unit[None, :, :, None].expand(-1, -1, -1, 2, -1), batch_same(batch))
    found = ContrastiveLoss(8, ContrastiveSettings("nt-xent"))(output, again)["loss"]
    assert torch.isclose(found, nt_xent(two, both, ContrastiveSettings()))
    assert not torch.isclose(found, centre)
    elsewhere = {**batch, "around": (batch["index"][..., None] + torch.tensor([1, 7])) % 24}
    ContrastiveLoss(8, ContrastiveSettings("nt-xent"))(output, elsewhere)["loss"].backward()
    touched = (output["embedding"].grad[0] != 0).any(dim=0).flatten().nonzero().flatten()
    seen = batch["row"][0][:, None] == batch["row"][1]
    expected = torch.cat([batch["index"][0, :, None], elsewhere["around"][0]], dim=1)[seen.any(dim=1)]
    assert touched.tolist() == sorted(set(expected.flatten().tolist()))


def batch_same(batch):
    return (batch["row"][0][:, None] == batch["row"][1])[None]


def test_a_projection_is_compared_in_place_of_the_embedding(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of()
    output = embedding_of(batch)
    torch.manual_seed(0)
    objective = ContrastiveLoss(8, ContrastiveSettings("nt-xent", projection=4))
    first, last = objective.parameters()
    mapped = torch.einsum("bdhw,ed->behw", output["embedding"], first).relu()
    through = {"embedding": torch.einsum("bdhw,ed->behw", mapped, last)}
    plain = ContrastiveLoss(4, ContrastiveSettings("nt-xent"))(through, batch)["loss"]
    assert torch.isclose(objective(output, batch)["loss"], plain, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"margin": -0.1}, {"temperature": 0.0}, {"projection": -1}])
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match="margin and projection must be 0 or more, temperature more than 0"):
        ContrastiveSettings(**wrong)
