"""One network against detector and teacher one after the other (Yu et al. 2022, TDT)."""

from idfree.experiments.protocol import TDT
from idfree.experiments.table import OneShot, Ranking, Row, Table

TABLE = Table(
    "tdt-stages",
    "TDT: one stage and two",
    "Yu et al. 2022, validated on MOT15",
    rows=(
        Row("one-shot", OneShot("tdt", teacher="better"), {"MOTA": 78.5, "IDF1": 78.7, "IDSW": 57, "fps": 9.61}),
        Row(
            "detector, then teacher",
            OneShot("tdt", teacher="better", embeddings="teacher"),
            {"MOTA": 76.0, "IDF1": 76.9, "IDSW": 91, "fps": 3.03},
        ),
        Row("no embeddings", OneShot("tdt", teacher="better", embeddings="none")),
    ),
    rankings=(
        Ranking("one-shot", "detector, then teacher"),
        Ranking("one-shot", "detector, then teacher", "MOTA"),
        Ranking("one-shot", "detector, then teacher", "IDSW"),
    ),
    full=TDT,
    note=(
        "Both rows share one network; the paper's two-stage detector has no embedding head. The last row is ours."
        " Frames a second are in docs/tdt.md."
    ),
)
