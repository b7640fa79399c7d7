"""Combinations of objectives: a sum, or the weighted balance of detection and appearance."""

from typing import Literal

import torch
from torch import Tensor, nn

from idfree.learn.tensors import Tensors

Weighting = Literal["learned", "frozen", "fixed"]

DETECTION_LOG_VARIANCE, APPEARANCE_LOG_VARIANCE = -1.85, -1.05  # initial s_d and s_e (FairMOT's code)
APPEARANCE_WEIGHT = 0.1  # weight of L_emb in the fixed sum


class LossSum(nn.ModuleList):
    """Sum of objectives: returns all of their named losses.

    If any of them returns "loss" with metrics, so does this one: "loss" is the sum of all total losses.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """All named losses, scalars; see the class for "loss"."""
        parts: list[Tensors] = [objective(output, batch) for objective in self]
        named = {name: loss for part in parts for name, loss in part.items() if name != "loss"}
        if not any("loss" in part for part in parts):
            return named
        metrics = {name: loss.detach() for name, loss in named.items()}
        return {"loss": torch.stack([total_loss(part) for part in parts]).sum(), **metrics}


class LossBalance(nn.Module):
    """Uncertainty weighting ½ (e^{−s_d} L_det + e^{−s_e} L_emb + s_d + s_e) of two objectives (Kendall 2018; FairMOT,
    Zhang 2020, eq. 5).

    detection, appearance: objectives, with total losses L_det and L_emb. weighting: the log variances s are trained
    ("learned"), or keep their initial values ("frozen", CL-MOT's code); "fixed" is L_det + 0.1 · L_emb instead.
    Returns "loss", which is to be minimised, and as metrics all losses of both objectives by name, and "s_detection"
    and "s_appearance" unless "fixed".
    """

    def __init__(self, detection: nn.Module, appearance: nn.Module, weighting: Weighting = "learned"):
        super().__init__()
        self.detection, self.appearance, self.weighting = detection, appearance, weighting
        initial = torch.tensor([DETECTION_LOG_VARIANCE, APPEARANCE_LOG_VARIANCE])
        self.s = nn.Parameter(initial, requires_grad=weighting == "learned")

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalar "loss", and metrics without gradient: see the class."""
        detection, appearance = self.detection(output, batch), self.appearance(output, batch)
        losses = torch.stack([total_loss(detection), total_loss(appearance)])
        metrics = {name: loss.detach() for name, loss in {**detection, **appearance}.items() if name != "loss"}
        if self.weighting == "fixed":
            return {"loss": losses[0] + APPEARANCE_WEIGHT * losses[1], **metrics}
        log_variances = dict(zip(("s_detection", "s_appearance"), self.s.detach(), strict=True))
        return {"loss": ((-self.s).exp() * losses + self.s).sum() / 2, **metrics, **log_variances}


def total_loss(losses: Tensors) -> Tensor:
    """The scalar to minimise: "loss" if there is one (all else: metrics), or else the sum of all losses."""
    return losses["loss"] if "loss" in losses else torch.stack(list(losses.values())).sum()
