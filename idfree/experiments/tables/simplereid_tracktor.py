"""Crop embeddings in Tracktor (Karthik et al. 2020, SimpleReID)."""

from idfree.experiments.protocol import SIMPLEREID
from idfree.experiments.table import CropEmbedding, CropReid, Ranking, Row, Table

PUBLISHED = {"none": 64.6, "pseudo-labels": 65.2, "identities": 65.2}  # IDF1
EMBEDDINGS: dict[str, CropEmbedding] = {
    **{"none": "none", "colour": "colour", "identities of other data": "better"},
    **{"pseudo-labels": "pseudo-labels", "identities": "identities"},
}
FASTER_RCNN: tuple[CropEmbedding, ...] = ("none", "pseudo-labels")
TABLE = Table(
    "simplereid-tracktor",
    "SimpleReID: embeddings in Tracktor",
    "Karthik et al. 2020, FRCNN detections",
    rows=(
        *(
            Row(title, CropReid(embedding, "tracktor"), {"IDF1": PUBLISHED[title]} if title in PUBLISHED else {})
            for title, embedding in EMBEDDINGS.items()
        ),
        *(
            Row(f"Faster R-CNN, {embedding}", CropReid(embedding, "tracktor", regressor="fasterrcnn"))
            for embedding in FASTER_RCNN
        ),
    ),
    rankings=(
        Ranking("pseudo-labels", "none"),
        Ranking("identities", "none"),
        Ranking("Faster R-CNN, pseudo-labels", "Faster R-CNN, none"),
    ),
    full=SIMPLEREID,
    note=(
        "Here the people model of the package regresses, or a Faster R-CNN trained on the first halves, and SDP"
        " detections start the tracks. Oracle kill and motion are left out."
    ),
)
