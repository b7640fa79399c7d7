"""search a tracker's settings on sequences with truth

example: idfree tune MOT17-09-SDP MOT17-10-SDP --detector det --tracker bytetrack --judge MOT17-02-SDP -o tuned.json
         idfree track street.mp4 --detector yolox.onnx --settings tuned.json
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.detector_options import add_detector, class_numbers, detectors
from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_text

if TYPE_CHECKING:
    from idfree.core.types import Sequence
    from idfree.pipelines.track import TrackingRun
    from idfree.pipelines.tune import Part, Search, Trial, TuningSequence
    from idfree.show.tables import Column

LOG = logging.getLogger("idfree")
SHOWN = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")
OTHER_HALF = ["half"]  # --judge half
OTHER: "dict[str, Part]" = {"train": "val", "val": "train"}
SEEDS = 2**32  # NumPy's
NAMED = 3  # sequences at most whose names a table has room for


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    add_ = parser.add_argument
    add_("source", nargs="+", help="MOTChallenge sequence with a gt/gt.txt, or a folder of them")
    add_("-o", "--out", type=Path, help="the settings file (default: runs/tune/TRACKER.json)")
    add_detector(parser, required=True)
    add_("--appearance", choices=("own", "none"), default="own", help="embeddings of the detections, or none")
    add_("--tracker", help="its name (default: fused with embeddings, else bytetrack)")
    add_("--camera", default="none", help="as for track: flow, ecc or GMC files")
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="fix a setting of the tracker, which is then not searched, or detector.NAME=VALUE",
    )
    add_("--trials", type=int, default=50, help="how many settings are tried, the defaults first (default: 50)")
    add_("--metric", default="HOTA", help="what is to be best: a column of `idfree eval` (default: HOTA)")
    add_("--half", choices=("none", "train", "val"), default="none", help="of every sequence, also those of --judge")
    add_(
        "--judge",
        nargs="+",
        metavar="SEQUENCES",
        help="compare what is found with the defaults on these; `half`: on the other half of those tuned on",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Search, write the best, judge it; gives what was written and the figures.

    Ctrl-C ends the search: the best so far is written, and nothing is judged.
    """
    from idfree.pipelines.tune import measure

    column = wanted(options)
    tracker, to_tune, to_judge = opened(options)
    path = writable(options.out or Path("runs") / "tune" / f"{tracker}.json")
    tuned, judged = watched(to_tune, to_judge, options)
    search = planned(tracker, tuned, column, options)
    trials, interrupted = follow(search, column, options)
    record = search.record(trials, seed=options.seed, half=options.half, detector=options.detector)
    write_text(path, json.dumps(record, indent=2, allow_nan=False) + "\n")
    if interrupted:
        raise KeyboardInterrupt(f"{path} has the best of {len(trials)} trials")
    pair = {"defaults": trials[0], "tuned": search.best(trials)}
    parts = {"tuned_on": {name: trial.figures for name, trial in pair.items()}}
    if judged:
        parts["judged_on"] = {n: measure(tracker, trial.settings, judged) for n, trial in pair.items()}
    warn(tuned, judged, column)
    if not options.json:
        show(parts, {"tuned_on": tuned, "judged_on": judged}, column)
        print(f"{path}: {tracker} with the best {column.header} of {len(trials)} trials")
    return {"file": str(path), **record, "figures": parts}


def wanted(options: argparse.Namespace) -> "Column":
    """The column to make best. Raises UserError where it is none, or an option makes no sense; or Optuna is missing."""
    from idfree.pipelines.tune import optimiser
    from idfree.show.tables import TRACKING

    optimiser()
    if options.trials < 1:
        raise UserError(f"--trials {options.trials}: expected 1 or more")
    if not 0 <= options.seed < SEEDS:
        raise UserError(f"--seed {options.seed}: expected 0 to {SEEDS - 1}")
    if options.judge == OTHER_HALF and options.half == "none":
        raise UserError("--judge half: say with --half train or --half val which half to tune on")
    known = {name.lower(): column for column in TRACKING if column.better for name in (column.header, column.key)}
    if options.metric.lower() not in known:
        headers = ", ".join(column.header for column in TRACKING if column.better)
        raise UserError(f"--metric {options.metric}: there are {headers}")
    return known[options.metric.lower()]


def opened(options: argparse.Namespace) -> "tuple[str, list[TrackingRun], list[TrackingRun]]":
    """The tracker's name, what to tune on and what to judge on: nothing is seen yet, but mistakes come to light."""
    from idfree.pipelines.selection import Selection
    from idfree.pipelines.track import default_tracker, prepare
    from idfree.pipelines.tune import truth_file
    from idfree.sequences import open_source

    judges = [] if options.judge in (None, OTHER_HALF) else options.judge
    to_tune, to_judge = ([s for source in some for s in open_source(source)] for some in (options.source, judges))
    for sequence in to_tune + to_judge:
        truth_file(sequence)
    detector_of = detectors(options)
    selection = Selection(
        classes=class_numbers(options),
        appearance=options.appearance,
    )
    tracker = options.tracker or default_tracker(detector_of(to_tune[0]), selection)

    def prepared(sequence: "Sequence") -> "TrackingRun":
        return prepare(sequence, detector_of(sequence), tracker, of_tracker(options), selection, False, options.camera)

    return tracker, [prepared(s) for s in to_tune], [prepared(s) for s in to_judge]


def watched(
    to_tune: "list[TrackingRun]", to_judge: "list[TrackingRun]", options: argparse.Namespace
) -> "tuple[list[TuningSequence], list[TuningSequence]]":
    """What to tune on and what to judge on, as the detector sees it: once, here."""
    from idfree.pipelines.tune import watch

    tuned = [watch(run, options.quiet) for run in to_tune]
    if options.judge == OTHER_HALF:
        judged = [each.cut(OTHER[options.half]) for each in tuned]
    else:
        judged = [watch(run, options.quiet).cut(options.half) for run in to_judge]
    return [each.cut(options.half) for each in tuned], judged


def planned(tracker: str, tuned: "list[TuningSequence]", column: "Column", options: argparse.Namespace) -> "Search":
    """What to search: all settings but those that the user has set."""
    from idfree.core.settings import override
    from idfree.pipelines.tune import Search, scores_of
    from idfree.trackers.registry import TRACKERS
    from idfree.trackers.search_space import axes

    assignments = of_tracker(options)
    fixed = {a.partition("=")[0].strip() for a in assignments}
    start = override(TRACKERS[tracker][1](), assignments)
    return Search(tracker, start, axes(tracker, fixed, scores_of(tuned)), tuned, column.key, column.better == "lower")


def of_tracker(options: argparse.Namespace) -> tuple[str, ...]:
    """What --set says of the tracker."""
    return tuple(a for a in options.set if not a.startswith("detector."))


def writable(path: Path) -> Path:
    """The path, once it is sure that a file can be written there: nobody wants to learn it after the search."""
    make_folder(path.parent)
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder")
    return path


def follow(search: "Search", column: "Column", options: argparse.Namespace) -> "tuple[list[Trial], bool]":
    """The trials, each that is the best so far told of, and whether Ctrl-C ended them after the first or later."""
    from idfree.core.progress import progress

    trials: list[Trial] = []
    talk = sys.stderr.isatty() and not options.quiet
    try:
        found = search.trials(options.trials, options.seed)
        for trial in progress(found, search.tracker, options.trials, options.quiet, "trials"):
            trials.append(trial)
            if talk and search.best(trials) is trial:
                print(f"trial {len(trials)}: {column.header} {column.text(trial.figures[column.key])}", file=sys.stderr)
    except KeyboardInterrupt:
        if not trials:
            raise
        return trials, True
    return trials, False


def warn(tuned: "list[TuningSequence]", judged: "list[TuningSequence]", column: "Column") -> None:
    """Say where figures are of footage that the settings were chosen by."""
    from idfree.pipelines.tune import same_footage

    if not judged:
        LOG.warning(
            "this %s is of the sequences it was tuned on: --judge others to see what it is worth", column.header
        )
    parts = {each.part for each in tuned} == {each.part for each in judged}
    seen = same_footage([each.name for each in judged], [each.name for each in tuned]) if parts else []
    if seen:
        LOG.warning("judged on what it was tuned on, the same footage: %s", ", ".join(seen))


def show(
    parts: dict[str, dict[str, dict[str, float]]], footage: "dict[str, list[TuningSequence]]", column: "Column"
) -> None:
    """Print the defaults beside what was found, on what it was tuned on and on what it is judged on."""
    from idfree.show import tables

    columns = tuple(c for c in tables.TRACKING if c.key in SHOWN or c is column)
    groups = tuple(
        tuple(tables.Row((title(part, footage[part]), name), figures) for name, figures in pair.items())
        for part, pair in parts.items()
    )
    tables.show(tables.Table(("", "Settings"), columns, groups, rivals=True))


def title(part: str, footage: "list[TuningSequence]") -> str:
    """What the rows of a part are called: "judged on MOT17-02-SDP, val half"."""
    names = ", ".join(each.name for each in footage) if len(footage) <= NAMED else f"{len(footage)} sequences"
    half = "" if footage[0].part == "none" else f", {footage[0].part} half"
    return f"{part.replace('_', ' ')} {names}{half}"
