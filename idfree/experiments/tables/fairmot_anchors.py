"""Anchor boxes against centres, and the stride of the output map (Zhang et al. 2020, FairMOT)."""

from idfree.experiments.protocol import FAIRMOT
from idfree.experiments.table import OneShot, Ranking, Row, Table

TABLE = Table(
    "fairmot-anchors",
    "FairMOT: anchors, and the stride of the map",
    "Zhang et al. 2020, validated on MOT15",
    rows=(
        Row("centres, stride 4", OneShot("fairmot"), {"MOTA": 75.9, "IDF1": 72.3, "IDSW": 93}),
        Row("centres, stride 2", OneShot("fairmot", ("stride=2",)), {"MOTA": 71.9}),
        Row("centres, stride 8", OneShot("fairmot", ("stride=8",)), {"MOTA": 67.3}),
        Row("anchors", OneShot("fairmot", ("anchors=true",)), {"MOTA": 64.9, "IDF1": 62.1, "IDSW": 137}),
    ),
    rankings=(
        Ranking("centres, stride 4", "anchors", "MOTA"),
        Ranking("centres, stride 4", "anchors", "IDF1"),
        Ranking("centres, stride 4", "centres, stride 2", "MOTA"),
        Ranking("centres, stride 4", "centres, stride 8", "MOTA"),
    ),
    full=FAIRMOT,
)
