"""Temperature of the assignment (Liu et al. 2021, OUTrack)."""

from idfree.experiments.protocol import OUTRACK
from idfree.experiments.table import OneShot, Ranking, Row, Table

PUBLISHED = {"1": 63.2, "2": 63.5, "3": 65.0, "4": 69.1, "5": 70.1}  # temperature: IDF1
TABLE = Table(
    "outrack-temperature",
    "OUTrack: temperature of the assignment",
    "Liu et al. 2021, second halves of MOT17",
    rows=(
        *(
            Row(text, OneShot("outrack", (f"temperature={text}",), same_detector=True), {"IDF1": idf1})
            for text, idf1 in PUBLISHED.items()
        ),
        Row("2 ln(C + 1)", OneShot("outrack", same_detector=True), {"IDF1": 71.8}),
    ),
    rankings=(Ranking("2 ln(C + 1)", "5"), Ranking("5", "3"), Ranking("3", "1")),
    full=OUTRACK,
)
