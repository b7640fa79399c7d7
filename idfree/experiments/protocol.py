"""What the rows of a table share: data, split, size, schedule. MINI fits this machine, the others are the papers'."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Scale = Literal["mini", "full"]
PAIRED = ("clmot", "outrack")  # their batches are of pairs of images


@dataclass(frozen=True)
class Source:
    """Training or validation data below the folder of `--data`.

    path: a file or folder that `idfree train` reads. frames: expected number of images, to notice an incomplete copy;
    0: unknown. half: first halves train, second halves validate. still: unrelated images, not video. origin: where to
    get it.
    """

    path: str
    frames: int
    origin: str
    half: bool = False
    still: bool = False


@dataclass(frozen=True)
class Protocol:
    """Data and schedule of all rows of a table.

    train: what is trained on; the second halves of those with `half`, and `val`, are validated on. images: folder of
    the videos of MOTChallenge folders without frames in img1. settings: `name=value` of every method; method_settings:
    after these, of single ones; images_settings: of rows that train on still images alone; embedding_settings: of rows
    that compare embeddings alone (`OneShot.same_detector`). base_settings: of the detector that all rows start from,
    trained once for each architecture; None: rows start from `init`, a file of weights for {backbone}. teachers: files
    of crop Re-ID networks by name. All paths are below the folder of the data.
    """

    train: tuple[Source, ...]
    val: tuple[Source, ...] = ()
    images: str | None = None
    settings: tuple[str, ...] = ()
    method_settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    images_settings: tuple[str, ...] = ()
    embedding_settings: tuple[str, ...] = ()
    base_settings: tuple[str, ...] | None = None
    init: str | None = None
    teachers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """What rows are run on. data: the folder with the protocol's paths. out: of networks and encoders, kept there."""

    protocol: Protocol
    data: Path
    out: Path
    device: str = "auto"
    quiet: bool = True

    @property
    def images(self) -> Path | None:
        """The folder of the videos, if frames are not beside the labels."""
        return None if self.protocol.images is None else self.data / self.protocol.images


MOT = "motchallenge.net"
PETS09 = Source("MOT15/train/PETS09-S2L1", 795, MOT, half=True)
PENNFUDAN = Source("PennFudan", 170, "www.cis.upenn.edu/~jshi/ped_html", still=True)
CROWDHUMAN = Source("CrowdHuman/annotation_train.odgt", 15000, "crowdhuman.org", still=True)
MOT17_FRAMES = {"02": 600, "04": 1050, "05": 837, "09": 525, "10": 654, "11": 900, "13": 750}
MOT15_ONLY = {  # the training sequences of MOT15 that MOT17 does not hold, on which fairmot and tdt are validated
    "KITTI-13": 340, "KITTI-17": 145, "ETH-Sunnyday": 354, "PETS09-S2L1": 795, "TUD-Campus": 71, "TUD-Stadtmitte": 179,
}  # fmt: skip


def mot17(*names: str, half: bool = True) -> tuple[Source, ...]:
    """Training sequences of MOT17 by number, all seven by default; their halves train and validate."""
    chosen = names or tuple(MOT17_FRAMES)
    return tuple(Source(f"MOT17/train/MOT17-{name}-SDP", MOT17_FRAMES[name], MOT, half=half) for name in chosen)


def mixture(*names: str) -> tuple[Source, ...]:
    """Lists of the JDE format by name (`mot17` for mot17.train); their numbers of images are not checked."""
    origin = "github.com/Zhongdao/Towards-Realtime-MOT, DATASET_ZOO.md"
    return tuple(Source(f"JDE/{name}.train", 0, origin, still=True) for name in names)


# Three videos and 170 photographs; training a row takes about ten minutes of one core.
ONE_EPOCH_OF_PAIRS = ("epochs=1", "batch=2")  # as many images as two epochs of images in batches of four
MINI = Protocol(
    train=(*mot17("04", "09"), PETS09, PENNFUDAN),
    images="videos",
    settings=(
        *("backbone=resnet18-fpn", "size=448x256", "dimension=128", "lr=5e-4", "schedule=cosine", "warm_up=100"),
        *("epochs=2", "batch=4", "threads=1"),
    ),
    method_settings={
        "clmot": ONE_EPOCH_OF_PAIRS,
        "outrack": (*ONE_EPOCH_OF_PAIRS, "occlusions=none"),
        "tdt": ("network=centre", "optimiser=adam"),
        "fasterrcnn": (
            *("optimiser=adam", "channels=64", "hidden=256"),
            *("anchor=16", "proposals=300", "regions=128"),
        ),
    },
    images_settings=("epochs=8",),  # as many iterations
    embedding_settings=("freeze=backbone,heads.heat,heads.offset,heads.size",),  # a third of the time, and equal boxes
    base_settings=("epochs=6", "batch=8", "ema=0.998", "schedule=steps", "first_drop=1", "second_drop=1"),
    teachers={
        "better": "models/omz/person-reidentification-retail-0287-eps.onnx",
        "weaker": "models/omz/person-reidentification-retail-0288-FP32.xml",
    },
)

# The papers' protocols. Weights of COCO or ImageNet are the user's: weights/BACKBONE.pth.
INIT = "weights/{backbone}.pth"
VALIDATE_ON_MOT15 = tuple(Source(f"MOT15/train/{name}", frames, MOT) for name, frames in MOT15_ONLY.items())
FAIRMOT = Protocol(
    train=mixture("eth", "citypersons", "caltech", "cuhksysu", "prw", "mot17"), val=VALIDATE_ON_MOT15, init=INIT
)
FAIRMOT_SMALL = Protocol(train=mot17(half=False), val=VALIDATE_ON_MOT15, init=INIT)
CLMOT = Protocol(train=mixture("mot15"), init=INIT, val=VALIDATE_ON_MOT15)
OUTRACK = Protocol(train=mot17(), init=INIT, method_settings={"outrack": ("occlusions=none",)})
OUTRACK_IMAGES = Protocol(
    train=(CROWDHUMAN,), val=mot17(half=False), init=INIT, method_settings={"outrack": ("occlusions=none",)}
)
TDT = Protocol(
    train=mixture("eth", "citypersons", "caltech", "cuhksysu", "prw", "mot17"),
    val=VALIDATE_ON_MOT15,
    init=INIT,
    teachers={"better": "teachers/osnet_x1_0.pth", "weaker": "teachers/resnet50.pth"},
)
SIMPLEREID = Protocol(train=mot17(), init=INIT, teachers={"better": "teachers/resnet50_market1501.pth"})
