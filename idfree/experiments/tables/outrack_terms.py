"""Terms of the matching loss (Liu et al. 2021, OUTrack)."""

from idfree.experiments.protocol import OUTRACK
from idfree.experiments.table import OneShot, Ranking, Row, Table

TABLE = Table(
    "outrack-terms",
    "OUTrack: terms of the matching loss",
    "Liu et al. 2021, second halves of MOT17",
    rows=(
        Row("inter", OneShot("outrack", ("intra=false", "cycle=false"), same_detector=True), {"IDF1": 69.9}),
        Row("inter, intra", OneShot("outrack", ("cycle=false",), same_detector=True), {"IDF1": 70.6}),
        Row("inter, intra, cycle", OneShot("outrack", same_detector=True), {"IDF1": 71.8}),
    ),
    rankings=(Ranking("inter, intra", "inter"), Ranking("inter, intra, cycle", "inter, intra")),
    full=OUTRACK,
)
