"""The network that is taught: RetinaNet or FairMOT's (Yu et al. 2022, TDT; the comparison is ours)."""

from idfree.experiments.protocol import TDT
from idfree.experiments.table import OneShot, Row, Table

RETINANET = ("network=retinanet", "epochs=6")  # its subnets begin from nothing: three times as long
TABLE = Table(
    "tdt-networks",
    "TDT: RetinaNet and the centre-based network",
    "Yu et al. 2022 has RetinaNet alone",
    rows=(
        Row("centre", OneShot("tdt", ("network=centre",), teacher="better")),
        Row("retinanet", OneShot("tdt", RETINANET, teacher="better")),
        Row("retinanet, then teacher", OneShot("tdt", RETINANET, teacher="better", embeddings="better")),
    ),
    rankings=(),
    full=TDT,
    note=(
        "At the mini scale RetinaNet starts from the backbone of the shared detector alone, and its smallest anchors"
        " are 32 pixels, taller than many of the people."
    ),
)
