"""Re-association of CenterTrack's boxes (Karthik et al. 2020, SimpleReID)."""

from idfree.experiments.protocol import SIMPLEREID
from idfree.experiments.table import CropEmbedding, OneShot, Ranking, Row, Table


def reassociated(embedding: CropEmbedding) -> OneShot:
    """CenterTrack, and DeepSORT on the boxes of its tracks."""
    settings = ("reassociate=true",)
    return OneShot("centertrack", embeddings=embedding, trackers=("centertrack",), tracker_settings=settings)


TABLE = Table(
    "simplereid-centertrack",
    "SimpleReID: re-association of CenterTrack",
    "Karthik et al. 2020, test set of MOT17",
    rows=(
        Row(
            "CenterTrack",
            OneShot("centertrack", trackers=("centertrack",)),
            {"MOTA": 61.4, "IDF1": 53.3, "IDSW": 5326},
        ),
        Row("re-associated, pseudo-labels", reassociated("pseudo-labels"), {"MOTA": 61.7, "IDF1": 58.1, "IDSW": 1864}),
        Row("re-associated, colour", reassociated("colour")),
        Row("re-associated, identities of other data", reassociated("better")),
    ),
    rankings=(
        Ranking("re-associated, pseudo-labels", "CenterTrack"),
        Ranking("re-associated, pseudo-labels", "CenterTrack", "IDSW"),
    ),
    full=SIMPLEREID,
)
