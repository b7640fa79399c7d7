"""train a tracker on boxes (clmot, outrack), on boxes and identities (fairmot), or looks on tracks (simplereid)

example: idfree train fairmot MOT17/train --half train --images videos -o runs/fairmot
         idfree train outrack MOT17/train PennFudan --half train --images videos -o runs/outrack
         idfree track street.mp4 --detector runs/outrack/model.onnx
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.data import DATA, IMAGES
from idfree.commands.train_options import CROPS, METHODS, notice, part, quiet, settings_of
from idfree.core.errors import UserError
from idfree.core.progress import training

if TYPE_CHECKING:
    from idfree.datasets.footage import Footage, FootageSettings


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    add_ = parser.add_argument
    add_("method", choices=METHODS, metavar="METHOD", help=", ".join(METHODS))
    add_("data", nargs="+", metavar="DATA", help=DATA)
    add_("-o", "--out", type=Path, required=True, metavar="RUN", help="folder for checkpoints, figures and the model")
    add_("--half", choices=("none", "train"), default="none", help="train: first halves, and validate on the second")
    add_("--val", nargs="+", metavar="DATA", help="validate on these (default with --half train: the second halves)")
    add_("--val-every", type=int, default=1, metavar="EPOCHS", help="between validations (1)")
    add_("--tracker", default="fused", help="of validations (fused, the default of idfree track)")
    add_("--best", choices=("IDF1", "MOTA", "HOTA"), default="IDF1", help="what makes best.pt the best (IDF1)")
    add_(
        "--identities",
        choices=("labels", "tracklets"),
        default="labels",
        help="who is who: as labelled, or by tracklets that motion links, no name is read (fairmot, simplereid)",
    )
    add_("--images", type=Path, help=IMAGES)
    add_(
        "--backbone", help="dla34 (default), dla34-plain, resnet18/34/50, resnet18/34-fpn, hrnet_w32, mobilenet-v3-fpn"
    )
    add_("--size", help="of the network's picture (1088x608)")
    add_("--stride", help="of its map (4)")
    add_("--epochs", help="(30; clmot 40)")
    add_("--batch", help="of all processes: pictures (fairmot 12), pictures in two views (clmot 8), pairs (outrack 12)")
    add_("--lr", help="learning rate, for that batch (1e-4)")
    add_("--precision", help="auto (default), fp32, bf16 or fp16")
    add_(
        "--init",
        help="weights to begin with: a .pt or .pth of CenterNet, FairMOT, torchvision, timm or ours, of any method",
    )
    add_("--resume", action="store_true", help="go on where the run in that folder was stopped")
    add_(
        "--workers", type=int, help="threads that prepare batches (default: 1, for a GPU as many as there are, up to 8)"
    )
    add_("--cache", type=Path, help="where the frames of videos are kept (default: RUN/frames)")
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of the method; augmentation.NAME, data.NAME, label.NAME; of simplereid also identities",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Train; gives where the model is, and the figures of the best validation."""
    from idfree.commands.train_tracker import train_tracker
    from idfree.core.settings import override
    from idfree.datasets.footage import FootageSettings
    from idfree.datasets.open_footage import open_all
    from idfree.pipelines.train import LINKED, by_motion

    data = override(FootageSettings(), part(options.set, "data"))
    footages = open_all(options.data, options.half, options.images, data)
    if options.identities == "tracklets":
        labelling = override(LINKED, part(options.set, "label"))
        footages = [by_motion(footage, labelling) for footage in footages]
    try:
        return (train_crops if options.method == CROPS else train_tracker)(footages, data, options)
    except KeyboardInterrupt:
        last = options.out / "last.pt"
        raise KeyboardInterrupt(f"--resume goes on from {last}" if last.exists() else "nothing was kept yet") from None


def train_crops(footages: "list[Footage]", data: "FootageSettings", options: argparse.Namespace) -> dict[str, Any]:
    """Train an appearance model on the crops of everybody whom the footage follows."""
    from idfree.core.settings import override
    from idfree.learn.methods import simplereid
    from idfree.learn.networks.crop_reid import NETWORKS
    from idfree.learn.parallel import Distributed, distributed_from_torchrun
    from idfree.pipelines.adapt import facts
    from idfree.pipelines.label import LabelSettings
    from idfree.pipelines.train import CropsSettings, crops_of

    if distributed_from_torchrun().world > 1:
        raise UserError("simplereid trains in one process: leave torchrun out")
    if options.val:
        raise UserError("simplereid is not validated by tracking: leave --val out, and see idfree eval-appearance")
    whose = [a for a in options.set if a.partition("=")[0] == "identities"]
    options.set = [a for a in options.set if a not in whose]
    settings = settings_of(simplereid.SimpleReidSettings(seed=options.seed), options)
    labelling, asked = override(LabelSettings(), part(options.set, "label")), override(CropsSettings(), whose)
    crops = crops_of(footages, NETWORKS[settings.network][1], labelling, asked)
    model = simplereid.train(
        crops,
        settings,
        options.out,
        resume=options.resume,
        progress=None if quiet(options, Distributed()) else training,
        facts=lambda describe: facts(describe, crops, 0.0),
        trained_on=notice(footages),
        device=options.device,
    )
    if not options.json:
        print(f"{model}: of {len(crops)} crops of {crops.tracklets} {'people' if crops.identities else 'tracklets'}")
    return {"model": str(model), "crops": len(crops), "tracklets": crops.tracklets}
