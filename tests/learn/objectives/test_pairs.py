"""Contract of the variants of objectives over pairs of images."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.objectives.contrastive import ContrastiveLoss, ContrastiveSettings
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.gather import gather_centres
from idfree.learn.objectives.matching import CycleLoss, CycleSettings, MatchingLoss, MatchingSettings
from idfree.learn.objectives.pairs import FirstViewLoss, Pairs

OBJECTIVES = {
    "triplet-hard": lambda: ContrastiveLoss(8),
    "triplet-all": lambda: ContrastiveLoss(8, ContrastiveSettings("triplet-all")),
    "violating": lambda: ContrastiveLoss(8, ContrastiveSettings("triplet-all", violating=True)),
    "nt-xent": lambda: ContrastiveLoss(8, ContrastiveSettings("nt-xent")),
    "projection": lambda: ContrastiveLoss(8, ContrastiveSettings(projection=4)),
    "matching": MatchingLoss,
    "zero": lambda: MatchingLoss(MatchingSettings("zero", negative="sum")),
    "none": lambda: MatchingLoss(MatchingSettings("none", temperature=3.0)),
    "hinge": lambda: MatchingLoss(MatchingSettings("none", negative="hinge")),
    "round trip": CycleLoss,
    "fixed round trip": lambda: CycleLoss(CycleSettings(temperature=3.0)),
}
NEGATIVE = (False, True, False, False, True)
# metrics over some of the objects, NaN if the batch has none
POSSIBLY_NAN = ("similarity_same", "similarity_other", "placeholder", "to_placeholder")


@pytest.fixture(params=OBJECTIVES)
def objective(request):
    torch.manual_seed(0)
    return OBJECTIVES[request.param]()


BATCHES = {
    "several": {"negative": NEGATIVE},
    "all positive": {},
    "all negative": {"negative": [True] * 5},
    "no boxes at all": {"counts": ((0, 0), (0, 0))},
    "one box": {"counts": ((0, 0), (0, 1)), "negative": (True, False)},
    "one box each": {"counts": ((1, 1),)},
    "two and none": {"counts": ((2, 0), (0, 2)), "negative": (True, False)},
}


@pytest.mark.parametrize("case", BATCHES)
def test_losses_are_finite_scalars_with_finite_gradients(objective, pairs, case):
    pairs_of, embedding_of = pairs
    batch = pairs_of(**BATCHES[case])
    output = embedding_of(batch)
    losses = objective(output, batch)
    assert all(value.shape == () for value in losses.values())
    assert all(torch.isfinite(value) for name, value in losses.items() if name not in POSSIBLY_NAN)
    assert [name for name, value in losses.items() if value.requires_grad] == ["loss"]
    losses["loss"].backward()
    assert all(torch.isfinite(each.grad).all() for each in (output["embedding"], *objective.parameters()))


def test_invariance_to_the_order_of_objects_and_of_pairs(objective, pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(negative=NEGATIVE)
    output = embedding_of(batch)
    objects = torch.stack([torch.randperm(4, generator=torch.Generator().manual_seed(n)) for n in range(10)])
    order = torch.tensor([3, 0, 4, 1, 2])
    images = torch.cat([order, order + 5])
    columns = {name: batch[name].take_along_dim(objects, dim=1)[images] for name in ("mask", "index", "row")}
    shuffled = {**columns, "negative": batch["negative"][order]}
    one, two = objective(output, batch), objective({"embedding": output["embedding"][images]}, shuffled)
    assert one.keys() == two.keys()
    assert all(torch.isclose(one[name], two[name], atol=1e-6, equal_nan=True) for name in one)


def test_the_loss_of_a_batch_is_the_mean_of_single_pairs(objective, pairs):
    """Also with padding: the mean over pairs, or over samples, of the loss of each alone."""
    pairs_of, embedding_of = pairs
    batch = pairs_of(((4, 4), (4, 4)))
    output = embedding_of(batch)
    alone = [
        objective(*({name: each[k::2] for name, each in columns.items()} for columns in (output, batch)))["loss"]
        for k in (0, 1)
    ]
    if not getattr(objective.settings, "violating", False):  # which averages over violating triplets
        assert torch.isclose(objective(output, batch)["loss"], (alone[0] + alone[1]) / 2)
    empty = pairs_of(((4, 4), (0, 0)))
    empty["row"][::2], empty["index"][::2] = batch["row"][::2], batch["index"][::2]
    factor = 1 if isinstance(objective, ContrastiveLoss) else 2  # means over samples, over pairs
    assert torch.isclose(objective(output, empty)["loss"] * factor, alone[0])


def test_gradients_are_at_centres_only(objective, pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(negative=NEGATIVE)
    output = embedding_of(batch)
    objective(output, batch)["loss"].backward()
    with_gradient = (output["embedding"].grad != 0).any(dim=1).flatten(1)
    centres = torch.zeros_like(with_gradient)
    centres[batch["mask"].nonzero()[:, 0], batch["index"][batch["mask"]]] = True
    assert with_gradient.any()
    assert not (with_gradient & ~centres).any()


def test_half_precision_maps_are_converted_to_float32_and_unchanged(objective, pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of(negative=NEGATIVE)
    half = embedding_of(batch, dtype=torch.bfloat16)
    before = {name: each.detach().clone() for name, each in {**batch, **half}.items()}
    losses = objective(half, batch)
    in_full = objective({"embedding": half["embedding"].float()}, batch)
    assert {value.dtype for value in losses.values()} == {torch.float32}
    assert all(torch.equal(losses[name].nan_to_num(), in_full[name].nan_to_num()) for name in losses)
    assert all(torch.equal(each, before[name]) for name, each in {**batch, **half}.items())


def test_only_the_projection_has_parameters_and_none_depends_on_identities(objective):
    shapes = [tuple(parameter.shape) for parameter in objective.parameters()]
    expected = [(8, 8), (4, 8)] if getattr(objective.settings, "projection", 0) else []
    assert shapes == expected


def test_similarity_metrics_by_definition(objective, pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of()
    output = embedding_of(batch)
    vectors = torch.nn.functional.normalize(gather_centres(output["embedding"], batch["index"]), dim=2)
    same, other = [], []
    rows = {(b, m): batch["row"][b, m].item() for b, m in batch["mask"].nonzero().tolist()}
    for (a, i), row in rows.items():
        for (b, j), partner in rows.items():
            if b == a + 5 and row == partner:
                same.append(vectors[a, i] @ vectors[b, j])
            elif a == b and i != j:
                other.append(vectors[a, i] @ vectors[b, j])
    losses = objective(output, batch)
    assert len(same) == 3
    assert torch.isclose(losses["similarity_same"], torch.stack(same).mean(), atol=1e-6)
    assert torch.isclose(losses["similarity_other"], torch.stack(other).mean(), atol=1e-6)


def test_similarity_metrics_without_pairs_are_nan(objective, pairs):
    """Not 0, which would bias the mean over a run."""
    pairs_of, embedding_of = pairs
    batch = pairs_of(((1, 1), (1, 1)))
    losses = objective(embedding_of(batch), batch)
    assert losses["similarity_same"].isnan()
    assert losses["similarity_other"].isnan()


def test_pairs_of_a_batch(pairs):
    pairs_of, embedding_of = pairs
    batch = pairs_of()
    result = Pairs.from_batch(embedding_of(batch), batch)
    assert result.embedding.shape == (5, 2, 4, 8)
    assert result.same[0].nonzero().tolist() == []  # objects 0, 1 and 4, 3, 2
    assert result.same[1].nonzero().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert not result.negative.any()


def test_an_odd_number_of_images_is_an_error(objective, pairs):
    pairs_of, embedding_of = pairs
    batch = {name: column[:3] for name, column in pairs_of().items()}
    with pytest.raises(ValueError, match="3 images, expected pairs"):
        objective(embedding_of(batch), batch)


def test_detection_in_the_first_view_only(centres):
    batch_of, output_of = centres
    batch = batch_of((2, 4, 1, 0))
    output = output_of(batch)
    first = [{name: each[:2] for name, each in columns.items()} for columns in (output, batch)]
    losses, expected = FirstViewLoss(DetectionLoss())(output, batch), DetectionLoss()(*first)
    assert losses == expected
