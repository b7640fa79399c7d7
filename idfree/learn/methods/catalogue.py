"""The training methods by name: module, summary, what they need of the data, defaults. Imports no PyTorch.

To add a method, write its module and add an entry here: `idfree train`, `idfree data check`, the registry of one-shot
trackers and the contract test of methods read this table.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["one-shot", "crops"]
Need = Literal["boxes", "all boxes", "identities", "video"]

NEEDS: dict[Need, str] = {
    "boxes": "images with boxes",
    "all boxes": "every object of every image is labelled, so that what has no box is background",
    "identities": "at least two identities",
    "video": "consecutive frames, not unrelated still images",
}


@dataclass(frozen=True)
class MethodEntry:
    """A method of `idfree train`.

    module: of kind "one-shot" (a detector with an embedding head) it defines a `Method` by the method's name in
    capitals; of kind "crops" (an encoder of crops) it defines `train`, `open_checkpoint` and `export`. needs: of the
    data, see NEEDS. epochs, batch: the defaults; None if the method counts otherwise. unit: of the batch size.
    """

    module: str
    summary: str
    needs: tuple[Need, ...]
    kind: Kind = "one-shot"
    epochs: int | None = None
    batch: int | None = None
    unit: str = "images"


METHODS: dict[str, MethodEntry] = {
    "fairmot": MethodEntry(
        "idfree.learn.methods.fairmot",
        "FairMOT (Zhang 2020): detection and identity classification, supervised",
        needs=("boxes", "all boxes", "identities"),
        epochs=30,
        batch=12,
    ),
    "clmot": MethodEntry(
        "idfree.learn.methods.clmot",
        "CL-MOT (Silva 2021): detection and contrast between two views of an image",
        needs=("boxes", "all boxes"),
        epochs=40,
        batch=8,
        unit="images in two views",
    ),
    "outrack": MethodEntry(
        "idfree.learn.methods.outrack",
        "OUTrack (Liu 2021): detection and matching between two frames",
        needs=("boxes", "all boxes"),
        epochs=30,
        batch=12,
        unit="pairs",
    ),
    "centertrack": MethodEntry(
        "idfree.learn.methods.centertrack",
        "CenterTrack (Zhou 2020): detection, and where each object was in the previous frame",
        needs=("boxes", "all boxes"),
        epochs=70,
        batch=32,
    ),
    "tdt": MethodEntry(
        "idfree.learn.methods.tdt",
        "TDT (Yu 2022): detection, and embeddings distilled from a crop Re-ID network (--teacher)",
        needs=("boxes", "all boxes"),
        epochs=30,
        batch=16,
    ),
    "fasterrcnn": MethodEntry(
        "idfree.learn.methods.fasterrcnn",
        "Faster R-CNN (Ren 2015): detection, with a box head that regresses the boxes of tracktor",
        needs=("boxes", "all boxes"),
        epochs=26,
        batch=16,
    ),
    "simplereid": MethodEntry(
        "idfree.learn.methods.simplereid",
        "SimpleReID (Karthik 2020): an appearance encoder from crops of tracklets",
        needs=("boxes", "identities", "video"),
        kind="crops",
    ),
}


def methods_of(kind: Kind) -> dict[str, MethodEntry]:
    """The methods of one kind."""
    return {name: entry for name, entry in METHODS.items() if entry.kind == kind}
