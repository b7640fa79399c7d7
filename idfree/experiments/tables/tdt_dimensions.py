"""Dimension of the student (Yu et al. 2022, TDT)."""

from idfree.experiments.protocol import TDT
from idfree.experiments.table import OneShot, Ranking, Row, Table

PUBLISHED = {64: (73.9, 77.2, 67), 128: (77.3, 78.2, 55), 256: (76.2, 77.7, 63)}  # D_s: MOTA, IDF1, IDSW
DEFAULT = 128  # of `idfree train`: the network of the other tables


def student(size: int) -> OneShot:
    """TDT with embeddings of this dimension."""
    return OneShot("tdt", () if size == DEFAULT else (f"dimension={size}",), teacher="better")


TABLE = Table(
    "tdt-dimensions",
    "TDT: dimension of the student",
    "Yu et al. 2022, validated on MOT15",
    rows=tuple(
        Row(f"{size}", student(size), {"MOTA": mota, "IDF1": idf1, "IDSW": switches})
        for size, (mota, idf1, switches) in PUBLISHED.items()
    ),
    rankings=(Ranking("128", "64"), Ranking("128", "64", "MOTA")),
    full=TDT,
    note="The paper's row of 512 numbers (MOTA 78.5, IDF1 78.7) needs a teacher of 512; the two here have 256.",
)
