"""Share of pairs of two scenes (Liu et al. 2021, OUTrack)."""

from idfree.experiments.protocol import OUTRACK_IMAGES
from idfree.experiments.table import OneShot, Ranking, Row, Table

PUBLISHED = {"1:9": (54.6, 32.8), "2:8": (56.4, 34.1), "3:7": (58.1, 31.8), "4:6": (57.9, 31.3)}  # R1, mAP


def negatives(ratio: str) -> str:
    """Negative pairs for each positive one."""
    negative, positive = map(int, ratio.split(":"))
    return f"negatives={negative / positive:.3f}"


TABLE = Table(
    "outrack-negatives",
    "OUTrack: negative to positive pairs",
    "Liu et al. 2021, trained on CrowdHuman alone; here on still images alone",
    rows=tuple(
        Row(
            ratio,
            OneShot("outrack", ("views=images", negatives(ratio)), data="images", same_detector=True),
            {"R1": rank1, "mAP": mean_ap},
        )
        for ratio, (rank1, mean_ap) in PUBLISHED.items()
    ),
    rankings=(Ranking("2:8", "1:9", "mAP"), Ranking("2:8", "4:6", "mAP")),
    full=OUTRACK_IMAGES,
)
