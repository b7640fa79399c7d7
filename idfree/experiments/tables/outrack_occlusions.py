"""Overlap from which two boxes are an occlusion (Liu et al. 2021, OUTrack)."""

from idfree.experiments.protocol import OUTRACK
from idfree.experiments.table import OneShot, Ranking, Row, Table

PUBLISHED = {"0.3": (68.3, 70.4), "0.5": (68.3, 72.0), "0.7": (68.5, 72.0), "0.9": (68.4, 71.8)}  # τ: MOTA, IDF1
DEFAULT = "0.7"  # of `idfree train outrack`: the row of outrack-half-val with occlusions


def joint(share: str) -> OneShot:
    """UTrack with occlusion heads trained jointly."""
    settings = () if share == DEFAULT else (f"occlusion_share={share}",)
    return OneShot("outrack", ("occlusions=joint", *settings), tracker_settings=("refind=true",))


TABLE = Table(
    "outrack-occlusions",
    "OUTrack: overlap τ of an occlusion",
    "Liu et al. 2021, second halves of MOT17",
    rows=tuple(Row(text, joint(text), {"MOTA": mota, "IDF1": idf1}) for text, (mota, idf1) in PUBLISHED.items()),
    rankings=(Ranking("0.7", "0.3"), Ranking("0.7", "0.3", "MOTA")),
    full=OUTRACK,
    note="Found again by `refind=true` of the tracker. The rival GSM is left out.",
)
