"""Identity classification at object centres (Zhang 2020, FairMOT): every identity of the training set is a class."""

import math

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from idfree.core.errors import UserError
from idfree.learn.objectives.gather import gather_centres
from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

MIN_NEGATIVE_CLASSES = math.e  # lower bound of K − 1, so that the scale is at least √2 (the formula gives 0 for K = 2)


class CentreIdentityLoss(nn.Module):
    """Cross-entropy over K identities of the embedding at each object's centre (Zhang 2020, FairMOT, eq. 3).

    output: "embedding" (B, D, h, w). batch: "index", "mask", "identity" (B, M); identity −1 (unknown) is ignored.
    Embeddings are normalised and scaled by √2 · ln(K − 1) before the linear classifier. Raises UserError if K = 0.
    """

    def __init__(self, identities: int, dimension: int):
        super().__init__()
        if not identities:
            raise UserError("none of the boxes has an identity, and this objective learns by identities")
        self.scale = math.sqrt(2) * math.log(max(identities - 1, MIN_NEGATIVE_CLASSES))
        self.classifier = nn.Linear(dimension, identities)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """{"identity": mean over the labelled objects}."""
        labelled = batch["mask"] & (batch["identity"] >= 0)
        embedding = gather_centres(output["embedding"], batch["index"])[labelled]
        return {"identity": self.classification_loss(embedding, batch["identity"][labelled]) / divisor(labelled.sum())}

    def classification_loss(self, embedding: Tensor, identity: Tensor) -> Tensor:
        """Sum of the cross-entropy of embeddings (N, D) and identities (N,)."""
        logits = self.classifier(self.scale * normalize(embedding))
        return cross_entropy(logits, identity, reduction="sum")
