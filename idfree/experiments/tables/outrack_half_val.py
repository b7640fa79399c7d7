"""Unsupervised against supervised embeddings (Liu et al. 2021, OUTrack)."""

from idfree.experiments.protocol import OUTRACK
from idfree.experiments.table import OneShot, Ranking, Row, Table

OCCLUSIONS = ("occlusions=joint",)
TABLE = Table(
    "outrack-half-val",
    "OUTrack: unsupervised and supervised embeddings",
    "Liu et al. 2021, second halves of MOT17",
    rows=(
        Row(
            "no embeddings",
            OneShot("fairmot", untrained=True, embeddings="none"),
            {"MOTA": 65.8, "IDF1": 61.0, "IDSW": 1098},
        ),
        Row("supervised (fairmot)", OneShot("fairmot"), {"MOTA": 67.5, "IDF1": 70.2, "IDSW": 492}),
        Row("CycAs", OneShot("outrack", ("objective=cycas",)), {"MOTA": 67.0, "IDF1": 70.8, "IDSW": 503}),
        Row("UTrack", OneShot("outrack"), {"MOTA": 67.6, "IDF1": 71.8, "IDSW": 503}),
        Row(
            "UTrack, occlusions",
            OneShot("outrack", OCCLUSIONS, tracker_settings=("refind=true",)),
            {"MOTA": 68.5, "IDF1": 72.0, "IDSW": 396},
        ),
    ),
    rankings=(
        Ranking("supervised (fairmot)", "no embeddings"),
        Ranking("UTrack", "supervised (fairmot)"),
        Ranking("UTrack", "CycAs"),
        Ranking("UTrack, occlusions", "UTrack"),
        Ranking("UTrack, occlusions", "UTrack", "MOTA"),
    ),
    full=OUTRACK,
)
