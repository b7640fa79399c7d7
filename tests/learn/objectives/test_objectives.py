"""Objectives against softmax itself, scenes worked by hand, and definitions written out."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.learn.objectives.cannot_link import any_cannot_link, cannot_link_mask
from idfree.learn.objectives.identity import MaskedSoftmaxLoss, SoftmaxLoss, masked_softmax
from idfree.learn.objectives.sum_losses import LossSum
from idfree.learn.objectives.triplet import TripletLoss, batch_hard

SCENE = [  # tracklet, video, first, last
    (0, 0, 1, 10),
    (1, 0, 10, 20),  # with 0 in frame 10, and with 3
    (2, 0, 30, 40),  # may be 0, 1 or 3 come back
    (3, 0, 15, 29),
    (4, 1, 1, 10),
]
TWO_PEOPLE = np.array([[0, 1, 0, 0, 1], [1, 0, 0, 1, 1], [0, 0, 0, 0, 1], [0, 1, 0, 0, 1], [1, 1, 1, 1, 0]], dtype=bool)


def scene(rows=slice(None)):
    columns = torch.tensor(SCENE)[rows].unbind(1)
    return dict(zip(("tracklet", "video", "first", "last"), columns, strict=True))


def test_who_is_certainly_someone_else():
    assert (cannot_link_mask(scene(), scene()).numpy() == TWO_PEOPLE).all()
    assert any_cannot_link(scene())
    assert not any_cannot_link(scene([0, 2, 3]))


def test_frame_minus_one_is_no_time():
    timeless = scene([0, 1]) | {"first": torch.tensor([-1, -1]), "last": torch.tensor([-1, -1])}
    assert not any_cannot_link(timeless)
    assert cannot_link_mask(timeless, scene([4])).all()  # but another video is another video


def test_the_masked_softmax_with_everyone_a_rival_is_the_softmax():
    cosine, target = torch.rand(6, 5, dtype=torch.float64) * 2 - 1, torch.tensor([0, 1, 2, 3, 4, 0])
    rival = ~torch.nn.functional.one_hot(target, 5).bool()
    expected = -(16 * cosine).log_softmax(1)[torch.arange(6), target].mean()
    assert masked_softmax(cosine, target, rival).item() == pytest.approx(expected.item(), abs=1e-12)


def test_the_masked_softmax_of_one_rival_by_hand():
    cosine = torch.tensor([[0.5, 0.25, 0.99]])
    rival = torch.tensor([[False, True, False]])
    assert masked_softmax(cosine, torch.tensor([0]), rival, scale=16).item() == pytest.approx(
        math.log1p(math.exp(-4)), rel=1e-5
    )


def test_classes_that_may_be_the_same_person_have_no_say_and_are_left_alone():
    torch.manual_seed(0)
    objective, embedding = MaskedSoftmaxLoss(scene(), 8), torch.randn(1, 8)
    before = objective({"embedding": embedding}, scene([0]))["identity"]
    before.backward()
    assert objective.direction.grad[[2, 3]].abs().max() == 0
    assert objective.direction.grad[[0, 1, 4]].abs().min() > 0
    with torch.no_grad():
        objective.direction[[2, 3]] = embedding
    assert objective({"embedding": embedding}, scene([0]))["identity"] == before


def test_plain_is_cross_entropy_of_a_linear_layer():
    torch.manual_seed(0)
    objective, embedding = SoftmaxLoss(5, 8), torch.randn(3, 8)
    logits = embedding @ objective.classifier.weight.T + objective.classifier.bias
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([1, 4, 0]))
    assert torch.isclose(objective({"embedding": embedding}, scene([1, 4, 0]))["identity"], expected)


def test_batch_hard_by_hand():
    """Four points on a line, at 0, 2 (one person), 3 and 7; the last is certainly someone else, the third perhaps."""
    at = torch.tensor([0.0, 2.0, 3.0, 7.0])
    distance = (at[:, None] - at).abs()
    same = torch.tensor([0, 0, 1, 2])[:, None] == torch.tensor([0, 0, 1, 2])
    other = torch.zeros(4, 4, dtype=torch.bool)
    other[3], other[:, 3], other[3, 3] = True, True, False
    anchors = [math.log1p(math.exp(2 - 7)), math.log1p(math.exp(2 - 5))]  # the others have no positive
    assert batch_hard(distance, same, other).item() == pytest.approx(sum(anchors) / 2)


def test_triplet_by_definition():
    torch.manual_seed(0)
    rows = torch.arange(5).repeat_interleave(3)
    embedding = torch.randn(15, 8, dtype=torch.float64)
    unit = (embedding / embedding.norm(dim=1, keepdim=True)).numpy()
    losses = []
    for i in range(15):
        distance = np.linalg.norm(unit[i] - unit, axis=1)
        own = rows.numpy() == rows[i].item()
        losses.append(np.log1p(np.exp(distance[own].max() - distance[TWO_PEOPLE[rows[i]][rows]].min())))
    assert TripletLoss()({"embedding": embedding}, scene(rows))["triplet"].item() == pytest.approx(np.mean(losses))


def test_triplet_with_nobody_certain_is_nothing_and_has_a_gradient():
    embedding = torch.randn(4, 8, requires_grad=True)
    loss = TripletLoss()({"embedding": embedding}, scene([0, 0, 2, 2]))["triplet"]
    loss.backward()
    assert loss == 0
    assert (embedding.grad == 0).all()


def test_equal_crops_do_not_make_the_gradient_infinite():
    embedding = torch.ones(4, 8, requires_grad=True)
    TripletLoss()({"embedding": embedding}, scene([0, 0, 1, 1]))["triplet"].backward()
    assert torch.isfinite(embedding.grad).all()


@pytest.mark.parametrize("objective", [MaskedSoftmaxLoss(scene(), 8), TripletLoss()], ids=["masked", "triplet"])
def test_order_does_not_matter(objective):
    rows, order = torch.arange(5).repeat_interleave(2), torch.randperm(10)
    embedding = torch.randn(10, 8)
    (one,) = objective({"embedding": embedding}, scene(rows)).values()
    (two,) = objective({"embedding": embedding[order]}, scene(rows[order])).values()
    assert torch.isclose(one, two)


def test_together_is_both():
    both = LossSum([MaskedSoftmaxLoss(scene(), 8), TripletLoss()])
    rows = torch.arange(5).repeat_interleave(2)
    output = {"embedding": torch.randn(10, 8)}
    losses = both(output, scene(rows))
    assert losses == {**both[0](output, scene(rows)), **both[1](output, scene(rows))}
    assert [name for name, _ in both.named_parameters()] == ["0.direction"]
