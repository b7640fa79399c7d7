"""Crop embeddings in Tracktor (Karthik et al. 2020, SimpleReID)."""

from idfree.experiments.protocol import SIMPLEREID
from idfree.experiments.table import CropEmbedding, CropReid, Ranking, Row, Table

PUBLISHED = {"none": 64.6, "pseudo-labels": 65.2, "identities": 65.2}  # IDF1
EMBEDDINGS: dict[str, CropEmbedding] = {
    **{"none": "none", "colour": "colour", "identities of other data": "better"},
    **{"pseudo-labels": "pseudo-labels", "identities": "identities"},
}
TABLE = Table(
    "simplereid-tracktor",
    "SimpleReID: embeddings in Tracktor",
    "Karthik et al. 2020, FRCNN detections",
    rows=tuple(
        Row(title, CropReid(embedding, "tracktor"), {"IDF1": PUBLISHED[title]} if title in PUBLISHED else {})
        for title, embedding in EMBEDDINGS.items()
    ),
    rankings=(
        Ranking("pseudo-labels", "none"),
        Ranking("identities", "none"),
    ),
    full=SIMPLEREID,
    note=(
        "Here the people model of the package regresses, and SDP detections start the tracks."
        " Oracle kill and motion are left out."
    ),
)
