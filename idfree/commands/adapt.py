"""learn what the people of your own videos look like, without a label

example: idfree adapt street.mp4 --detector yolox.onnx --classes person -o runs/street
         idfree track street.mp4 --detector yolox.onnx --classes person --appearance runs/street/appearance.onnx
"""

import argparse
import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.detector_options import add_detector, add_frames, question
from idfree.commands.label import selection_of
from idfree.commands.video_jobs import Report, add_workers, name_of, told, videos, work_through
from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_text
from idfree.core.progress import training

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder
    from idfree.commands.detector_options import DetectorOf
    from idfree.core.cropset import CropSet
    from idfree.core.workers import PicklableFactory
    from idfree.pipelines.adapt import Split
    from idfree.pipelines.label import LabelSettings

Reports = dict[str, Report]


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    add_ = parser.add_argument
    add_("source", nargs="+", help="video, folder of videos or of images, MOTChallenge folder or many of them")
    add_("-o", "--out", type=Path, required=True, metavar="RUN", help="folder for the model and the report")
    add_detector(parser)
    add_frames(parser)
    add_("--network", help="striped (default, for CPUs), resnet18, resnet50, osnet_x1_0 or osnet_x0_25")
    add_("--iterations", type=int, help="of training (default: 350 for one video, up to 900 for five)")
    add_("--colour", type=float, default=0.5, metavar="SHARE", help="of colour in the model's say, 0…1 (default: 0.5)")
    add_("--set", action="append", default=[], metavar="NAME=VALUE", help="of training; label.NAME, detector.NAME")
    add_workers(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Label, train, export, judge; gives the report. What was finished when it was stopped is not done again."""
    from idfree.appearance import open_encoder
    from idfree.core.settings import override
    from idfree.learn.methods import simplereid
    from idfree.learn.networks.crop_reid import NETWORKS
    from idfree.pipelines import adapt
    from idfree.pipelines.label import LabelSettings

    if not 0 <= options.colour < 1:
        raise UserError(f"--colour {options.colour}: expected a share, 0 or more and less than 1")
    theirs = [a for a in options.set if not a.startswith(("label.", "detector."))]
    theirs += [f"network={options.network}"] if options.network else []
    theirs += [f"iterations={options.iterations}"] if options.iterations else []
    settings = override(simplereid.SimpleReidSettings(seed=options.seed), theirs)
    labelling = override(LabelSettings(), [a.removeprefix("label.") for a in options.set if a.startswith("label.")])
    make_folder(options.out)
    crops, reports = collected(options, labelling, NETWORKS[settings.network][1])
    split = adapt.split(crops, options.seed)
    model = simplereid.train(
        split.train,
        settings,
        options.out,
        resume=(options.out / "last.pt").is_file(),
        progress=None if options.quiet else training,
        facts=lambda describe: adapt.facts(describe, crops, options.colour),
        trained_on=f"pseudo-labels of {', '.join(reports)}; terms of that footage apply",
        device=options.device,
    )
    encoder = open_encoder(model, device=options.device)
    report = {"model": str(model), **judge(encoder, crops, split, reports)}
    write_text(options.out / "report.json", json.dumps(report, indent=2, allow_nan=False) + "\n")
    write_page(options.out / "report.html", encoder, crops, report)
    if not options.json:
        print(story(report, options))
    return report


def collected(
    options: argparse.Namespace, labelling: "LabelSettings", size_hw: tuple[int, int]
) -> "tuple[CropSet, Reports]":
    """The crops of all videos that could be read, in their order, and what their pseudo-labels look like."""
    from idfree.core.cropset import CropSet
    from idfree.pipelines import adapt

    paths = videos(options)
    selection_of(options)  # mistakes come to light before any video is opened
    theirs, found_by = told(options, paths)
    one = partial(collect_one, labelling=labelling, size_hw=size_hw, options=theirs, found_by=found_by)
    reports, _ = work_through(one, paths, options, "labelled")
    return adapt.merged([CropSet.load(adapt.crops_at(options.out, name)) for name in reports]), reports


def collect_one(
    path: Path,
    labelling: "LabelSettings",
    size_hw: tuple[int, int],
    options: argparse.Namespace,
    found_by: "PicklableFactory[DetectorOf]",
) -> Report:
    """Keep the crops of one video in RUN/crops; gives what its pseudo-labels look like."""
    from idfree.pipelines import adapt
    from idfree.pipelines.track import plain
    from idfree.sequences import open_source

    sequence = replace(open_source(path)[0], name=name_of(path))
    detector, file = found_by.thing(sequence), adapt.crops_at(options.out, sequence.name)
    asked = {**question(sequence, detector, options), "labels": plain(asdict(labelling))}
    return adapt.collect(sequence, detector, labelling, selection_of(options), size_hw, file, asked, options.quiet)


def judge(encoder: "Encoder", crops: "CropSet", split: "Split", reports: Reports) -> dict[str, Any]:
    """What came of it: pseudo-labels, and how well the model, and colour alone, tell held-out tracklets apart."""
    from idfree.pipelines import adapt

    return {
        "limit": encoder.match_threshold,
        "tracklets": crops.tracklets,
        "crops": len(crops),
        "videos": reports,
        "held_out": {
            "tracklets": split.held.tracklets,
            "model": adapt.judged(encoder.describe, split.held),
            "colour": adapt.judged_colour(split.held),
        },
        "advice": adapt.advice(crops, reports),
    }


def write_page(path: Path, encoder: "Encoder", crops: "CropSet", report: dict[str, Any]) -> None:
    """The report as a page."""
    from idfree.appearance.calibrate import EDGES
    from idfree.pipelines.adapt import calibration
    from idfree.show.report import histogram, page, sheet

    videos = [["video", "tracklets", "boxes", "kept", "median length"]]
    for name, said in report["videos"].items():
        kept = "" if said["kept"] is None else f"{100 * said['kept']:.0f} %"
        videos.append([name, str(said["tracklets"]), str(said["boxes"]), kept, f"{said['length']['median']:.0f}"])
    held = [["held-out tracklets", "TPR at FAR 0.1", "at 0.01", "equal error"]]
    for name in ("model", "colour"):
        told = report["held_out"][name]
        cells = [f"{100 * told[key]:.1f} %" if key in told else "–" for key in ("TPR@0.1", "TPR@0.01", "error")]
        held.append([name, *cells])
    pictures = {"Crops, a tracklet each row": sheet(crops.crops, crops.tracklet)}
    if found := calibration(encoder.describe(crops.crops), crops):
        pictures["Distances between crops"] = histogram(found.same, found.different, EDGES, found.match_threshold)
    tables = {"Pseudo-labels": videos, "What the model can tell apart": held}
    write_text(path, page("What idfree learnt from these videos", tables, report["advice"], pictures))


def story(report: dict[str, Any], options: argparse.Namespace) -> str:
    """What a person wants to know when it is done."""
    held = report["held_out"]
    lines = [f"{report['crops']} crops of {report['tracklets']} tracklets from {len(report['videos'])} video(s)"]
    if "TPR@0.1" in held["model"]:
        rates = (100 * held[name]["TPR@0.1"] for name in ("model", "colour"))
        lines.append("held-out tracklets told apart: {:.1f} % TPR at FAR 0.1 (colour alone: {:.1f} %)".format(*rates))
    lines += report["advice"]
    lines.append(f"{options.out / 'report.html'}\n{report['model']}: give it to `idfree track --appearance`")
    return "\n".join(lines)
