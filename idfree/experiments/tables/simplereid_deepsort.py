"""Crop embeddings in DeepSORT (Karthik et al. 2020, SimpleReID)."""

from idfree.experiments.protocol import SIMPLEREID
from idfree.experiments.table import CropEmbedding, CropReid, Ranking, Row, Table

OTHER = "identities of other data"
EMBEDDINGS: dict[str, CropEmbedding] = {
    **{"none": "none", "random": "random", "colour": "colour", OTHER: "better"},
    **{"pseudo-labels": "pseudo-labels", "identities": "identities", "oracle": "oracle"},
}
PUBLISHED = {"none": 57.1, "random": 34.6, OTHER: 61.5, "pseudo-labels": 65.9, "identities": 65.9}  # IDF1
TABLE = Table(
    "simplereid-deepsort",
    "SimpleReID: embeddings in DeepSORT",
    "Karthik et al. 2020, MOT16 with the POI detections",
    rows=tuple(
        Row(title, CropReid(embedding), {"IDF1": PUBLISHED[title]} if title in PUBLISHED else {})
        for title, embedding in EMBEDDINGS.items()
    ),
    rankings=(
        Ranking("pseudo-labels", "none"),
        Ranking("pseudo-labels", "random"),
        Ranking("pseudo-labels", OTHER),
        Ranking("none", "random"),
        Ranking("oracle", "pseudo-labels"),
    ),
    full=SIMPLEREID,
    note=(
        "Here SDP detections. The other data are Market-1501 in the paper; here the network is Open Model Zoo 0287. The"
        " paper's row of ImageNet weights (62.0) is left out."
    ),
)
