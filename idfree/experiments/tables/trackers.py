"""All trackers on the same public detections, with and without embeddings; the comparison is ours."""

from idfree.experiments.protocol import SIMPLEREID
from idfree.experiments.table import CropEmbedding, CropReid, Row, Table

EMBEDDINGS: dict[CropEmbedding, str] = {
    "none": "none",
    "colour": "colour",
    "pseudo-labels": "pseudo-labels",
    "better": "identities of other data",
}
MOTION_ONLY = ("iou", "sort", "bytetrack", "ocsort")
TABLE = Table(
    "trackers",
    "Trackers and embeddings",
    "not of a paper",
    rows=(
        *(Row(tracker, CropReid("none", tracker)) for tracker in MOTION_ONLY),
        *(
            Row(f"{tracker}, {title}", CropReid(embedding, tracker))
            for tracker in ("tracktor", "fairmot", "deepsort", "botsort", "fused")
            for embedding, title in EMBEDDINGS.items()
        ),
        Row("centertrack", CropReid("none", "centertrack")),
        *(
            Row(f"centertrack re-associated, {title}", CropReid(embedding, "centertrack", ("reassociate=true",)))
            for embedding, title in EMBEDDINGS.items()
            if embedding != "none"
        ),
    ),
    rankings=(),
    full=SIMPLEREID,
    note=(
        "SDP detections of the second halves. tracktor regresses boxes of the people model of the package, near the"
        " public ones; centertrack has no network here, so no displacements (those are in the tables of CenterTrack)."
    ),
)
