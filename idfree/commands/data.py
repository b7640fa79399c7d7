"""prepare data: `check` and `convert` labels and results, `pack` results for a server, `synth` synthetic video

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
from idfree.commands.next_steps import command_line, next_step, tell
from idfree.core.command_line import parse_seed, print_json
from idfree.core.errors import UserError
from idfree.core.wording import counted

if TYPE_CHECKING:
    from idfree.pipelines.check_data import DataCheck, DataReport
    from idfree.show.tables import Table

DATA = (
    "MOTChallenge sequences with gt/gt.txt or a folder of them, or any other format of `idfree data convert --list`, "
    "tracking results among them; crops of Market-1501, MSMT17 or VeRi-776 (simplereid)"
)
IMAGES = "the video, or folder of images or of videos (default: those beside the labels)"
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
    check = add_kind(
        kinds, "check", "report what labelled data contains, what is odd in it, and which methods it can train"
    )
    add_data(check)
    check.add_argument("--all", action="store_true", help="decode every image (default: a sample)")
    convert = add_kind(kinds, "convert", "convert labels or results to another format; images are linked, not copied")
    add_data(convert)
    convert.add_argument("--to", choices=FORMATS, required=True, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    convert.add_argument("--list", action=ListFormats, nargs=0, help="list the formats, and what each can represent")
    convert.add_argument("-o", "--out", type=output_folder, required=True, help="folder to write into")
    pack = add_kind(kinds, "pack", "check results against the rules of a benchmark's server, and zip them for it")
    pack.add_argument("results", type=Path, help="folder of NAME.txt")
    pack.add_argument("-o", "--out", type=output_file(".zip"), help="the .zip file (default: RESULTS.zip)")
    pack.add_argument(
        "--benchmark",
        default="auto",
        help="MOT15, MOT16, MOT17, MOT20, DanceTrack or auto, by the names of the files (default: auto)",
    )
    synth = add_kind(
        kinds, "synth", "synthetic streets with exact ground truth and simulated detections, as MOTChallenge folders"
    )
    add_synth(synth)
    for kind in (check, convert, pack, synth):  # the options of every command, also after the second word
        kind.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="no progress bars")
        kind.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object on stdout"
        )
        kind.add_argument("--seed", type=parse_seed, default=argparse.SUPPRESS, help="random seed (default: 0)")


def add_kind(kinds: Any, name: str, summary: str) -> argparse.ArgumentParser:
    """Add the parser of one kind, whose examples are those of the docstring that begin with it."""
    lines = (__doc__ or "").splitlines()
    examples = [line[len("example: ") :] for line in lines if f"idfree data {name} " in line]
    epilog = "example: " + "\n         ".join(examples)
    style = argparse.RawDescriptionHelpFormatter
    parser: argparse.ArgumentParser = kinds.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=style
    )
    return parser


def add_synth(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `synth`."""
    add = parser.add_argument
    add(
        "-o",
        "--out",
        type=output_folder,
        required=True,
        help="folder to write a folder street-SEED for each scene into",
    )
    add(
        "--scenes",
        type=int,
        default=1,
        metavar="N",
        help="number of scenes, with the seeds --seed, --seed + 1 … (default: 1)",
    )
    add("--workers", type=int, default=1, metavar="N", help="number of scenes made in parallel (default: 1)")
    add("--frames", type=int, default=200, metavar="N", help="number of frames of a scene (default: 200)")
    add("--fps", type=float, default=20.0, help="frames per second (default: 20)")
    add("--width", type=int, default=640, metavar="PX", help="width of the images (default: 640)")
    add("--height", type=int, default=480, metavar="PX", help="height of the images (default: 480)")
    add("--images", action="store_true", help="write JPEG files in img1/ instead of a video")
    add("--people", type=int, default=24, metavar="N", help="number of people in a scene (default: 24)")
    add(
        "--lookalikes",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of the people who wear the clothes of another (default: 0.2)",
    )
    add(
        "--occlusion",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="time that a barrier hides those who pass behind it; 0: no barrier (default: 0)",
    )
    add(
        "--camera",
        choices=("still", "pan", "zoom", "shake"),
        default="still",
        help="motion of the camera (default: still)",
    )
    add("--light", type=float, default=1.0, metavar="FACTOR", help="factor of brightness; 0.3 is dusk (default: 1)")
    add(
        "--noise",
        type=float,
        default=0.0,
        metavar="LEVELS",
        help="standard deviation of the image noise, in grey levels of 255 (default: 0)",
    )
    add(
        "--misses",
        type=float,
        default=0.02,
        metavar="SHARE",
        help="share of fully visible people without a detection (default: 0.02)",
    )
    add(
        "--jitter",
        type=float,
        default=0.03,
        metavar="SHARE",
        help="standard deviation of detected boxes, relative to their size (default: 0.03)",
    )
    add(
        "--false-positives",
        type=float,
        default=0.3,
        metavar="N",
        help="mean number of false positives per frame (default: 0.3)",
    )
    add(
        "--merged",
        type=float,
        default=0.0,
        metavar="P",
        help="probability that two overlapping people get one detection (default: 0)",
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the data that is read."""
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help=DATA)
    parser.add_argument("--images", type=Path, help=IMAGES)
    parser.add_argument(
        "--half",
        choices=("none", "train", "val"),
        default="none",
        help="use a half of each video: train is the first, val the second (default: none, all frames)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change how labels are read: min_visibility=0.25, classes=car,bus, crowdhuman=full|visible|head",
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
            f"{counted(len(report.faults), 'part')} of the data cannot be read, as"
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
        count_column("identities", better=""),
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
        print(f"{out}: {counted(len(names), 'file')}, ready to upload")
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
        tell(options, next_step("To track them", command_line("track", options.out, "--detector", "det")))
    return {"written": written}
