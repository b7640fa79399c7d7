"""Tune a tracker's settings on sequences with ground truth, and compare them with the defaults on other sequences."""

import json
import logging
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting, write_text
from idfree.core.path_list import as_list
from idfree.core.settings import Assignments, split_assignments
from idfree.core.types import Sequence
from idfree.core.wording import counted
from idfree.detectors.scores import ScoreScale
from idfree.pipelines.detection.open_detector import ClassesLike, DetectorConfig
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.tracking.tracking_run import TrackingRun
from idfree.pipelines.tuning.sequence import (
    Half,
    TuningSequence,
    ground_truth_file,
    record_detections,
    same_footage,
    warn_about_classes,
)
from idfree.pipelines.tuning.settings_search import (
    Metrics,
    Search,
    Trial,
    import_optuna,
    make_search,
    measure,
    run_trials,
)
from idfree.sequences import open_source
from idfree.show.tables import TRACKING, Column
from idfree.trackers.registry import DEFAULT_TRACKER, TRACKERS

LOG = logging.getLogger("idfree")
Source = str | Path

SEEDS = 2**32  # NumPy's seeds are 0 … SEEDS − 1
OTHER_HALF: dict[Half, Half] = {"train": "val", "val": "train"}


@dataclass(frozen=True)
class TuningResult:
    """Result of `tune`.

    file: the settings file. record: its content. tuned_on, judged_on: the sequences. column: of the metric in tables.
    metrics: by "tuned_on" and "judged_on" (if there are any), by "defaults" and "tuned", and by TrackEval's names.
    """

    file: Path
    record: dict[str, Any]
    tuned_on: list[TuningSequence]
    judged_on: list[TuningSequence]
    metrics: dict[str, dict[str, Metrics]]
    column: Column

    def is_gain(self, part: str) -> bool:
        """Whether the tuned settings are better than the defaults in the metric, on "tuned_on" or "judged_on"."""
        pair = self.metrics[part]
        gain = pair["tuned"][self.column.key] - pair["defaults"][self.column.key]
        return gain < 0 if self.column.better == "lower" else gain > 0

    def to_json(self) -> dict[str, Any]:
        """The file's path and content, and the metrics, ready for JSON."""
        return {"file": str(self.file), **self.record, "metrics": self.metrics}


def tune(
    sequences: Source | Seq[Source],
    detector: str | Path,
    out: str | Path | None = None,
    *,
    tracker: str | None = None,
    set: Assignments = (),
    trials: int = 50,
    metric: str = "HOTA",
    half: Half = "none",
    judge: Source | Seq[Source] | None = None,
    detector_format: str | None = None,
    scores: ScoreScale = "auto",
    classes: ClassesLike = "",
    appearance: Literal["own", "none"] = "own",
    camera: str | Path | None = "auto",
    device: str = "auto",
    seed: int = 0,
    quiet: bool = True,
    on_best: Callable[[int, Trial, Column], None] | None = None,
) -> TuningResult:
    """Search a tracker's settings with Optuna and write the best ones to a file for `idfree track --settings`.

    sequences: MOTChallenge sequences with gt/gt.txt, or folders of them. detector, detector_format, scores, classes: as
    the options of `idfree track`. out: the settings file (runs/tune/TRACKER.json). tracker: its name; by default
    `fused`. set: `name=value` of settings that are fixed instead of searched,
    `detector.name=value` of the detector. metric: a column of `idfree eval`. half: "train" or "val" scores only that
    half of each sequence. judge: other sequences, on which the result is compared with the defaults, or "half", the
    other half of those tuned on. camera, appearance: as in `track`. on_best: called for each trial that is the best so
    far, with its number, the trial, and the table column of the metric.

    Ctrl-C after the first trial ends the search: the file is written, then KeyboardInterrupt raised. Raises UserError,
    MissingExtra without Optuna.
    """
    judge_sources = as_list(judge)
    judge_other_half = judge_sources == ["half"]
    column = check_arguments(tracker, metric, trials, seed, half, judge_other_half)
    to_tune = open_sequences(as_list(sequences))
    to_judge = [] if judge_other_half else open_sequences(judge_sources)
    assignments = split_assignments(set, ("detector",))
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    name, selection = tracker or DEFAULT_TRACKER, Selection(classes=config.class_numbers(), appearance=appearance)
    make_run = run_maker(config, name, assignments[""], selection, "none" if camera is None else str(camera))
    tune_runs, judge_runs = [make_run(each) for each in to_tune], [make_run(each) for each in to_judge]
    path = Path("runs") / "tune" / f"{name}.json" if out is None else Path(out)
    check_output(path, [*to_tune, *to_judge], config)
    tuned_on, judged_on = record_halves(tune_runs, judge_runs, half, judge_other_half, quiet)
    warn_about_classes([*tuned_on, *judged_on])
    search = make_search(name, assignments[""], tuned_on, column.key, column.better == "lower")
    report_best = None if on_best is None else lambda number, trial: on_best(number, trial, column)
    finished, interrupted = run_trials(search, trials, seed, quiet, report_best)
    record = search.record(finished, seed=seed, half=half, detector=detector)
    write_text(path, json.dumps(record, indent=2, allow_nan=False) + "\n")
    if interrupted:
        raise KeyboardInterrupt(f"{path} has the best of {counted(len(finished), 'trial')}")
    metrics = compare_with_defaults(search, finished, judged_on)
    warn_if_biased(tuned_on, judged_on, column)
    return TuningResult(path, record, tuned_on, judged_on, metrics, column)


def run_maker(
    config: DetectorConfig, tracker: str, assignments: Seq[str], selection: Selection, camera: str
) -> Callable[[Sequence], TrackingRun]:
    """Open the detector; return a function from a sequence to a run that has its detections. Raises UserError."""
    detector_of = config.open()

    def make_run(sequence: Sequence) -> TrackingRun:
        detector = detector_of(sequence)
        return make_tracking_run(sequence, detector, tracker, assignments, selection, images=False, camera=camera)

    return make_run


def record_halves(
    tune_runs: list[TrackingRun], judge_runs: list[TrackingRun], half: Half, judge_other_half: bool, quiet: bool
) -> tuple[list[TuningSequence], list[TuningSequence]]:
    """The detections of `half` of each sequence to tune on, and of those to judge on, or of the other halves."""
    recorded = [record_detections(run, quiet) for run in tune_runs]
    tuned_on = [sequence.select_half(half) for sequence in recorded]
    if judge_other_half:
        return tuned_on, [sequence.select_half(OTHER_HALF[half]) for sequence in recorded]
    return tuned_on, [record_detections(run, quiet).select_half(half) for run in judge_runs]


def check_arguments(
    tracker: str | None, metric: str, trials: int, seed: int, half: Half, judge_other_half: bool
) -> Column:
    """The column of the metric. Raises UserError for an invalid argument, MissingExtra without Optuna."""
    import_optuna()
    if tracker in TRACKERS and TRACKERS[tracker].tracker.uses_refiner:
        raise UserError(f"--tracker {tracker}: cannot be tuned: its boxes are regressed in images, which are not kept")
    if trials < 1:
        raise UserError(f"--trials {trials}: expected 1 or more")
    if not 0 <= seed < SEEDS:
        raise UserError(f"--seed {seed}: expected 0 to {SEEDS - 1}")
    if judge_other_half and half == "none":
        raise UserError("--judge half: say with --half train or --half val which half to tune on")
    columns = {name.lower(): column for column in TRACKING if column.better for name in (column.header, column.key)}
    if metric.lower() not in columns:
        headers = ", ".join(column.header for column in TRACKING if column.better)
        raise UserError(f"--metric {metric}: there are {headers}")
    return columns[metric.lower()]


def open_sequences(sources: Iterable[Source]) -> list[Sequence]:
    """The sequences of all sources. Raises UserError if one has no ground truth, before any detector runs."""
    sequences = [sequence for source in sources for sequence in open_source(source)]
    for sequence in sequences:
        ground_truth_file(sequence)
    return sequences


def check_output(path: Path, sequences: Iterable[Sequence], config: DetectorConfig) -> None:
    """Make the folder of a file. Raises UserError, before the search, if the file is read or cannot be written."""
    read = (sequence.source or sequence.folder for sequence in sequences)
    refuse_overwriting([path], [*filter(None, read), *config.inputs()])
    make_folder(path.parent)
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder")


def compare_with_defaults(
    search: Search, trials: Seq[Trial], judged_on: list[TuningSequence]
) -> dict[str, dict[str, Metrics]]:
    """Metrics of the first trial (the defaults) and the best one, on the sequences tuned on and those judged on."""
    pair = {"defaults": trials[0], "tuned": search.best(trials)}
    metrics = {"tuned_on": {name: trial.metrics for name, trial in pair.items()}}
    if judged_on:
        metrics["judged_on"] = {
            name: measure(search.tracker, trial.settings, judged_on) for name, trial in pair.items()
        }
    return metrics


def warn_if_biased(tuned_on: list[TuningSequence], judged_on: list[TuningSequence], column: Column) -> None:
    """Warn if metrics are of footage on which the settings were selected."""
    if not judged_on:
        LOG.warning(
            "this %s is of the sequences it was tuned on: --judge others to see what it is worth", column.header
        )
    same_half = {sequence.half for sequence in tuned_on} == {sequence.half for sequence in judged_on}
    names = [sequence.name for sequence in judged_on], [sequence.name for sequence in tuned_on]
    if same_half and (shared := same_footage(*names)):
        LOG.warning("judged on what it was tuned on, the same footage: %s", ", ".join(shared))
