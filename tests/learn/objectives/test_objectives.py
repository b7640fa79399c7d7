"""Objectives over crops: the ordinary softmax, scenes by hand, and the definitions."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")


from idfree.learn.objectives.balance import LossSum
from idfree.learn.objectives.cannot_link import any_cannot_link, cannot_link_mask
from idfree.learn.objectives.identity import MaskedSoftmaxLoss, SoftmaxLoss, masked_softmax_loss
from idfree.learn.objectives.triplet import TripletLoss, batch_hard_loss

SCENE = [  # tracklet, video, first, last
    (0, 0, 1, 10),
    (1, 0, 10, 20),  # coexists with 0 in frame 10, and with 3
    (2, 0, 30, 40),  # may be the same person as 0, 1 or 3
    (3, 0, 15, 29),
    (4, 1, 1, 10),
]
CANNOT_LINK = np.array(
    [[0, 1, 0, 0, 1], [1, 0, 0, 1, 1], [0, 0, 0, 0, 1], [0, 1, 0, 0, 1], [1, 1, 1, 1, 0]], dtype=bool
)


def scene(rows=slice(None)):
    columns = torch.tensor(SCENE)[rows].unbind(1)
    return dict(zip(("tracklet", "video", "first", "last"), columns, strict=True))


def test_cannot_link_mask():
    assert (cannot_link_mask(scene(), scene()).numpy() == CANNOT_LINK).all()
    assert any_cannot_link(scene())
    assert not any_cannot_link(scene([0, 2, 3]))


def test_frame_minus_one_is_unknown():
    undated = scene([0, 1]) | {"first": torch.tensor([-1, -1]), "last": torch.tensor([-1, -1])}
    assert not any_cannot_link(undated)
    assert cannot_link_mask(undated, scene([4])).all()  # of another video


def test_masked_softmax_with_all_classes_negative_is_the_softmax():
    cosine, target = torch.rand(6, 5, dtype=torch.float64) * 2 - 1, torch.tensor([0, 1, 2, 3, 4, 0])
    negative = ~torch.nn.functional.one_hot(target, 5).bool()
    expected = -(16 * cosine).log_softmax(1)[torch.arange(6), target].mean()
    assert masked_softmax_loss(cosine, target, negative).item() == pytest.approx(expected.item(), abs=1e-12)


def test_masked_softmax_with_one_negative_by_hand():
    cosine = torch.tensor([[0.5, 0.25, 0.99]])
    negative = torch.tensor([[False, True, False]])
    assert masked_softmax_loss(cosine, torch.tensor([0]), negative).item() == pytest.approx(
        math.log1p(math.exp(-4)), rel=1e-5
    )


def test_tracklets_that_may_be_the_same_person_have_no_influence_and_no_gradient():
    torch.manual_seed(0)
    objective, embedding = MaskedSoftmaxLoss(scene(), 8), torch.randn(1, 8)
    before = objective({"embedding": embedding}, scene([0]))["identity"]
    before.backward()
    assert objective.direction.grad[[2, 3]].abs().max() == 0
    assert objective.direction.grad[[0, 1, 4]].abs().min() > 0
    with torch.no_grad():
        objective.direction[[2, 3]] = embedding
    assert objective({"embedding": embedding}, scene([0]))["identity"] == before


def test_softmax_is_cross_entropy_of_a_linear_layer():
    torch.manual_seed(0)
    objective, embedding = SoftmaxLoss(5, 8), torch.randn(3, 8)
    logits = embedding @ objective.classifier.weight.T + objective.classifier.bias
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([1, 4, 0]))
    assert torch.isclose(objective({"embedding": embedding}, scene([1, 4, 0]))["identity"], expected)


def test_batch_hard_by_hand():
    """Points on a line at 0 and 2 (one person), 3 and 7; only the last cannot link to the others."""
    x = torch.tensor([0.0, 2.0, 3.0, 7.0])
    distance = (x[:, None] - x).abs()
    positive = torch.tensor([0, 0, 1, 2])[:, None] == torch.tensor([0, 0, 1, 2])
    negative = torch.zeros(4, 4, dtype=torch.bool)
    negative[3], negative[:, 3], negative[3, 3] = True, True, False
    anchors = [math.log1p(math.exp(2 - 7)), math.log1p(math.exp(2 - 5))]  # the others have no positive
    assert batch_hard_loss(distance, positive, negative).item() == pytest.approx(sum(anchors) / 2)


def test_triplet_by_definition():
    torch.manual_seed(0)
    rows = torch.arange(5).repeat_interleave(3)
    embedding = torch.randn(15, 8, dtype=torch.float64)
    unit = (embedding / embedding.norm(dim=1, keepdim=True)).numpy()
    losses = []
    for i in range(15):
        distance = np.linalg.norm(unit[i] - unit, axis=1)
        positive = rows.numpy() == rows[i].item()
        losses.append(np.log1p(np.exp(distance[positive].max() - distance[CANNOT_LINK[rows[i]][rows]].min())))
    assert TripletLoss()({"embedding": embedding}, scene(rows))["triplet"].item() == pytest.approx(np.mean(losses))


def test_triplet_without_negatives_has_zero_loss_and_gradient():
    embedding = torch.randn(4, 8, requires_grad=True)
    loss = TripletLoss()({"embedding": embedding}, scene([0, 0, 2, 2]))["triplet"]
    loss.backward()
    assert loss == 0
    assert (embedding.grad == 0).all()


def test_equal_crops_have_a_finite_gradient():
    embedding = torch.ones(4, 8, requires_grad=True)
    TripletLoss()({"embedding": embedding}, scene([0, 0, 1, 1]))["triplet"].backward()
    assert torch.isfinite(embedding.grad).all()


@pytest.mark.parametrize("objective", [MaskedSoftmaxLoss(scene(), 8), TripletLoss()], ids=["masked", "triplet"])
def test_invariance_to_the_order_of_crops(objective):
    rows, order = torch.arange(5).repeat_interleave(2), torch.randperm(10)
    embedding = torch.randn(10, 8)
    (one,) = objective({"embedding": embedding}, scene(rows)).values()
    (two,) = objective({"embedding": embedding[order]}, scene(rows[order])).values()
    assert torch.isclose(one, two)


def test_sum_is_the_union_of_losses():
    combined = LossSum([MaskedSoftmaxLoss(scene(), 8), TripletLoss()])
    rows = torch.arange(5).repeat_interleave(2)
    output = {"embedding": torch.randn(10, 8)}
    losses = combined(output, scene(rows))
    assert losses == {**combined[0](output, scene(rows)), **combined[1](output, scene(rows))}
    assert [name for name, _ in combined.named_parameters()] == ["0.direction"]
