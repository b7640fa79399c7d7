"""Backbones of RetinaNet (Yu et al. 2022, TDT)."""

from idfree.experiments.protocol import TDT
from idfree.experiments.table import OneShot, Ranking, Row, Table

PUBLISHED = {  # MOTA, IDF1, IDSW
    "mobilenet": (74.4, 74.7, 72),
    "mobilenet-fpn": (76.4, 75.9, 73),
    "resnet34-fpn": (78.5, 78.7, 57),
    "resnet50-fpn": (75.7, 78.6, 58),
}
TABLE = Table(
    "tdt-backbones",
    "TDT: backbones",
    "Yu et al. 2022, validated on MOT15",
    rows=tuple(
        Row(
            name,
            OneShot("tdt", ("network=retinanet", f"backbone={name}"), teacher="better"),
            {"MOTA": mota, "IDF1": idf1, "IDSW": switches},
        )
        for name, (mota, idf1, switches) in PUBLISHED.items()
    ),
    rankings=(Ranking("mobilenet-fpn", "mobilenet"), Ranking("resnet34-fpn", "mobilenet-fpn")),
    full=TDT,
)
