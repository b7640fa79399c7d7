"""A search for a tracker's settings on sequences with truth: detectors run once, trackers in every trial."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from idfree.core.boxes import xywh_to_xyxy, xyxy_to_xywh
from idfree.core.errors import MissingExtra, UserError
from idfree.core.progress import progress
from idfree.core.settings import override
from idfree.core.types import Annotation, Floats, Frame, Sequence, View
from idfree.core.version import __version__
from idfree.evaluation.frame_subset import half
from idfree.evaluation.tracking import Scores, evaluate, figures
from idfree.pipelines.track import TrackingRun, gather, plain
from idfree.sequences.motchallenge import names_of, read_truth
from idfree.trackers.registry import TRACKERS
from idfree.trackers.search_space import Axis

Part = Literal["none", "train", "val"]
DECIMALS = 2  # of boxes in a file of results


@dataclass(frozen=True)
class TuningSequence:
    """A sequence as a detector saw it, no images, with the truth of that part of it that counts.

    seen: the number and the view of each frame that a tracker must see for it. rate: frames per second. length: of the
    whole sequence. frames: of the part, which are renumbered from 1 in truth. file: of the truth.
    """

    name: str
    seen: list[tuple[int, View]]
    rate: float
    truth: Annotation
    length: int
    frames: int
    file: Path
    part: Part = "none"

    def cut(self, part: Part) -> "TuningSequence":
        """A half of it. For the second the tracker sees the first, too, as where `idfree eval` cuts results."""
        if part == "none":
            return self
        truth, frames = half(self.truth, self.length, part)
        seen = [(number, view) for number, view in self.seen if part == "val" or number <= frames]
        return replace(self, seen=seen, truth=truth, frames=frames, part=part)

    def tracked(self, tracker: str, settings: Any) -> Annotation:
        """What a tracker makes of all that was seen, as `idfree track` writes it: numbered as in the whole sequence."""
        made = TRACKERS[tracker][0](settings, self.rate)
        results = gather([(number, made.update(view)) for number, view in self.seen])
        return replace(results, xyxy=xywh_to_xyxy(xyxy_to_xywh(results.xyxy).round(DECIMALS)))

    def scores(self, tracker: str, settings: Any) -> Scores:
        """The counts of what a tracker makes of it."""
        results = self.tracked(tracker, settings)
        if self.part != "none":
            results, _ = half(results, self.length, self.part)
        return evaluate(self.truth, results, frames=self.frames, names=(str(self.file), tracker))


def scores_of(footage: Iterable[TuningSequence]) -> Floats:
    """(N,) the scores of all detections in it."""
    return np.concatenate([view.detections.score for each in footage for _, view in each.seen])


def watch(run: TrackingRun, quiet: bool = True) -> TuningSequence:
    """What the detector of a run sees in every frame, and the truth. Raises UserError where there is none."""
    sequence = run.sequence
    file = truth_file(sequence)
    truth = read_truth(file)
    frames = progress(sequence, sequence.name, sequence.length, quiet)
    seen = [(frame.number, remembered(run.view(frame))) for frame in frames]
    length = sequence.length or len(seen)
    return TuningSequence(sequence.name, seen, run.tracker.frame_rate, truth, length, length, file)


def truth_file(sequence: Sequence) -> Path:
    """The sequence's gt/gt.txt. Raises UserError where it has none."""
    file = (sequence.folder or Path(sequence.name)) / "gt" / "gt.txt"
    if sequence.folder is None or not file.is_file():
        raise UserError(f"{sequence.name}: has no gt/gt.txt; settings can only be judged on sequences with truth")
    return file


def remembered(view: View) -> View:
    """The view without its picture and without the networks behind it."""
    frame = view.frame and Frame(view.frame.number, time=view.frame.time)
    return replace(view, frame=frame, embedder=None, refiner=None)


def measure(tracker: str, settings: Any, footage: Iterable[TuningSequence]) -> dict[str, float]:
    """TrackEval's figures of a tracker over all footage together."""
    return figures(sum((each.scores(tracker, settings) for each in footage), Scores()))


@dataclass(frozen=True)
class Trial:
    """A settings object, and TrackEval's figures with it."""

    settings: Any
    figures: dict[str, float]


@dataclass(frozen=True)
class Search:
    """The settings of a tracker along the axes of `space`, from `start` on, for the best `metric` over all footage.

    metric: of TrackEval's figures; lower: whether less of it is better.
    """

    tracker: str
    start: Any
    space: list[Axis]
    footage: list[TuningSequence]
    metric: str
    lower: bool = False

    def trials(self, count: int, seed: int = 0) -> Iterator[Trial]:
        """`start` first, then where those before promise most (TPE, Bergstra 2011); the same for the same seed."""
        optuna = optimiser()
        direction = "minimize" if self.lower else "maximize"
        study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=seed))
        study.enqueue_trial({axis.name: axis.start for axis in self.space})
        for _ in range(count):
            trial = study.ask()
            settings = replace(self.start, **{axis.name: axis.suggest(trial) for axis in self.space})
            found = measure(self.tracker, settings, self.footage)
            study.tell(trial, found[self.metric])
            yield Trial(settings, found)

    def best(self, trials: Iterable[Trial]) -> Trial:
        """The best of some trials, the earliest of equals."""
        return (min if self.lower else max)(trials, key=lambda trial: trial.figures[self.metric])

    def record(self, trials: list[Trial], **more: Any) -> dict[str, Any]:
        """What a settings file says: the best of the trials, and how it was found; ready for JSON."""
        best = self.best(trials)
        return {
            "tracker": self.tracker,
            "settings": plain(asdict(best.settings)),
            "tuned_on": [each.name for each in self.footage],
            "metric": self.metric,
            "value": best.figures[self.metric],
            "default_value": trials[0].figures[self.metric],
            "trials": len(trials),
            **more,
            "idfree": __version__,
        }


def optimiser() -> Any:
    """Optuna, told to be quiet. Raises MissingExtra."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("optuna", "tune", "idfree tune") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def same_footage(names: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those of `names` that show what one of `others` shows: MOT17-04-SDP and MOT17-04-FRCNN are the same pictures."""
    shown = {names_of(other)[-1] for other in others}
    return [name for name in names if names_of(name)[-1] in shown]


def read_settings(path: Path) -> tuple[str, tuple[str, ...]]:
    """The tracker of a settings file, and its settings as `name=value`.

    A file may be written by hand: nothing else in it is looked at, and a setting that is not there has its default.
    Raises UserError, naming the file, where one of them is missing, unknown or of the wrong type.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # also of text that is no UTF-8
        raise UserError(f"{path}: is no JSON ({error}); expected a file that `idfree tune` wrote") from error
    if not isinstance(record, dict) or not isinstance(record.get("settings"), dict):
        raise UserError(f'{path}: expected {{"tracker": NAME, "settings": {{NAME: VALUE, …}}}}')
    tracker = record.get("tracker")
    if not isinstance(tracker, str) or tracker not in TRACKERS:
        raise UserError(f"{path}: unknown tracker {tracker!r}; there are: {', '.join(TRACKERS)}")
    assignments = tuple(f"{name}={value}" for name, value in record["settings"].items())
    override(TRACKERS[tracker][1](), assignments, said_in=f"{path}:")
    return tracker, assignments
