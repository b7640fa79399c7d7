"""Teachers of different quality (Yu et al. 2022, TDT)."""

from idfree.experiments.protocol import TDT
from idfree.experiments.table import OneShot, Ranking, Row, Table

TABLE = Table(
    "tdt-teachers",
    "TDT: teachers",
    "Yu et al. 2022, validated on MOT15",
    rows=(
        Row(
            "weaker (0288; the paper: ResNet-50)",
            OneShot("tdt", teacher="weaker"),
            {"MOTA": 75.4, "IDF1": 76.4, "IDSW": 76},
        ),
        Row(
            "better (0287; the paper: OSNet)",
            OneShot("tdt", teacher="better"),
            {"MOTA": 78.5, "IDF1": 78.7, "IDSW": 57},
        ),
        Row("pseudo-labels", OneShot("tdt", teacher="pseudo-labels")),
    ),
    rankings=(Ranking("better (0287; the paper: OSNet)", "weaker (0288; the paper: ResNet-50)"),),
    full=TDT,
    note="The last row is ours: SimpleReID on the tracklets of the first halves, so that no identity is used at all.",
)
