"""Without identities against with identities (Silva et al. 2021, CL-MOT)."""

from idfree.experiments.protocol import OUTRACK
from idfree.experiments.table import OneShot, Ranking, Row, Table

TABLE = Table(
    "clmot-supervision",
    "CL-MOT against FairMOT",
    "Silva et al. 2021, test set of MOT17; here the validation halves",
    rows=(
        Row("fairmot", OneShot("fairmot"), {"MOTA": 67.5, "IDF1": 69.8}),
        Row("clmot", OneShot("clmot"), {"MOTA": 66.0, "IDF1": 70.9}),
        Row("fairmot, tracklets", OneShot("fairmot", identities="tracklets")),
        Row("no training of embeddings", OneShot("fairmot", untrained=True)),
        Row("no embeddings", OneShot("fairmot", untrained=True, embeddings="none")),
    ),
    rankings=(
        Ranking("clmot", "fairmot", "IDF1"),
        Ranking("fairmot", "clmot", "MOTA"),
        Ranking("clmot", "no training of embeddings", "IDF1"),
    ),
    full=OUTRACK,
    note="The last three rows are ours.",
)
