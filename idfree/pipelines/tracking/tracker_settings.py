"""The tracker of a run: its name, settings from `--set` and from files of `idfree tune`, and those of a detector."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.reading import read_json
from idfree.core.settings import override
from idfree.core.types import Detector
from idfree.detectors.people import PEOPLE
from idfree.trackers.lost_tracks import LostTracks
from idfree.trackers.registry import DEFAULT_TRACKER, TRACKERS, Tracker, make_tracker, tracker_name

NETWORK_MIN_SCORE = 0.4  # FairMOT's confidence threshold (Zhang 2020, sec. 5.2)
PEOPLE_NEW_SCORE = 0.65  # docs/people_model.md, "Score at which tracks start"


def read_settings(path: Path) -> tuple[str, tuple[str, ...]]:
    """Read a settings file; return the tracker's name and its settings as `name=value`.

    Only the keys "tracker" and "settings" are read; settings that are missing keep their defaults. Raises UserError,
    naming the file, if one of the two is missing, unknown or of the wrong type.
    """
    record = read_json(path)
    if not isinstance(record, dict) or not isinstance(record.get("settings"), dict):
        raise UserError(f'{path}: expected {{"tracker": NAME, "settings": {{NAME: VALUE, …}}}}')
    tracker = record.get("tracker")
    if not isinstance(tracker, str) or tracker not in TRACKERS:
        raise UserError(f"{path}: unknown tracker {tracker!r}; there are: {', '.join(TRACKERS)}")
    assignments = tuple(f"{name}={value}" for name, value in record["settings"].items())
    override(TRACKERS[tracker].settings(), assignments, source=f"{path}:")
    return tracker, assignments


def choose_tracker(
    tracker: str | None, settings: str | Path | None, assignments: Sequence[str]
) -> tuple[str | None, tuple[str, ...]]:
    """The tracker's name, and the `name=value` of the settings file followed by `assignments`, which override them.

    Raises UserError if the file is invalid or for another tracker than `tracker`.
    """
    if settings is None:
        return tracker, tuple(assignments)
    name, from_file = read_settings(Path(settings))
    if tracker not in (None, name):
        raise UserError(f"--tracker {tracker}: {settings} is for {name}")
    return name, (*from_file, *assignments)


def open_tracker(
    tracker: str | Tracker | type[Tracker] | None, assignments: tuple[str, ...], detector: Detector, frame_rate: float
) -> Tracker:
    """The tracker that is given, or that of a name or class (None: the default), with settings that suit the detector.

    assignments: `name=value`, which override these. Raises UserError for an unknown tracker or setting, and for
    assignments to a tracker that is made already.
    """
    if isinstance(tracker, Tracker | LostTracks):
        if assignments:
            raise UserError(f"{', '.join(assignments)}: the tracker is made already, with its own settings")
        return tracker
    name = tracker_name(tracker or DEFAULT_TRACKER)
    texts = with_new_score(name, with_min_score(name, assignments, detector), detector)
    return make_tracker(name, texts, frame_rate)


def with_min_score(tracker: str, assignments: tuple[str, ...], detector: Detector) -> tuple[str, ...]:
    """The assignments, with a minimum score if the detector is a network and the tracker has no score threshold.

    Networks report detections from a score of 0.1, for trackers with thresholds of their own; SORT, DeepSORT and IOU
    have none, and their published results use thresholded detections. An assignment of min_score takes precedence.
    """
    if not is_unlimited(tracker) or is_assigned("min_score", assignments) or not getattr(detector, "is_network", False):
        return assignments
    return (f"min_score={NETWORK_MIN_SCORE}", *assignments)


def is_unlimited(tracker: str) -> bool:
    """Whether a tracker uses detections of any score by default, though it has a setting min_score."""
    return tracker in TRACKERS and getattr(TRACKERS[tracker].settings(), "min_score", 0.0) == -math.inf


def describe_min_score(summary: Mapping[str, Any]) -> str:
    """From which score on a tracker without a threshold of its own used detections, by its summary; "" if from any."""
    unlimited = [entry.tracker.__name__ for name, entry in TRACKERS.items() if is_unlimited(name)]
    least = summary["settings"].get("min_score")
    return f"scores from {least:g}" if summary["tracker"] in unlimited and isinstance(least, float) else ""


def with_new_score(tracker: str, assignments: tuple[str, ...], detector: Detector) -> tuple[str, ...]:
    """The assignments, with PEOPLE_NEW_SCORE for the default tracker and the detector in the package.

    Other trackers keep their authors' defaults. An assignment of new_score takes precedence.
    """
    is_people = tracker == DEFAULT_TRACKER and getattr(detector, "name", "") == PEOPLE
    if not is_people or is_assigned("new_score", assignments):
        return assignments
    return (f"new_score={PEOPLE_NEW_SCORE}", *assignments)


def is_assigned(name: str, assignments: tuple[str, ...]) -> bool:
    """Whether one of the `name=value` is of a setting."""
    return any(assignment.partition("=")[0].strip() == name for assignment in assignments)
