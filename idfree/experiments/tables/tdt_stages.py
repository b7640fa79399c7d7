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
            OneShot("tdt", teacher="better", embeddings="better"),
            {"MOTA": 76.0, "IDF1": 76.9, "IDSW": 91, "fps": 3.03},
        ),
        Row("no embeddings", OneShot("tdt", teacher="better", embeddings="none")),
    ),
    rankings=(
        Ranking("one-shot", "detector, then teacher"),
        Ranking("one-shot", "detector, then teacher", "MOTA"),
        Ranking("one-shot", "detector, then teacher", "IDSW"),
        Ranking("one-shot", "detector, then teacher", "ms"),
    ),
    full=TDT,
    note=(
        "All rows share one network; the embedding head is cut out for the other two. The paper's two-stage detector"
        " was trained without one. The last row is ours. In place of frames a second: CPU milliseconds of detection and"
        " embedding, one thread."
    ),
)
