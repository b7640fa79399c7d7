"""Distillation of a teacher's embeddings into a one-shot network (Yu 2022, TDT, sec. 3)."""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from idfree.learn.objectives.gather import gather_centres
from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

WEIGHT = 10.0  # of the loss beside detection; 2 to 10 are alike (Yu 2022)


class AnchorDistillationLoss(nn.Module):
    """`weight` times the squared error of the embeddings of positive anchors: see `distillation`.

    output: "embedding" (P, D) of the anchors with matched_box ≥ 0, in the order of `nonzero`. batch: "matched_box" (B,
    N): index of the box of each anchor; "teacher" (B, M, D) and "taught" (B, M) of the boxes: an anchor inherits its
    box's embedding.
    """

    def __init__(self, weight: float = WEIGHT):
        super().__init__()
        self.weight = weight

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        image, anchor = (batch["matched_box"] >= 0).nonzero(as_tuple=True)
        box = batch["matched_box"][image, anchor]
        taught = batch["taught"][image, box]
        return distillation(output["embedding"][taught], batch["teacher"][image[taught], box[taught]], self.weight)


class CentreDistillationLoss(nn.Module):
    """The same of a centre-based network, whose embeddings are those of the objects' centres, divided by √D.

    The elements of a teacher's embedding are about 1/√D, less than what one step of Adam (which trains these networks)
    changes in an element of the map; the division makes both of one magnitude, and is without effect on unit vectors.
    output: "embedding" (B, D, h, w). batch: "index" (B, M) of the centres' cells, "teacher" (B, M, D), "taught" (B, M).
    """

    def __init__(self, weight: float = WEIGHT):
        super().__init__()
        self.weight = weight

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        embedding = gather_centres(output["embedding"], batch["index"])[batch["taught"]]
        return distillation(embedding / sqrt(embedding.shape[1]), batch["teacher"][batch["taught"]], self.weight)


def distillation(embedding: Tensor, teacher: Tensor, weight: float) -> Tensors:
    """ "loss": weight · mean of Σ_i (f_i − f̂_i)² of embeddings (P, D) and those of the teacher (P, D), unnormalised.

    Also the metrics "distillation", the same, and "similarity_teacher", their mean cosine. All are 0 of no embeddings.
    """
    embedding = embedding.float()
    count = divisor(torch.tensor(len(embedding), device=embedding.device))
    loss = weight * (embedding - teacher).square().sum() / count
    similarity = cosine_similarity(embedding.detach(), teacher, dim=1).sum() / count
    return {"loss": loss, "distillation": loss.detach(), "similarity_teacher": similarity}
