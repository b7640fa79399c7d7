"""Identity classification at centres: the definition, ignored objects, and small numbers of identities."""

import math

import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.objectives.centre_identity import CentreIdentityLoss
from idfree.learn.objectives.gather import gather_centres


def test_by_definition(centres):
    batch_of, output_of = centres
    batch = batch_of(identities=9)
    output = output_of(batch)
    torch.manual_seed(0)
    objective = CentreIdentityLoss(9, 8)
    losses = []
    for b, m in batch["mask"].nonzero().tolist():
        vector = gather_centres(output["embedding"], batch["index"])[b, m]
        logits = objective.classifier(math.sqrt(2) * math.log(8) * vector / vector.norm())
        losses.append(-logits.log_softmax(0)[batch["identity"][b, m]])
    assert torch.isclose(objective(output, batch)["identity"], torch.stack(losses).mean())


def test_unknown_identities_and_padding_are_ignored(centres):
    batch_of, output_of = centres
    batch = batch_of((2, 1, 0))
    batch["identity"][0] = torch.tensor([3, -1, -1, -1])
    output, objective = output_of(batch), CentreIdentityLoss(5, 8)
    objective(output, batch)["identity"].backward()
    with_gradient = (output["embedding"].grad != 0).any(dim=1).flatten(1).nonzero().tolist()
    assert with_gradient == [[0, batch["index"][0, 0].item()], [1, batch["index"][1, 0].item()]]


def test_without_identities_in_the_batch_loss_and_gradients_are_zero(centres):
    batch_of, output_of = centres
    batch = batch_of() | {"identity": torch.full((3, 4), -1)}
    output, objective = output_of(batch), CentreIdentityLoss(5, 8)
    loss = objective(output, batch)["identity"]
    loss.backward()
    assert loss == 0
    assert all((p.grad == 0).all() for p in (output["embedding"], *objective.parameters()))


def test_invariance_to_the_norm_of_embeddings(centres):
    batch_of, output_of = centres
    batch, objective = batch_of(), CentreIdentityLoss(5, 8)
    output = output_of(batch)
    longer = {"embedding": 7 * output["embedding"]}
    assert torch.isclose(objective(output, batch)["identity"], objective(longer, batch)["identity"])


@pytest.mark.parametrize(("identities", "scale"), [(1, 1), (2, 1), (3, 1), (4, math.log(3)), (101, math.log(100))])
def test_scale(identities, scale):
    assert CentreIdentityLoss(identities, 8).scale == pytest.approx(math.sqrt(2) * scale)


def test_zero_identities_are_an_error():
    with pytest.raises(UserError, match="none of the boxes has an identity"):
        CentreIdentityLoss(0, 8)
