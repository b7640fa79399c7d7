"""Search of a tracker's settings over sequences with ground truth, with Optuna."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from idfree.core.errors import MissingExtra
from idfree.core.progress import progress
from idfree.core.settings import override
from idfree.core.version import __version__
from idfree.evaluation.tracking import Scores, compute_metrics
from idfree.pipelines.manifest import settings_to_json
from idfree.pipelines.tuning.sequence import TuningSequence, detection_scores
from idfree.trackers.registry import TRACKERS
from idfree.trackers.search_space import Axis, axes

Metrics = dict[str, float]


@dataclass(frozen=True)
class Trial:
    """A settings object and TrackEval's metrics with it."""

    settings: Any
    metrics: Metrics


@dataclass(frozen=True)
class Search:
    """A search of a tracker's settings along `axes`, from `start`, for the best `metric` over all sequences.

    metric: one of TrackEval's names. lower_is_better: of the metric.
    """

    tracker: str
    start: Any
    axes: list[Axis]
    sequences: list[TuningSequence]
    metric: str
    lower_is_better: bool = False

    def trials(self, count: int, seed: int = 0) -> Iterator[Trial]:
        """Yield trials, the first with `start`, the others by TPE (Bergstra 2011); deterministic for a seed."""
        optuna = import_optuna()
        direction = "minimize" if self.lower_is_better else "maximize"
        study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=seed))
        study.enqueue_trial({axis.name: axis.start for axis in self.axes})
        for _ in range(count):
            suggestion = study.ask()
            settings = replace(self.start, **{axis.name: axis.suggest(suggestion) for axis in self.axes})
            metrics = measure(self.tracker, settings, self.sequences)
            study.tell(suggestion, metrics[self.metric])
            yield Trial(settings, metrics)

    def best(self, trials: Iterable[Trial]) -> Trial:
        """The best trial, the first of equals."""
        return (min if self.lower_is_better else max)(trials, key=lambda trial: trial.metrics[self.metric])

    def record(self, trials: Sequence[Trial], **more: Any) -> dict[str, Any]:
        """Content of a settings file: the best trial's settings, and how they were found; ready for JSON."""
        best = self.best(trials)
        return {
            "tracker": self.tracker,
            "settings": settings_to_json(asdict(best.settings)),
            "tuned_on": [sequence.name for sequence in self.sequences],
            "metric": self.metric,
            "value": best.metrics[self.metric],
            "default_value": trials[0].metrics[self.metric],
            "trials": len(trials),
            **more,
            "idfree": __version__,
        }


def make_search(
    tracker: str, fixed: Sequence[str], sequences: list[TuningSequence], metric: str, lower_is_better: bool
) -> Search:
    """A search of all settings but those of the `name=value` assignments `fixed`. Raises UserError."""
    names = {assignment.partition("=")[0].strip() for assignment in fixed}
    start = override(TRACKERS[tracker].settings(), fixed)
    search_axes = axes(tracker, names, detection_scores(sequences))
    return Search(tracker, start, search_axes, sequences, metric, lower_is_better)


def run_trials(
    search: Search, count: int, seed: int, quiet: bool, on_best: Callable[[int, Trial], None] | None = None
) -> tuple[list[Trial], bool]:
    """The trials, and whether Ctrl-C ended them; before the end of the first trial, KeyboardInterrupt is raised.

    on_best: called with the number of each trial that is the best so far, and the trial.
    """
    trials: list[Trial] = []
    try:
        for trial in progress(search.trials(count, seed), f"{search.tracker}: tuning", count, quiet, "trials"):
            trials.append(trial)
            if on_best is not None and search.best(trials) is trial:
                on_best(len(trials), trial)
    except KeyboardInterrupt:
        if not trials:
            raise
        return trials, True
    return trials, False


def measure(tracker: str, settings: Any, sequences: Iterable[TuningSequence]) -> Metrics:
    """TrackEval's metrics of a tracker over all sequences."""
    return compute_metrics(sum((sequence.score(tracker, settings) for sequence in sequences), Scores()))


def import_optuna() -> Any:
    """Import Optuna, without its log messages. Raises MissingExtra."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("optuna", "tune", "idfree tune") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
