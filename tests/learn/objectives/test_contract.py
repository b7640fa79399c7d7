"""Contract of all registered objectives, each on the kind of batch that it trains on."""

import importlib
import pkgutil

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn import objectives
from idfree.learn.objectives.balance import LossBalance, total_loss
from idfree.learn.objectives.centre_identity import CentreIdentityLoss
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.registry import OBJECTIVES, ObjectiveEntry


def balance_entry(weighting):
    return ObjectiveEntry(
        LossBalance, lambda: LossBalance(DetectionLoss(), CentreIdentityLoss(5, 8), weighting), "images"
    )


ENTRIES = OBJECTIVES | {weighting: balance_entry(weighting) for weighting in ("learned", "frozen", "fixed")}
BATCHES = {
    "images": {
        "several": {},
        "no boxes at all": {"counts": (0, 0, 0)},
        "one box": {"counts": (0, 1, 0)},
        "one identity only": {"identities": 1},
        "two sides": {"sides": 2},
    },
    "pyramids": {
        "several": {},
        "no boxes at all": {"counts": (0, 0, 0)},
        "one box": {"counts": (0, 1, 0)},
    },
    "regions": {
        "several": {},
        "no boxes at all": {"counts": (0, 0, 0)},
        "one box": {"counts": (0, 1, 0)},
    },
    "pairs": {
        "several": {"negative": (False, True, False, False, True)},
        "all positive": {},
        "no boxes at all": {"counts": ((0, 0), (0, 0))},
        "one box": {"counts": ((0, 0), (0, 1)), "negative": (True, False)},
    },
    "crops": {
        "several": {},
        "one crop": {"tracklets": [0]},
        "one tracklet": {"tracklets": [2, 2]},
        "no cannot-link pair": {"tracklets": [0, 0, 2, 2]},
        "cannot-link pairs only": {"tracklets": [0, 1]},
    },
}
CASES = [(name, case) for name, entry in ENTRIES.items() for case in BATCHES[entry.batch]]
# Metrics of positive pairs or of some of the objects: NaN if there are none, without gradient.
POSSIBLY_NAN = {"similarity_same", "similarity_other", "placeholder", "to_placeholder"}
ANY_PRECISION = [name for name, entry in ENTRIES.items() if not entry.float32_only]
# Columns of a batch without a dimension for objects.
BATCH_MAPS = ("heat", "image", "matched_box", "matched_anchor", "occlusion")
REGION_ROWS = ("region_logits", "region_deltas")  # outputs with a row for each sampled region of the batch


def build(name):
    torch.manual_seed(0)
    return ENTRIES[name].build()


def make(makers, name, case="several", **options):
    """A batch for the objective, and an output of a network."""
    make_batch, make_output = makers[ENTRIES[name].batch]
    batch = make_batch(**BATCHES[ENTRIES[name].batch][case])
    return batch, make_output(batch, **options)


def objective_classes():
    """All modules that are defined in the package."""
    for info in pkgutil.iter_modules(objectives.__path__, objectives.__name__ + "."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == info.name:
                yield value


def test_every_objective_is_registered():
    registered = {entry.objective for entry in OBJECTIVES.values()}
    missing = sorted(f"{each.__module__}.{each.__name__}" for each in objective_classes() if each not in registered)
    assert not missing, (
        f"no entry in OBJECTIVES of idfree/learn/objectives/registry.py: {', '.join(missing)}; add an ObjectiveEntry"
        " (the class, what builds a small instance, the kind of batch), so that the contract test covers it"
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_registered_instance_contains_its_class(name):
    assert any(type(module) is OBJECTIVES[name].objective for module in build(name).modules())


@pytest.mark.parametrize(("name", "case"), CASES)
def test_losses_are_finite_scalars_with_finite_gradients(name, case, makers):
    objective = build(name)
    batch, output = make(makers, name, case)
    losses = objective(output, batch)
    assert all(loss.shape == () for loss in losses.values())
    assert all(torch.isfinite(loss) for key, loss in losses.items() if loss.requires_grad or key not in POSSIBLY_NAN)
    total_loss(losses).backward()
    gradients = [each.grad for each in (*output.values(), *objective.parameters()) if each.grad is not None]
    assert gradients
    assert all(torch.isfinite(grad).all() for grad in gradients)


def permute(batch, output, kind):
    """The same batch and output with its images, pairs or crops in another order, and the objects of each image."""
    if kind == "crops":
        order = torch.tensor([3, 1, 7, 0, 2, 6, 4, 5])
        return [{name: each[order] for name, each in columns.items()} for columns in (batch, output)]
    objects, order = torch.tensor([3, 1, 0, 2]), torch.tensor([2, 0, 1])
    if kind == "pairs":
        pairs = torch.tensor([3, 0, 4, 1, 2])
        order = torch.cat([pairs, pairs + 5])
    negative = {"negative": batch["negative"][pairs]} if kind == "pairs" else {}
    columns = {name: each for name, each in batch.items() if name != "negative"}
    columns = {name: each if name in BATCH_MAPS else each[:, objects] for name, each in columns.items()}
    if kind == "pyramids":
        return permute_pyramids(columns, output, objects, order)
    if kind == "regions":
        return permute_regions(columns, output, objects, order)
    shuffled = {name: each[order] for name, each in columns.items()}
    return {**shuffled, **negative}, {name: each[order] for name, each in output.items()}


def permute_pyramids(columns, output, objects, order):
    """Images in another order, with anchors of objects in another order, and the embeddings of these anchors."""
    matched_box = columns["matched_box"]
    image = (matched_box >= 0).nonzero()[:, 0]
    embedding = torch.cat([output["embedding"][image == number] for number in order])
    place = torch.cat([objects.argsort(), torch.tensor([-2, -1])])  # so that −2 and −1 stay
    shuffled = {name: each[order] for name, each in (columns | {"matched_box": place[matched_box]}).items()}
    return shuffled, {name: each[order] for name, each in output.items() if name != "embedding"} | {
        "embedding": embedding
    }


def permute_regions(columns, output, objects, order):
    """Images in another order, with anchors and regions of objects in another order, and the rows of these regions."""
    image = (output["matched_region"] != -2).nonzero()[:, 0]
    place = torch.cat([objects.argsort(), torch.tensor([-2, -1])])  # so that −2 and −1 stay
    shuffled = columns | {"matched_anchor": place[columns["matched_anchor"]]}
    moved = output | {"matched_region": place[output["matched_region"].long()].float()}
    rows = {name: torch.cat([output[name][image == number] for number in order]) for name in REGION_ROWS}
    return {name: each[order] for name, each in shuffled.items()}, {
        name: rows[name] if name in rows else each[order] for name, each in moved.items()
    }


@pytest.mark.parametrize("name", ENTRIES)
def test_invariance_to_the_order_of_objects_and_of_images(name, makers):
    objective = build(name)
    batch, output = make(makers, name)
    shuffled, shuffled_output = permute(batch, output, ENTRIES[name].batch)
    one, two = objective(output, batch), objective(shuffled_output, shuffled)
    assert one.keys() == two.keys()
    assert all(torch.isclose(one[key], two[key], equal_nan=key in POSSIBLY_NAN) for key in one)


@pytest.mark.parametrize("name", ANY_PRECISION)
def test_half_precision_maps_are_converted_to_float32(name, makers):
    objective = build(name)
    batch, half = make(makers, name, dtype=torch.bfloat16)
    losses = objective(half, batch)
    in_full = objective({name: each.float() for name, each in half.items()}, batch)
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    assert all(torch.equal(losses[key], in_full[key]) for key in losses)


@pytest.mark.parametrize("name", ENTRIES)
def test_batch_and_output_are_unchanged(name, makers):
    objective = build(name)
    batch, output = make(makers, name)
    before = {name: each.detach().clone() for name, each in {**batch, **output}.items()}
    objective(output, batch)
    assert all(torch.equal(each, before[name]) for name, each in {**batch, **output}.items())
