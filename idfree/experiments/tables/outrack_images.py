"""Still images alone (Liu et al. 2021, OUTrack)."""

from idfree.experiments.protocol import OUTRACK_IMAGES
from idfree.experiments.table import OneShot, Ranking, Row, Table

IMAGES = ("views=images",)
TABLE = Table(
    "outrack-images",
    "OUTrack: still images alone",
    "Liu et al. 2021, trained on CrowdHuman alone, tested on MOT17",
    rows=(
        Row(
            "CycAs",
            OneShot("outrack", ("objective=cycas", *IMAGES), data="images", same_detector=True),
            {"R1": 54.8, "mAP": 32.9, "IDF1": 64.9},
        ),
        Row(
            "UTrack",
            OneShot("outrack", IMAGES, data="images", same_detector=True),
            {"R1": 56.4, "mAP": 34.1, "IDF1": 69.2},
        ),
    ),
    rankings=(Ranking("UTrack", "CycAs"), Ranking("UTrack", "CycAs", "R1"), Ranking("UTrack", "CycAs", "mAP")),
    full=OUTRACK_IMAGES,
    note=(
        "The paper's row of FairMOT (R1 42.9, mAP 25.4, IDF1 64.6) takes every box for an identity of its own, which"
        " fairmot here does not. At the mini scale the detector that rows start from has seen the videos' boxes."
    ),
)
