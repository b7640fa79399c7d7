"""What earlier runs of `track` were asked for, by summary.json, so that finished results are not computed again."""

import json
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.reading import read_json
from idfree.core.version import __version__
from idfree.pipelines.detection.open_detector import DetectorConfig, detection_inputs
from idfree.pipelines.manifest import settings_to_json
from idfree.pipelines.tracking.run_summary import PRINTED, describe_tracker
from idfree.pipelines.tracking.tracking_run import TrackingRun

SUMMARY = "summary.json"


def describe_request(
    run: TrackingRun, config: DetectorConfig, camera: str, public: str | None, outputs: list[str]
) -> dict[str, Any]:
    """Everything that the results of a run depend on, ready for JSON.

    config, camera, public: that the run was made from. outputs: suffixes of the files.
    """
    selection = run.selection
    limits = settings_to_json({"min_score": selection.min_score, "min_area": selection.min_area})
    request = {
        **detection_inputs(run.sequence, run.detector, config, selection),
        **limits,
        "class_agnostic": selection.class_agnostic,
        "boxes": selection.boxes,
        "scores": config.scores,
        "frame_rate": run.sequence.frame_rate,
        "appearance": [selection.appearance, identify_file(Path(selection.appearance))],
        "camera": [camera, identify_file(Path(camera))],
        **describe_tracker(run.tracker),
        "outputs": outputs,
        **({} if public is None else {"public": [public, identify_file(Path(public))]}),
        "idfree": __version__,
    }
    return dict(json.loads(json.dumps(request)))


def identify_file(path: Path) -> list[int]:
    """Size and modification time of a file or folder; [] if there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return []
    return [status.st_size, status.st_mtime_ns]


def read_summaries(out: Path) -> dict[str, dict[str, Any]]:
    """The summaries of sequences in OUT/summary.json, by name; {} if it is missing or damaged."""
    try:
        content = read_json(out / SUMMARY)
    except UserError:
        return {}
    summaries = content.get("sequences") if isinstance(content, dict) else None
    entries = [each for each in summaries if isinstance(each, dict)] if isinstance(summaries, list) else []
    return {str(each.get("name")): each for each in entries}


def is_of_request(summary: dict[str, Any] | None, request: dict[str, Any], files: list[Path]) -> bool:
    """Whether an earlier summary is complete and of this request, and its files are there as they were written."""
    if summary is None or not PRINTED.issubset(summary):
        return False
    return summary.get("request") == request and summary.get("bytes") == file_sizes(files)


def file_sizes(files: list[Path]) -> list[int | None]:
    """Bytes of each file; None for one that is not there."""
    return [file.stat().st_size if file.is_file() else None for file in files]
