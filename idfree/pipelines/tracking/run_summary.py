"""Summary of a tracking run: counts, speed, and which settings and thresholds were used."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from idfree.detectors.classes import reported_class_names
from idfree.pipelines.manifest import settings_to_json
from idfree.pipelines.tracking.tracking_run import TrackingRun
from idfree.trackers.lost_tracks import layers
from idfree.trackers.registry import Tracker

PRINTED = frozenset({"frames", "frames_lost", "tracks", "boxes", "frames_per_second"})  # by `idfree track`, of each


def summarise(run: TrackingRun) -> dict[str, Any]:
    """Summary of a run so far, ready for JSON.

    frames_lost: frames that the sequence should have but that could not be decoded. detections_dropped: invalid boxes.
    seconds, frames_per_second: by stage; "all" is the total. matches: fraction by deciding cue.
    class_names: of the classes of its boxes, by number, as far as the detector knows them.
    predicted, refound: boxes of lost tracks, if asked for. camera: how it moved, None if that was not followed.
    """
    counts, timer, tracker = run.counts, run.timer, run.tracker
    frames, names = counts.frames, reported_class_names(run.detector)
    return {
        "name": run.sequence.name,
        "frames": frames,
        "frames_lost": max(0, (run.sequence.count or 0) - frames),
        "detections": counts.detections,
        "tracks": counts.tracks,
        "boxes": counts.boxes,
        "class_names": {str(number): names[number] for number in sorted(counts.classes) if number in names},
        "detections_dropped": tracker.dropped,
        "seconds": {stage: round(seconds, 3) for stage, seconds in timer.seconds.items()},
        "frames_per_second": {
            stage: round(frames / seconds, 1)
            for stage, seconds in {**timer.seconds, "all": timer.total}.items()
            if seconds > 0
        },
        "matches": match_fractions(tracker.match_counts),
        "detector": run.detector.name,
        "score_range": run.score_range,
        "appearance": describe_appearance(run),
        "camera": None if run.camera is None else run.camera.describe(),
        **describe_tracker(tracker),
        **{wrapper.adds: wrapper.reported.count for wrapper in layers(tracker)[1]},
    }


def describe_tracker(tracker: Tracker) -> dict[str, Any]:
    """Name and settings of a tracker, with those of the wrappers round it."""
    own, wrappers = layers(tracker)
    settings = settings_to_json(asdict(own.settings))
    for wrapper in wrappers:
        settings |= settings_to_json(wrapper.own_settings())
    return {"tracker": type(own).__name__, "settings": settings}


def describe_appearance(run: TrackingRun) -> dict[str, Any] | None:
    """Source of the embeddings ("own": the detector) and match threshold; None without embeddings."""
    if run.encoder is not None:
        return {"name": run.encoder.name, "limit": run.encoder.match_threshold}
    if not run.detector.has_embeddings or run.selection.appearance == "none":
        return None
    return {"name": "own", "limit": run.tracker.match_threshold}


def match_fractions(match_counts: Counter[str]) -> dict[str, float]:
    """Fraction of all matches by deciding cue."""
    total = max(1, match_counts.total())
    return {cue: round(count / total, 4) for cue, count in sorted(match_counts.items())}
