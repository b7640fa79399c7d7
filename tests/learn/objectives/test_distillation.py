"""Distillation losses, calculated by hand."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.objectives.balance import LossSum
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.distillation import AnchorDistillationLoss, CentreDistillationLoss

TEACHER = torch.tensor([[[0.6, 0.0], [0.0, 0.5], [9.0, 9.0]]])  # of three boxes, the third has none
HAS_TEACHER = torch.tensor([[True, True, False]])


def test_anchors_inherit_the_embedding_of_their_box():
    """Squared errors 0.36, 0.25, 0.36 + 1 of three anchors; that of the third box is left out."""
    batch = {"matched_box": torch.tensor([[0, -1, 1, 2, -2, 0]]), "teacher": TEACHER, "has_teacher": HAS_TEACHER}
    embedding = torch.tensor([[0.0, 0.0], [0.0, 0.0], [5.0, 5.0], [0.0, 1.0]])
    losses = AnchorDistillationLoss(10.0)({"embedding": embedding}, batch)
    assert losses["loss"].item() == pytest.approx(10 * (0.36 + 0.25 + 1.36) / 3, rel=1e-6)
    assert losses["distillation"] == losses["loss"]


def test_embeddings_are_not_normalised():
    """The teacher's own values have loss 0, whatever their length."""
    batch = {"matched_box": torch.tensor([[0, 1]]), "teacher": TEACHER, "has_teacher": HAS_TEACHER}
    losses = AnchorDistillationLoss()({"embedding": TEACHER[0, :2].clone()}, batch)
    assert losses["loss"] == 0
    assert losses["similarity_teacher"].item() == pytest.approx(1)


def test_centres_have_the_embedding_of_their_box():
    """The embedding map is zero but for √D at cell 4 of the first of D = 2 channels, which is compared as 1."""
    maps = torch.zeros(1, 2, 2, 3)
    maps[0, 0, 1, 1] = 2**0.5
    batch = {"index": torch.tensor([[4, 0, 5]]), "teacher": TEACHER, "has_teacher": HAS_TEACHER}
    losses = CentreDistillationLoss(2.0)({"embedding": maps}, batch)
    assert losses["loss"].item() == pytest.approx(2 * (0.4**2 + 0.5**2) / 2, rel=1e-5)


def test_the_sum_with_detection_minimises_both(centres):
    make_batch, make_output = centres
    batch = make_batch()
    output = make_output(batch)
    parts = [DetectionLoss()(output, batch), CentreDistillationLoss()(output, batch)]
    losses = LossSum([DetectionLoss(), CentreDistillationLoss()])(output, batch)
    expected = sum(parts[0].values()) + parts[1]["loss"]
    assert losses["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
    assert {"heat", "offset", "size", "distillation", "similarity_teacher"} < losses.keys()
    assert not any(each.requires_grad for name, each in losses.items() if name != "loss")
