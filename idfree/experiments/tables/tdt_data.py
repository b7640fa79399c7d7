"""More detection data (Yu et al. 2022, TDT)."""

from idfree.experiments.protocol import TDT
from idfree.experiments.table import OneShot, Ranking, Row, Table

TABLE = Table(
    "tdt-data",
    "TDT: more detection data",
    "Yu et al. 2022, fig. 5",
    rows=(
        Row("videos", OneShot("tdt", teacher="better", data="videos")),
        Row("videos and photographs", OneShot("tdt", teacher="better")),
    ),
    rankings=(
        Ranking("videos and photographs", "videos"),
        Ranking("videos and photographs", "videos", "MOTA"),
    ),
    full=TDT,
    note=(
        "The paper adds CrowdHuman; here PennFudan's 170 photographs. The detector that rows start from has seen them."
        " As many epochs, so that the first row has fewer iterations."
    ),
)
