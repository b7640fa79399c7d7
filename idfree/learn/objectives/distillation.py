"""Losses that distil a teacher's embeddings into a one-shot network (Yu 2022, TDT, sec. 3)."""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from idfree.learn.objectives.gather import gather_centres
from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

WEIGHT = 10.0  # of distillation, with detection losses weighted 1 and 50 (Yu 2022: 2 to 10 are equally good)


class AnchorDistillationLoss(nn.Module):
    """Distillation loss of RetinaNet over positive anchors: see `distillation`.

    output: "embedding" (P, D) of the anchors with matched_box ≥ 0, in the order of `nonzero`. batch: "matched_box"
    (B, N): index of each anchor's box; "teacher" (B, M, D) and "has_teacher" (B, M) of the boxes. An anchor's target is
    its box's teacher embedding. Unlike in CentreDistillationLoss, embeddings are not divided by √D: the student learns
    without it, with SGD and with Adam (docs/tdt.md), and so the loss stays the paper's.
    """

    def __init__(self, weight: float = WEIGHT):
        super().__init__()
        self.weight = weight

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalar "loss", and metrics: see `distillation`."""
        image, anchor = (batch["matched_box"] >= 0).nonzero(as_tuple=True)
        box = batch["matched_box"][image, anchor]
        known = batch["has_teacher"][image, box]
        return distillation(output["embedding"][known], batch["teacher"][image[known], box[known]], self.weight)


class CentreDistillationLoss(nn.Module):
    """Distillation loss of a centre-based network at object centres, its embeddings divided by √D: see `distillation`.

    The elements of a unit teacher embedding are about 1/√D, smaller than the change of a map's element in one step of
    Adam (with which these networks are trained); the division gives both one magnitude. It cancels when embeddings are
    normalised for use. output: "embedding" (B, D, h, w). batch: "index" (B, M): cells of the centres; "teacher"
    (B, M, D), "has_teacher" (B, M).
    """

    def __init__(self, weight: float = WEIGHT):
        super().__init__()
        self.weight = weight

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalar "loss", and metrics: see `distillation`."""
        known = batch["has_teacher"]
        embedding = gather_centres(output["embedding"], batch["index"])[known]
        return distillation(embedding / sqrt(embedding.shape[1]), batch["teacher"][known], self.weight)


def distillation(embedding: Tensor, teacher: Tensor, weight: float) -> Tensors:
    """Squared error weight · mean over embeddings of Σ_i (f_i − f̂_i)², as "loss" (Yu 2022, sec. 3).

    embedding f (P, D), not normalised; teacher f̂ (P, D). Also returns the metrics "distillation", the same value, and
    "similarity_teacher", the mean cosine similarity. All are 0 if P = 0.
    """
    embedding = embedding.float()
    count = divisor(torch.tensor(len(embedding), device=embedding.device))
    loss = weight * (embedding - teacher).square().sum() / count
    similarity = cosine_similarity(embedding.detach(), teacher, dim=1).sum() / count
    return {"loss": loss, "distillation": loss.detach(), "similarity_teacher": similarity}
