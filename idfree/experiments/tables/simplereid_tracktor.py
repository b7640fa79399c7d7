"""Crop embeddings in Tracktor (Karthik et al. 2020, SimpleReID)."""

from idfree.experiments.protocol import SIMPLEREID
from idfree.experiments.table import CropEmbedding, CropReid, Ranking, Row, Table

PUBLISHED = {"none": 64.6, "pseudo-labels": 65.2, "identities": 65.2}  # IDF1
EMBEDDINGS: tuple[CropEmbedding, ...] = ("none", "colour", "other", "pseudo-labels", "identities")
TABLE = Table(
    "simplereid-tracktor",
    "SimpleReID: embeddings in Tracktor",
    "Karthik et al. 2020, FRCNN detections",
    rows=tuple(
        Row(each, CropReid(each, "tracktor"), {"IDF1": PUBLISHED[each]} if each in PUBLISHED else {})
        for each in EMBEDDINGS
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
