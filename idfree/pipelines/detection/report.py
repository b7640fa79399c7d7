"""The report of `idfree detect` on the detections of a sequence, read from their manifest NAME.json."""

import logging
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.onnx_session import MODEL_SUFFIXES
from idfree.core.types import Sequence
from idfree.core.wording import counted
from idfree.detectors.people import PEOPLE
from idfree.detectors.precomputed import ALL
from idfree.pipelines.manifest import is_other_video

LOG = logging.getLogger("idfree")

NETWORKS = (*MODEL_SUFFIXES, ".pt")


@dataclass(frozen=True)
class DetectionReport:
    """What `idfree detect` wrote of the detections in NAME.npy or NAME.txt.

    count: of rows. detector: its name. frames: the ones processed. dtype: of the embeddings. match_threshold,
    upper_threshold: of their cosine distances, None if not calibrated. score_range, is_network, names: as in
    PrecomputedDetector.
    """

    count: int
    detector: str
    frames: range
    dtype: "np.dtype[np.floating[Any]]"
    match_threshold: float | None
    upper_threshold: float | None
    score_range: tuple[float, float] | None
    is_network: bool
    names: dict[int, str]


def read_report(manifest: dict[str, Any], path: Path, count: int, sequence: Sequence) -> DetectionReport:
    """The report in the manifest of `count` detections in `path`. Warns if they are of another video than `sequence`.

    Raises UserError if they are incomplete or others than those of the manifest, and if it is damaged.
    """
    if not manifest.get("complete"):
        raise UserError(f"{path}: `idfree detect` did not finish: run it again with the same options to complete it")
    if is_other_video(manifest, sequence):
        LOG.warning("%s: `idfree detect` found these in another video than %s: run it again", path, sequence.source)
    report = parse_report(manifest.get("report"), path)
    if count != report.count:
        raise UserError(
            f"{path}: {counted(count, 'row')}, but {path.stem}.json tells of {report.count}: it is of other"
            " detections; delete it to use these without"
        )
    return report


def parse_report(report: Any, path: Path) -> DetectionReport:
    """The report in the manifest of the detections in `path`. Raises UserError if it is damaged."""
    try:
        appearance = report["appearance"] or {"limit": None, "dtype": "float64"}
        low_high, detector = report["score_range"], str(report["detector"])
        is_network = detector == PEOPLE or detector.endswith(NETWORKS)  # reports of earlier versions do not say it
        return DetectionReport(
            count=operator.index(report["detections"]),
            detector=detector,
            frames=range(report.get("start", 1), report.get("stop") or ALL.stop, report["every"]),
            dtype=np.dtype(appearance["dtype"]),
            match_threshold=optional_float(appearance["limit"]),
            upper_threshold=optional_float(appearance.get("farthest")),
            score_range=None if low_high is None else (float(low_high[0]), float(low_high[1])),
            is_network=bool(report.get("is_network", is_network)),
            names={int(number): str(name) for number, name in report.get("class_names", {}).items()},
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path.with_suffix('.json')}: is not what `idfree detect` writes ({type(error).__name__}: {error}):"
            " run it again with --force, or delete the file to use the detections without"
        ) from error


def optional_float(value: Any) -> float | None:
    """A number, or None."""
    return None if value is None else float(value)
