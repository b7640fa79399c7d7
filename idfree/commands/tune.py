"""search a tracker's settings on sequences with ground truth

example: idfree tune MOT17-09-SDP MOT17-10-SDP --detector det --tracker bytetrack --judge MOT17-02-SDP -o tuned.json
         idfree track street.mp4 --detector yolox.onnx --settings tuned.json
"""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from idfree.commands.common_options import add_detector, detector_arguments, output_file, run_arguments
from idfree.commands.next_steps import command_line, next_step, tell
from idfree.trackers.registry import DEFAULT_TRACKER, TRACKERS

if TYPE_CHECKING:
    from idfree.pipelines.tune import TuningResult
    from idfree.pipelines.tuning.sequence import TuningSequence
    from idfree.pipelines.tuning.settings_search import Trial
    from idfree.show.tables import Column

SHOWN = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")
MAX_NAMES = 3  # sequences whose names fit into a table


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("source", nargs="+", help="MOTChallenge sequence with gt/gt.txt, or folder of sequences")
    add_("-o", "--out", type=output_file(".json"), help="the settings file (default: runs/tune/TRACKER.json)")
    add_detector(parser, required=True)
    add_(
        "--appearance",
        choices=("own", "none"),
        default="own",
        help="embeddings of the detections, or none (default: own)",
    )
    add_("--tracker", help=f"{', '.join(TRACKERS)} (default: {DEFAULT_TRACKER})")
    add_("--camera", default="auto", help="camera motion compensation, as of `idfree track` (default: auto)")
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="fix a setting of the tracker, which is then not searched; detector.NAME: of the detector",
    )
    add_(
        "--trials",
        type=int,
        default=50,
        metavar="N",
        help="number of settings to try, the defaults first (default: 50)",
    )
    add_("--metric", default="HOTA", help="metric to optimise, a column of `idfree eval` (default: HOTA)")
    what = "use a half of each sequence, also of those of --judge: train is the first, val the second (default: none)"
    add_("--half", choices=("none", "train", "val"), default="none", help=what)
    add_(
        "--judge",
        nargs="+",
        metavar="SEQUENCES",
        help="compare the found settings with the defaults on these sequences; `half`: on the other half of the same",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Search, write the settings file, print a table; return the file's content and the metrics."""
    from idfree.pipelines.tune import tune

    result = tune(
        options.source,
        out=options.out,
        tracker=options.tracker,
        set=options.set,
        trials=options.trials,
        metric=options.metric,
        half=options.half,
        judge=options.judge,
        **detector_arguments(options),
        appearance=options.appearance,
        camera=options.camera,
        **run_arguments(options),
        seed=options.seed,
        on_best=print_best if sys.stderr.isatty() and not options.quiet else None,
    )
    if not (options.json or options.quiet):
        print_table(result)
        tracker, trials = result.record["tracker"], result.record["trials"]
        print(f"{result.file}: {tracker} with the best {result.column.header} of {trials} trials{advice(result)}")
        if all(result.is_gain(part) for part in result.metrics):
            words = ("track", "VIDEO", "--detector", options.detector, "--settings", result.file)
            tell(options, next_step("To track with them", command_line(*words)))
    return result.to_json()


def advice(result: "TuningResult") -> str:
    """Whether to use the settings, from what they were judged on, else tuned on."""
    if not result.is_gain("tuned_on"):
        return ", which is that of the defaults: nothing is gained"
    if "judged_on" not in result.metrics:
        return "; --judge compares them on other sequences"
    return "" if result.is_gain("judged_on") else ", but not better than the defaults where they are judged: keep those"


def print_best(number: int, trial: "Trial", column: "Column") -> None:
    """Print the value of a metric in the best trial so far, on stderr beside the progress bar."""
    print(f"trial {number}: {column.header} {column.text(trial.metrics[column.key])}", file=sys.stderr)


def print_table(result: "TuningResult") -> None:
    """Print the metrics of the defaults and of the tuned settings, on the sequences tuned on and those judged on."""
    from idfree.show import tables

    columns = tuple(column for column in tables.TRACKING if column.key in SHOWN or column is result.column)
    columns = tables.set_details(columns, ())
    sequences = {"tuned_on": result.tuned_on, "judged_on": result.judged_on}
    groups = tuple(
        tuple(tables.Row((row_title(part, sequences[part]), name), metrics) for name, metrics in pair.items())
        for part, pair in result.metrics.items()
    )
    tables.show(tables.Table(("", "Settings"), columns, groups, marks_best=True))


def row_title(part: str, sequences: "list[TuningSequence]") -> str:
    """The title of a part's rows: "judged on MOT17-02-SDP, val half"."""
    count = len(sequences)
    names = ", ".join(sequence.name for sequence in sequences) if count <= MAX_NAMES else f"{count} sequences"
    half = "" if sequences[0].half == "none" else f", {sequences[0].half} half"
    return f"{part.replace('_', ' ')} {names}{half}"
