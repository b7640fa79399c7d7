"""Detections and embeddings of many videos, computed once and stored, so that trackers are compared without networks.

Of each video, DIR/NAME.npy has the boxes and embeddings (DIR/NAME.txt the boxes, if there are no embeddings) and
DIR/NAME.json the manifest; `stored_detections.load_detections` reads them.
"""

import logging
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting
from idfree.core.onnx_session import MODEL_SUFFIXES
from idfree.core.settings import Assignments, split_assignments
from idfree.core.types import Detector, Sequence
from idfree.core.version import __version__
from idfree.core.workers import PicklableFactory
from idfree.detectors import PrecomputedDetector
from idfree.detectors.scores import ScoreScale
from idfree.pipelines.detection.detect_sequence import LIMITS, describe_detections, detect_sequence, write_detections
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.pipelines.detection.open_detector import ClassesLike, DetectorConfig, OpenedDetector, detection_inputs
from idfree.pipelines.detection.stored_detections import class_ids_file, displacement_file
from idfree.pipelines.manifest import checksum_of_model, is_done, read_manifest, settings_to_json, write_manifest
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.video_jobs import Report, Source, make_jobs, spec_for_workers
from idfree.sequences import open_source
from idfree.sequences.tables import SUFFIXES

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

LOG = logging.getLogger("idfree")

MAX_DISTANCE = 2.0  # cosine distance


def detect(
    videos: Source | Iterable[Source],
    out: str | Path,
    detector: str | Path = "people",
    *,
    set: Assignments = (),
    appearance: str | Path | None = "own",
    limit: str = "auto",
    detector_format: str | None = None,
    scores: ScoreScale = "auto",
    classes: ClassesLike = "",
    start: int = 1,
    frames: int | None = None,
    every: int = 1,
    min_score: float = float("-inf"),
    force: bool = False,
    workers: int = 1,
    dask: str | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> dict[str, Any]:
    """Run a detector and an appearance encoder on videos, and store the results in the folder `out`.

    videos: video files, folders of videos or images, MOTChallenge folders. detector, detector_format, scores, classes,
    appearance: as the options of `idfree track`. set: `detector.name=value` overrides of the detector's settings.
    limit: match threshold of the embeddings, see `describe_thresholds`. start, frames, every, min_score: see Selection.
    force: repeat finished work; otherwise, a video whose results are complete and from the same inputs is skipped.
    workers, dask: see `make_jobs`.

    Returns "folder" (`out`), "videos" (a report for each video, see `describe_detections`, with "file" and "skipped")
    and "failed" (error messages by video). Raises UserError for invalid arguments, and if all videos fail.
    """
    assignments, out = split_assignments(set, ("detector",)), Path(out)
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    jobs = make_jobs(videos, config, workers, dask)
    appearance = "none" if appearance is None else str(appearance)
    own = "none" if appearance == "none" else "own"
    selection = Selection(start, frames, every, config.class_numbers(), min_score, appearance=own)
    if assignments[""]:
        raise UserError(f"--set {' '.join(assignments[''])}: expected detector.NAME=VALUE")
    check_limit(limit)
    check_folder(out, config.spec)
    outputs = (out / f"{name}{suffix}" for name in jobs.videos for suffix in (".json", *SUFFIXES))
    refuse_overwriting(outputs, [*jobs.videos.values(), *config.inputs(), appearance])
    appearance = spec_for_workers(appearance, jobs.pool)
    job = DetectionJob(
        out=jobs.pool.path_for_workers(out),
        detector=jobs.open_detector(config),
        appearance=appearance,
        encoder=PicklableFactory(open_appearance, appearance, device, jobs.threads),
        selection=selection,
        limit=limit,
        force=force,
        quiet=quiet or jobs.uses_other_processes,
    )
    make_folder(out)
    reports, failed = jobs.run(partial(detect_video, job=job), "processed", quiet)
    warn_of_unmeasured_limits(reports)
    return {"folder": str(out), "videos": reports, "failed": failed}


@dataclass(frozen=True)
class DetectionJob:
    """How videos are processed; picklable, for other processes. Fields as the arguments of `detect`.

    encoder: opened from `appearance`.
    """

    out: Path
    detector: OpenedDetector
    appearance: str
    encoder: "PicklableFactory[Encoder | None]"
    selection: Selection
    limit: str
    force: bool
    quiet: bool

    def inputs(self, sequence: Sequence, detector: Detector) -> dict[str, Any]:
        """Everything that the files of a sequence depend on, for the manifest."""
        detections = detection_inputs(sequence, detector, self.detector.config, self.selection)
        embeddings = appearance_inputs(detector, self.appearance, self.encoder.instance)
        limits = settings_to_json({"min_score": self.selection.min_score, "limit": self.limit})
        return detections | embeddings | limits


def detect_video(path: Path, job: DetectionJob) -> Report:
    """Store the detections of one video, unless that is done; return its report."""
    (sequence,) = open_source(path)
    detector, out = job.detector.for_sequence(sequence), job.out
    inputs, manifest_name = job.inputs(sequence, detector), f"{sequence.name}.json"
    manifest = read_manifest(out, manifest_name)
    if not job.force and is_done(manifest, inputs, out) and (out / str(manifest["report"].get("file", ""))).is_file():
        return {**manifest["report"], "skipped": True}
    if not manifest:
        refuse_to_overwrite(out, sequence.name)
    write_manifest(out, inputs, complete=False, name=manifest_name, idfree=__version__)
    result = detect_sequence(sequence, detector, job.encoder.instance, job.selection, job.quiet)
    report = describe_detections(sequence, result, job.limit)
    file = write_detections(out, sequence.name, result.boxes)
    report["file"], files = file.name, [file, *filter(Path.is_file, [class_ids_file(file), displacement_file(file)])]
    write_manifest(out, inputs, complete=True, name=manifest_name, files=files, idfree=__version__, report=report)
    return {**report, "skipped": False}


def warn_of_unmeasured_limits(reports: Mapping[str, Report]) -> None:
    """Log a warning for each video whose embeddings got no limit, with the reason."""
    for name, report in reports.items():
        if report["appearance"] and (reason := report["appearance"].get("fault")):
            LOG.warning("%s: the limit of its embeddings could not be measured: %s", name, reason)


def appearance_inputs(detector: Detector, appearance: str, encoder: "Encoder | None") -> dict[str, Any]:
    """Everything that the embeddings depend on, for the manifest: the encoder, or the detector's own embeddings."""
    stored = detector.annotation.embedding if isinstance(detector, PrecomputedDetector) else None
    own = 0 if stored is None else zlib.crc32(stored.tobytes())
    if encoder is None:
        return {"appearance": appearance, "own": own}
    checksum = checksum_of_model(Path(appearance))
    return {"appearance": [encoder.name, checksum, encoder.match_threshold, encoder.upper_threshold], "own": own}


def check_limit(limit: str) -> None:
    """Raises UserError unless `limit` is one of LIMITS or a cosine distance."""
    try:
        is_valid = limit in LIMITS or 0 < float(limit) <= MAX_DISTANCE
    except ValueError:
        is_valid = False
    if not is_valid:
        raise UserError(f"--limit {limit}: expected {', '.join(LIMITS)} or a cosine distance above 0, at most 2")


def check_folder(out: Path, spec: str) -> None:
    """Raises UserError if the detections of `spec` are read from the folder `out` itself."""
    source = Path(spec)
    folder = source if source.is_dir() else source.parent
    if source.exists() and source.suffix not in MODEL_SUFFIXES and folder.resolve() == out.resolve():
        raise UserError(f"-o {out}: the detections that are read lie there; choose another folder")


def refuse_to_overwrite(folder: Path, name: str) -> None:
    """Raises UserError if the folder has a file of detections that `idfree detect` did not write."""
    for file in (folder / f"{name}{suffix}" for suffix in SUFFIXES):
        if file.exists():
            raise UserError(f"{file} is there, and idfree detect did not write it: choose another folder with -o")
