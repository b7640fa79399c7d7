"""Telling people apart by classifying them, in the map of a one-shot network: every identity is a class."""

import math

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from idfree.core.errors import UserError
from idfree.learn import Tensors
from idfree.learn.objectives.gather import gather

LEAST = math.e  # K − 1 counts as this at least: the scale is √2 or more, where the formula gives 0 or less


class CentreIdentityLoss(nn.Module):
    """Cross-entropy over K identities of the embedding at each object's centre (Zhang 2020, FairMOT, eq. 3).

    output: "embedding" (B, D, h, w). batch: "index", "mask", "identity" (B, M); −1, unknown, is left out. Embeddings
    are scaled to the length √2 · ln(K − 1), then classified by a linear layer. Raises UserError without identities.
    """

    def __init__(self, identities: int, dimension: int):
        super().__init__()
        if not identities:
            raise UserError("none of the boxes has an identity, and this objective learns by identities")
        self.scale = math.sqrt(2) * math.log(max(identities - 1, LEAST))
        self.classifier = nn.Linear(dimension, identities)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        known = batch["mask"] & (batch["identity"] >= 0)
        embedding = gather(output["embedding"], batch["index"])[known]
        return {"identity": self.classify(embedding, batch["identity"][known])}

    def classify(self, embedding: Tensor, identity: Tensor) -> Tensor:
        """Mean cross-entropy of embeddings (N, D) with their identities (N,); 0 of none."""
        logits = self.classifier(self.scale * normalize(embedding))
        return cross_entropy(logits, identity, reduction="sum") / max(len(identity), 1)
