"""Contrastive losses, and the projection head (Silva et al. 2021, CL-MOT)."""

from idfree.experiments.protocol import CLMOT
from idfree.experiments.table import OneShot, Ranking, Row, Table

TABLE = Table(
    "clmot-losses",
    "CL-MOT: losses and the projection head",
    "Silva et al. 2021, MOT15",
    rows=(
        Row("NT-Xent", OneShot("clmot", ("objective=nt-xent",), same_detector=True), {"IDF1": 68.9}),
        Row("triplet-all", OneShot("clmot", ("objective=triplet-all",), same_detector=True), {"IDF1": 72.5}),
        Row("triplet-hard", OneShot("clmot", same_detector=True), {"IDF1": 74.2}),
        Row("triplet-hard, projection", OneShot("clmot", ("projection=256",), same_detector=True), {"IDF1": 70.4}),
    ),
    rankings=(
        Ranking("triplet-hard", "triplet-all"),
        Ranking("triplet-all", "NT-Xent"),
        Ranking("triplet-hard", "triplet-hard, projection"),
    ),
    full=CLMOT,
)
