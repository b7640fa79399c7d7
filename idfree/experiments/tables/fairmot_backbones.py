"""Backbones, and the fusion of their layers (Zhang et al. 2020, FairMOT)."""

from idfree.experiments.protocol import FAIRMOT_SMALL
from idfree.experiments.table import OneShot, Ranking, Row, Table

PUBLISHED = {  # IDF1, IDSW, TPR at FAR 0.1
    "resnet34": (41.3, 372, 35.0),
    "resnet34-fpn": (45.2, 320, 40.9),
    "resnet50": (42.8, 432, 35.4),
    "hrnet_w32": (52.8, 189, 63.8),
    "dla34": (53.9, 136, 67.3),
}
TABLE = Table(
    "fairmot-backbones",
    "FairMOT: backbones and the fusion of layers",
    "Zhang et al. 2020, trained on little data, validated on MOT15",
    rows=tuple(
        Row(name, OneShot("fairmot", (f"backbone={name}",)), {"IDF1": idf1, "IDSW": switches, "TPR@0.1": tpr})
        for name, (idf1, switches, tpr) in PUBLISHED.items()
    ),
    rankings=(
        Ranking("resnet34-fpn", "resnet34"),
        Ranking("resnet34-fpn", "resnet50"),
        Ranking("hrnet_w32", "resnet34-fpn"),
        Ranking("dla34", "hrnet_w32"),
    ),
    full=FAIRMOT_SMALL,
    note="At the mini scale dla34 and hrnet_w32 take longer than 40 minutes of one core.",
)
