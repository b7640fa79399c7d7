"""Dimension of the embedding (Zhang et al. 2020, FairMOT)."""

from idfree.experiments.protocol import FAIRMOT_SMALL
from idfree.experiments.table import OneShot, Ranking, Row, Table

PUBLISHED = {512: 210, 256: 157, 128: 136, 64: 165}  # dimension: IDSW
TABLE = Table(
    "fairmot-dimensions",
    "FairMOT: dimension of the embedding",
    "Zhang et al. 2020, validated on MOT15",
    rows=tuple(
        Row(f"{dimension}", OneShot("fairmot", (f"dimension={dimension}",), same_detector=True), {"IDSW": switches})
        for dimension, switches in PUBLISHED.items()
    ),
    rankings=(Ranking("128", "256", "IDSW"), Ranking("256", "512", "IDSW"), Ranking("128", "64", "IDSW")),
    full=FAIRMOT_SMALL,
)
