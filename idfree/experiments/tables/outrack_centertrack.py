"""Occlusion estimation on CenterTrack (Liu et al. 2021, OUTrack)."""

from idfree.experiments.protocol import OUTRACK
from idfree.experiments.table import OneShot, Ranking, Row, Table

CENTERTRACK = ("centertrack",)
TABLE = Table(
    "outrack-centertrack",
    "OUTrack: occlusions on CenterTrack",
    "Liu et al. 2021, second halves of MOT17",
    rows=(
        Row("CenterTrack", OneShot("centertrack", trackers=CENTERTRACK), {"MOTA": 60.7, "FN": 18447}),
        Row(
            "CenterTrack, occlusions",
            OneShot("centertrack", ("occlusions=joint",), trackers=CENTERTRACK, tracker_settings=("refind=true",)),
            {"MOTA": 62.1, "IDF1": 64.6, "IDSW": 440, "FN": 16583},
        ),
    ),
    rankings=(
        Ranking("CenterTrack, occlusions", "CenterTrack", "MOTA"),
        Ranking("CenterTrack, occlusions", "CenterTrack", "FN"),
    ),
    full=OUTRACK,
)
