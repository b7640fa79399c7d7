"""prepare data: `check` what can be trained on, `convert` it, `pack` results for MOTChallenge, `synth` made-up streets

example: idfree data check MOT17/train CrowdHuman/annotation_train.odgt
         idfree data convert CrowdHuman/annotation_train.odgt --to coco -o converted
         idfree data convert runs/track/street/street.txt --images street.mp4 --to cvat -o to_correct
         idfree data convert --list
         idfree data pack runs/track/test -o mot17.zip --benchmark MOT17
         idfree data synth -o streets --scenes 4 --camera shake --misses 0.1
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from idfree.commands.common_options import output_file, output_folder
from idfree.core.command_line import parse_seed, print_json
from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.pipelines.check_data import DataCheck, DataReport
    from idfree.show.tables import Table

DATA = (
    "MOTChallenge sequences with gt/gt.txt or a folder of them, or any other format of `idfree data convert --list`, "
    "tracking results among them; crops of Market-1501, MSMT17 or VeRi-776 (simplereid)"
)
IMAGES = "the video, or folder of images or videos, if they are not beside the labels"
FORMATS = (
    *("mot", "results", "coco", "cvat", "cvat-mot", "label-studio", "yolo", "yolo-track", "kitti", "trackeval"),
    *("rerun", "odgt", "jde", "voc"),
)
MAX_WARNINGS = 10  # of a source
FAULTS = {  # statistics, and what they count
    "missing": "missing images",
    "unreadable": "unreadable images",
    "beyond": "boxes that extend beyond their image",
    "outside": "boxes outside their image",
    "degenerate": "boxes without area",
    "duplicates": "boxes whose id another box of the image has",
    "jumps": "boxes far from where their id was before",
}


class ListFormats(argparse.Action):
    """Print the table of formats, and end, as --version does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from idfree.datasets.format_list import list_formats

        print(list_formats(), end="")
        parser.exit(0)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    kinds = parser.add_subparsers(dest="kind", metavar="check|convert|pack|synth", required=True)
    check = kinds.add_parser("check", help="what is in data to train on, what is odd, which methods it can feed")
    add_data(check)
    check.add_argument("--all", action="store_true", help="decode every image, not a sample")
    convert = kinds.add_parser("convert", help="from any of the formats to another; images are linked, not copied")
    add_data(convert)
    convert.add_argument("--to", choices=FORMATS, required=True, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    convert.add_argument("--list", action=ListFormats, nargs=0, help="the formats: what is read, written, and kept")
    convert.add_argument("-o", "--out", type=output_folder, required=True, help="the folder to write into")
    pack = kinds.add_parser("pack", help="check results and zip them as the server wants them")
    pack.add_argument("results", type=Path, help="a folder of NAME.txt")
    pack.add_argument("-o", "--out", type=output_file(".zip"), help="the zip (default: RESULTS.zip)")
    pack.add_argument(
        "--benchmark", default="auto", help="MOT15, MOT16, MOT17, MOT20 or DanceTrack; auto looks at names"
    )
    synth = kinds.add_parser("synth", help="made-up streets of known truth, as MOTChallenge folders")
    add_synth(synth)
    for kind in (check, convert, pack, synth):  # the options of every command, also after the second word
        kind.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="no progress")
        kind.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object on stdout")
        kind.add_argument("--seed", type=parse_seed, default=argparse.SUPPRESS, help="random seed (default: 0)")


def add_synth(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `synth`."""
    add = parser.add_argument
    add("-o", "--out", type=output_folder, required=True, help="the folder to write street-SEED folders into")
    add("--scenes", type=int, default=1, help="how many; their seeds count from --seed")
    add("--workers", type=int, default=1, help="scenes made at the same time")
    add("--frames", type=int, default=200, help="of a scene")
    add("--fps", type=float, default=20.0, help="frames per second")
    add("--width", type=int, default=640, help="of the images, px")
    add("--height", type=int, default=480, help="of the images, px")
    add("--images", action="store_true", help="JPEG files in img1, not a video")
    add("--people", type=int, default=24, help="who are in sight at some time")
    add("--lookalikes", type=float, default=0.2, help="share of people with the clothes of another")
    add("--occlusion", type=float, default=0.0, metavar="SECONDS", help="seconds a barrier hides people")
    add("--camera", choices=("still", "pan", "zoom", "shake"), default="still", help="how the camera moves")
    add("--light", type=float, default=1.0, help="brightness: 0.3 is dusk")
    add("--noise", type=float, default=0.0, help="standard deviation, grey levels of 255")
    add("--misses", type=float, default=0.02, help="share of people in full view whom the detector misses")
    add("--jitter", type=float, default=0.03, help="standard deviation of boxes, relative to their size")
    add("--false-positives", type=float, default=0.3, help="mean number in a frame")
    add("--merged", type=float, default=0.0, help="probability that two overlapping people get one box")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the data that is read."""
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help=DATA)
    parser.add_argument("--images", type=Path, help=IMAGES)
    parser.add_argument(
        "--half",
        choices=("none", "train", "val"),
        default="none",
        help="train: first half of each video; val: the rest",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="min_visibility=0.25, classes=car,bus, crowdhuman=full|visible|head",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, convert, pack or synthesise; return the report, or the paths or names of what was written."""
    return {"check": check, "convert": convert, "pack": pack, "synth": synth}[options.kind](options)


def check(options: argparse.Namespace) -> dict[str, Any]:
    """Print a table with a row for each source, and the faults. Raises UserError after it if labels are invalid."""
    from dataclasses import asdict

    from idfree.pipelines.check_data import check_data

    report = check_data(
        options.data,
        images=options.images,
        half=options.half,
        set=options.set,
        decode_all=options.all,
        seed=options.seed,
        quiet=options.quiet,
    )
    if not options.json:
        print_report(report)
    if report.faults:
        if options.json:
            print_json(asdict(report))
        raise UserError(
            f"{len(report.faults)} {'part' if len(report.faults) == 1 else 'parts'} of the data cannot be read, as"
            " listed: `idfree train` and `data convert` refuse data with these"
        )
    return asdict(report)


def print_report(report: "DataCheck") -> None:
    """Print the table, a line for each source, then the faults, at most MAX_WARNINGS of each source."""
    from idfree.show import tables

    if report.sources:
        tables.show(make_table(report.sources))
        print(*map(describe_source, report.sources), sep="\n")
    for warnings in (report.faults, *(source.warnings for source in report.sources)):
        for warning in warnings[:MAX_WARNINGS]:
            print(warning)
        if len(warnings) > MAX_WARNINGS:
            print(f"… and {len(warnings) - MAX_WARNINGS} more like these (--json lists all)")


def make_table(reports: "list[DataReport]") -> "Table":
    """A row for each source; 80 characters are enough unless names are long."""
    from idfree.show.tables import Column, Row, Table, count_column

    columns = (
        *(count_column(key, better="") for key in ("images", "boxes", "ignored")),
        count_column("identities", "ids", ""),
        Column("boxes_per_image", "per image", style="number"),
        Column("height_50", "height", style="number", decimals=0),
    )
    return Table(("Source", "Kind"), columns, (tuple(Row((r.name, r.kind), r.statistics) for r in reports),))


def describe_source(report: "DataReport") -> str:
    """What a source can be used for, how high its boxes are, and how many faults of which kind it has."""
    low, high = report.statistics["height_5"], report.statistics["height_95"]
    methods = f"for {', '.join(report.feeds)}" if report.feeds else "cannot train any method"
    if not report.feeds and report.statistics["missing"] == report.statistics["images"]:
        methods += ": images missing"
    heights = [] if low is None or high is None else [f"9 of 10 boxes are {low:.0f} to {high:.0f} px high"]
    faults = [f"{report.statistics[key]:.0f} {fault}" for key, fault in FAULTS.items() if report.statistics[key]]
    return f"{report.name}: " + "; ".join([methods, *heights, *faults])


def convert(options: argparse.Namespace) -> dict[str, Any]:
    """Convert; print and return the paths written."""
    from idfree.pipelines.convert_data import convert_data

    paths = convert_data(
        options.data,
        options.to,
        options.out,
        images=options.images,
        half=options.half,
        set=options.set,
        quiet=options.quiet,
    )
    written = [str(path) for path in paths]
    if not (options.json or options.quiet):
        print(*written, sep="\n")
    return {"written": written}


def pack(options: argparse.Namespace) -> dict[str, Any]:
    """Zip results; return the names of the files in the zip."""
    from idfree.datasets.submission import pack

    results: Path = options.results
    out = options.out or results.with_name(results.resolve().name + ".zip")
    names = pack(results, out, options.benchmark)
    if not (options.json or options.quiet):
        print(f"{out}: {len(names)} files, ready to upload")
    return {"zip": str(out), "files": names}


def synth(options: argparse.Namespace) -> dict[str, Any]:
    """Write streets; print and return their folders."""
    from idfree.pipelines.synthesise import SceneSettings, synthesise
    from idfree.synthetic.street import StreetSettings

    street = StreetSettings(
        lookalikes=options.lookalikes,
        miss_clear=options.misses,
        jitter=options.jitter,
        false_positives=options.false_positives,
        merged=options.merged,
    )
    settings = SceneSettings(
        people=options.people,
        frames=options.frames,
        frame_rate=options.fps,
        size_hw=(options.height, options.width),
        occlusion=options.occlusion,
        camera=options.camera,
        light=options.light,
        noise=options.noise,
        images=options.images,
        street=street,
    )
    folders = synthesise(options.out, settings, options.scenes, options.seed, options.workers, options.quiet)
    written = [str(folder) for folder in folders]
    if not (options.json or options.quiet):
        print(*written, sep="\n")
    return {"written": written}
