"""What every objective over maps keeps to."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.objectives.balance import LossBalance, total
from idfree.learn.objectives.centre_identity import CentreIdentityLoss
from idfree.learn.objectives.detection import DetectionLoss

OBJECTIVES = {
    "detection": DetectionLoss,
    "identity": lambda: CentreIdentityLoss(5, 8),
    "learned": lambda: LossBalance(DetectionLoss(), CentreIdentityLoss(5, 8), "learned"),
    "frozen": lambda: LossBalance(DetectionLoss(), CentreIdentityLoss(5, 8), "frozen"),
    "fixed": lambda: LossBalance(DetectionLoss(), CentreIdentityLoss(5, 8), "fixed"),
}


@pytest.fixture(params=OBJECTIVES)
def objective(request):
    torch.manual_seed(0)
    return OBJECTIVES[request.param]()


BATCHES = {
    "several": {},
    "no boxes at all": {"counts": (0, 0, 0)},
    "one box": {"counts": (0, 1, 0)},
    "one identity only": {"identities": 1},
    "two sides": {"sides": 2},
}


@pytest.mark.parametrize("case", BATCHES)
def test_losses_are_numbers_and_gradients_finite(objective, centres, case):
    batch_of, output_of = centres
    batch = batch_of(**BATCHES[case])
    output = output_of(batch)
    losses = objective(output, batch)
    assert all(loss.shape == () for loss in losses.values())
    assert all(torch.isfinite(loss) for loss in losses.values())
    total(losses).backward()
    looked_at = [each.grad for each in (*output.values(), *objective.parameters()) if each.grad is not None]
    assert looked_at
    assert all(torch.isfinite(grad).all() for grad in looked_at)


def test_the_order_of_objects_and_of_pictures_does_not_matter(objective, centres):
    batch_of, output_of = centres
    batch = batch_of()
    output = output_of(batch)
    objects, pictures = torch.tensor([3, 1, 0, 2]), torch.tensor([2, 0, 1])
    columns = {name: each if name == "heat" else each[:, objects] for name, each in batch.items()}
    shuffled = {name: each[pictures] for name, each in columns.items()}
    one, two = objective(output, batch), objective({name: each[pictures] for name, each in output.items()}, shuffled)
    assert one.keys() == two.keys()
    assert all(torch.isclose(one[name], two[name]) for name in one)


def test_half_precision_maps_are_worked_on_in_full(objective, centres):
    batch_of, output_of = centres
    batch = batch_of()
    half = output_of(batch, dtype=torch.bfloat16)
    losses = objective(half, batch)
    in_full = objective({name: each.float() for name, each in half.items()}, batch)
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    assert all(torch.equal(losses[name], in_full[name]) for name in losses)


def test_batch_and_output_are_left_alone(objective, centres):
    batch_of, output_of = centres
    batch = batch_of()
    output = output_of(batch)
    before = {name: each.detach().clone() for name, each in {**batch, **output}.items()}
    objective(output, batch)
    assert all(torch.equal(each, before[name]) for name, each in {**batch, **output}.items())
