"""The placeholder for objects that the other frame lacks (Liu et al. 2021, OUTrack)."""

from idfree.experiments.protocol import OUTRACK
from idfree.experiments.table import OneShot, Ranking, Row, Table

TABLE = Table(
    "outrack-placeholder",
    "OUTrack: the placeholder",
    "Liu et al. 2021, second halves of MOT17",
    rows=(
        Row("none", OneShot("outrack", ("placeholder=none",), same_detector=True), {"IDF1": 71.1}),
        Row("0", OneShot("outrack", ("placeholder=zero",), same_detector=True), {"IDF1": 70.7}),
        Row("mean", OneShot("outrack", same_detector=True), {"IDF1": 71.8}),
    ),
    rankings=(Ranking("mean", "none"), Ranking("none", "0")),
    full=OUTRACK,
)
