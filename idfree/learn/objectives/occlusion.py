"""Loss of the occlusion heads (Liu et al. 2021, OUTrack, eqs. 11 to 14)."""

from torch import nn

from idfree.learn.objectives.detection import focal_sum
from idfree.learn.objectives.gather import gather_centres
from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

WEIGHT = 0.5  # weight of L_occ within L_det (Liu 2021)


class OcclusionLoss(nn.Module):
    """L_occ = (focal sum + sum of the offsets' L1 errors) / number of occlusions; not divided if there are none.

    output: "occlusion" logits (B, 1, h, w), "occlusion_offset" (B, 2, h, w). batch: the columns of
    `idfree.learn.data.occlusion_targets`, and "ignore" if parts of the images are unlabelled. Returns both terms,
    multiplied by `weight`.
    """

    def __init__(self, weight: float = WEIGHT):
        super().__init__()
        self.weight = weight

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalars "occlusion" and "occlusion_offset"."""
        mask = batch["occlusion_mask"]
        factor = self.weight / divisor(mask.sum())
        prediction = gather_centres(output["occlusion_offset"], batch["occlusion_index"])
        error = (prediction - batch["occlusion_offset"]).abs().masked_fill(~mask[:, :, None], 0)
        return {
            "occlusion": factor * focal_sum(output["occlusion"], batch["occlusion"], batch.get("ignore")),
            "occlusion_offset": factor * error.sum(),
        }
