"""train a one-shot tracker, a detector for tracktor, or an appearance model

example: idfree train fairmot MOT17/train --half train --images videos -o runs/fairmot
         idfree train outrack MOT17/train PennFudan --half train --images videos -o runs/outrack
         idfree train tdt CrowdHuman/annotation_train.odgt --teacher reid.onnx -o runs/tdt
         idfree train centertrack MOT17/train --half train --images videos --tracker centertrack -o runs/centertrack
         idfree train fasterrcnn MOT17/train --half train --images videos -o runs/fasterrcnn
         idfree track street.mp4 --detector runs/outrack/model.onnx
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import add_run_folder
from idfree.commands.data_options import DATA, IMAGES
from idfree.commands.next_steps import command_line, next_step, tell
from idfree.core.wording import counted
from idfree.learn.methods.catalogue import METHODS, methods_of
from idfree.trackers.registry import TRACKERS

# settings with own options
SETTINGS = ("network", "backbone", "size", "stride", "epochs", "batch", "lr", "precision", "init")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    summaries = "; ".join(f"{name}: {method.summary}" for name, method in METHODS.items())
    add_("method", choices=METHODS, metavar="METHOD", help=summaries)
    add_("data", nargs="+", metavar="DATA", help=DATA)
    add_run_folder(parser, "checkpoints, metrics and the model")
    add_data(parser)
    add_method(parser)
    add_("--resume", action="store_true", help="continue the run in that folder where it was stopped")
    add_(
        "--workers",
        type=int,
        metavar="N",
        help="threads that prepare batches (default: 1, with a GPU one for each CPU core, 8 at most)",
    )
    add_("--cache", type=Path, metavar="DIR", help="folder for the frames of videos as images (default: RUN/frames)")
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of the method; augmentation.NAME, data.NAME, label.NAME, teacher.NAME: of the"
        " augmentation and so on; an unknown name lists the known ones",
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the data to train and to validate on."""
    add_ = parser.add_argument
    add_(
        "--half",
        choices=("none", "train"),
        default="none",
        help="train on the first half of each video and validate on the second (default: none, all frames)",
    )
    add_("--val", nargs="+", metavar="DATA", help="data to validate on (default with --half train: the second halves)")
    add_(
        "--val-every", type=int, default=1, metavar="EPOCHS", help="epochs from one validation to the next (default: 1)"
    )
    add_("--tracker", default="fused", help=f"tracker of validations: {', '.join(TRACKERS)} (default: fused)")
    add_(
        "--best",
        choices=("IDF1", "MOTA", "HOTA"),
        default="IDF1",
        help="metric that best.pt is selected by (default: IDF1)",
    )
    add_(
        "--identities",
        choices=("labels", "tracklets"),
        default="labels",
        help="identities that fairmot and simplereid learn: as labelled, or tracklets of motion-only tracking, for"
        " which no identity label is read (default: labels)",
    )
    add_("--images", type=Path, help=IMAGES)


def add_method(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the network and of its training."""
    add_ = parser.add_argument
    add_(
        "--backbone",
        metavar="NAME",
        help="dla34, dla34-plain, resnet18/34/50, resnet18/34-fpn, hrnet_w32, mobilenet-v3-fpn (default: dla34); for"
        " tdt's retinanet resnet18/34/50-fpn, mobilenet, mobilenet-fpn, mobilenet-v3, mobilenet-v3-fpn (default:"
        " resnet34-fpn); for fasterrcnn resnet18/34/50-fpn (default: resnet18-fpn); for simplereid as of"
        " `idfree adapt --network`",
    )
    add_("--size", metavar="WxH", help="width and height of the network's input (default: 1088x608)")
    add_("--stride", metavar="N", help="stride of the network's output maps (default: 4)")
    trackers = methods_of("one-shot")
    epochs = ", ".join(f"{name} {method.epochs}" for name, method in trackers.items())
    batch = ", ".join(f"{method.unit} ({name} {method.batch})" for name, method in trackers.items())
    add_("--epochs", metavar="N", help=f"number of epochs (default: {epochs})")
    add_("--batch", metavar="N", help=f"batch size, of all processes together (default: {batch})")
    add_(
        "--lr",
        metavar="RATE",
        help="learning rate of a batch of the default size (default: 1e-4, tdt 0.15, fasterrcnn 0.02)",
    )
    add_("--precision", help="auto, fp32, bf16 or fp16 (default: auto)")
    add_(
        "--init",
        metavar="FILE",
        help="initial weights: a .pt or .pth of CenterNet, FairMOT, torchvision, timm or idfree (any method)",
    )
    add_(
        "--fine-tune",
        type=Path,
        metavar="RUN/best.pt",
        help="train the network of this run further, with its settings: 10 epochs at a tenth of its learning rate",
    )
    add_("--teacher", metavar="MODEL", help="for tdt: crop Re-ID network whose embeddings are distilled (.onnx, .pt)")
    add_("--network", choices=("retinanet", "centre"), help="network of tdt (default: retinanet)")


def run(options: argparse.Namespace) -> dict[str, Any] | None:
    """Train; return the path of the model and its metrics, None in processes of `torchrun` other than the main one."""
    from idfree.pipelines.train import train

    show_progress = not (options.quiet or options.json)
    try:
        report = train(
            options.method,
            options.data,
            options.out,
            set=method_assignments(options) + options.set,
            half=options.half,
            images=options.images,
            identities=options.identities,
            val=options.val,
            val_every=options.val_every,
            tracker=options.tracker,
            best=options.best,
            on_validation=print_metrics if show_progress else None,
            cache=options.cache,
            workers=options.workers,
            teacher=options.teacher,
            fine_tune=options.fine_tune,
            resume=options.resume,
            device=options.device,
            seed=options.seed,
            quiet=not show_progress,
        )
    except KeyboardInterrupt:
        last = options.out / "last.pt"
        raise KeyboardInterrupt(
            f"--resume goes on from {last}" if last.exists() else "no checkpoint was written yet"
        ) from None
    if report and not (options.json or options.quiet):
        print(format_report(report, options))
        words = track_options(options.method, report["model"], worse_than_colour(report))
        tell(options, next_step("To track with it", command_line("track", "VIDEO", *words, "--video")))
    return report or None


def method_assignments(options: argparse.Namespace) -> list[str]:
    """`name=value` of the settings that have options of their own; the backbone of an encoder is its network."""
    names = {"backbone": "network"} if METHODS[options.method].kind == "crops" else {}
    values = {name: getattr(options, name) for name in SETTINGS}
    return [f"{names.get(name, name)}={value}" for name, value in values.items() if value is not None]


def format_report(report: dict[str, Any], options: argparse.Namespace) -> str:
    """One line about the trained model."""
    if "crops" in report:
        from idfree.pipelines.labelling.crop_sets import split_crops_settings

        noun = ("person", "people") if split_crops_settings(options.set)[0].identities else ("tracklet",)
        crops, whose = counted(report["crops"], "crop"), counted(report["tracklets"], *noun)
        return f"{report['model']}: trained on {crops} of {whose}"
    if "IDF1" not in report["metrics"]:
        return str(report["model"])
    line = f"{report['model']}, the network of iteration {report['iteration']}: {format_metrics(report['metrics'])}"
    if not worse_than_colour(report):
        return line
    return f"{line}\nits embeddings track worse than colour histograms: track with --appearance colour, or train longer"


def worse_than_colour(report: dict[str, Any]) -> bool:
    """Whether colour histograms track better than the embeddings, as far as that was validated."""
    from idfree.pipelines.training.validate import COLOUR

    metrics = report.get("metrics", {})
    return bool(metrics.get(COLOUR, 0) > metrics.get("IDF1", 1))


def track_options(method: str, model: str, with_colour: bool) -> list[str]:
    """Options of `idfree track` for a trained model. with_colour: colour histograms instead of its embeddings."""
    if METHODS[method].kind == "crops":
        return ["--appearance", model]
    trackers = {"centertrack": ["--tracker", "centertrack"], "fasterrcnn": ["--tracker", "tracktor"]}
    return ["--detector", model, *["--appearance", "colour"] * with_colour, *trackers.get(method, [])]


def print_metrics(metrics: dict[str, float]) -> None:
    """Print the metrics of a validation."""
    print(format_metrics(metrics))


def format_metrics(metrics: dict[str, float]) -> str:
    """The metrics of a validation in one line, ratios in per cent."""
    from idfree.pipelines.training.validate import COLOUR

    ratios = " ".join(f"{name} {100 * metrics[name]:.1f}" for name in ("HOTA", "MOTA", "IDF1"))
    colour = f" (IDF1 with colour histograms {100 * metrics[COLOUR]:.1f})" if COLOUR in metrics else ""
    return f"{ratios} IDSW {metrics['IDSW']:.0f}{colour}"
