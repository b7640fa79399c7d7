"""Detection and appearance learnt at once: how much each counts."""

from typing import Literal

import torch
from torch import Tensor, nn

from idfree.learn import Tensors

Weighting = Literal["learned", "frozen", "fixed"]

DETECTION, APPEARANCE = -1.85, -1.05  # s_d and s_e to begin with (FairMOT's code)
FIXED = 0.1  # weight of appearance in a fixed sum


class LossBalance(nn.Module):
    """½ (e^{−s_d} L_det + e^{−s_e} L_emb + s_d + s_e), the two s learnt with the rest (Zhang 2020, FairMOT, eq. 5).

    detection, appearance: objectives, whose losses add up to L_det and L_emb. frozen: the s stay as they begin (as in
    CL-MOT's code); fixed: L_det + 0.1 · L_emb. Gives "loss", which is to be minimised, and to be told: all losses of
    both by their names, and "s_detection" and "s_appearance" where there are such.
    """

    def __init__(self, detection: nn.Module, appearance: nn.Module, weighting: Weighting = "learned"):
        super().__init__()
        self.detection, self.appearance, self.weighting = detection, appearance, weighting
        self.s = nn.Parameter(torch.tensor([DETECTION, APPEARANCE]), requires_grad=weighting == "learned")

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        detection, appearance = self.detection(output, batch), self.appearance(output, batch)
        losses = torch.stack([total(detection), total(appearance)])
        parts = {name: loss.detach() for name, loss in {**detection, **appearance}.items() if name != "loss"}
        if self.weighting == "fixed":
            return {"loss": losses[0] + FIXED * losses[1], **parts}
        said = dict(zip(("s_detection", "s_appearance"), self.s.detach(), strict=True))
        return {"loss": ((-self.s).exp() * losses + self.s).sum() / 2, **parts, **said}


def total(losses: Tensors) -> Tensor:
    """What an objective wants minimised: its "loss" if it names one, else the sum of all it names."""
    return losses["loss"] if "loss" in losses else torch.stack(list(losses.values())).sum()
