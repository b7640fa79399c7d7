"""Loss of CenterTrack's displacement head (Zhou et al. 2020, eq. 3)."""

from torch import nn

from idfree.learn.objectives.detection import masked_l1_loss
from idfree.learn.objectives.gather import gather_centres
from idfree.learn.tensors import Tensors


class DisplacementLoss(nn.Module):
    """L1 loss "displacement" of the objects that are in the previous frame, too.

    output: "displacement" (B, 2, h, w). batch: "index", and "displacement" and "displaced" of
    `idfree.learn.data.previous_frames`.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """{"displacement": mean over the objects in both frames and over x and y}."""
        prediction = gather_centres(output["displacement"], batch["index"])
        return {"displacement": masked_l1_loss(prediction, batch["displacement"], batch["displaced"])}
