"""Crop embeddings in DeepSORT (Karthik et al. 2020, SimpleReID)."""

from idfree.experiments.protocol import SIMPLEREID
from idfree.experiments.table import CropEmbedding, CropReid, Ranking, Row, Table

PUBLISHED = {"none": 57.1, "random": 34.6, "other": 61.5, "pseudo-labels": 65.9, "identities": 65.9}  # IDF1
EMBEDDINGS: tuple[CropEmbedding, ...] = ("none", "random", "colour", "other", "pseudo-labels", "identities", "oracle")
TABLE = Table(
    "simplereid-deepsort",
    "SimpleReID: embeddings in DeepSORT",
    "Karthik et al. 2020, MOT16 with the POI detections",
    rows=tuple(
        Row(each, CropReid(each, "deepsort"), {"IDF1": PUBLISHED[each]} if each in PUBLISHED else {})
        for each in EMBEDDINGS
    ),
    rankings=(
        Ranking("pseudo-labels", "none"),
        Ranking("pseudo-labels", "random"),
        Ranking("pseudo-labels", "other"),
        Ranking("none", "random"),
        Ranking("oracle", "pseudo-labels"),
    ),
    full=SIMPLEREID,
    note=(
        "Here SDP detections."
        ' "other" is a network trained with identities on other data'
        " (the paper: Market-1501; here Open Model Zoo 0287)."
        " The paper's row of ImageNet weights (62.0) is left out."
    ),
)
