"""Pseudo-labels of many videos: each becomes a MOTChallenge sequence with tracklets as identities."""

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting
from idfree.core.settings import Assignments, override, split_assignments
from idfree.core.types import Detector, Sequence
from idfree.core.version import __version__
from idfree.datasets.write_sequence import write_sequence
from idfree.detectors.scores import ScoreScale
from idfree.pipelines.detection.open_detector import ClassesLike, DetectorConfig, OpenedDetector, detection_inputs
from idfree.pipelines.labelling.label_sequence import concatenate_boxes, label_sequence, sort_by_frame
from idfree.pipelines.labelling.pseudolabels import LabelSettings
from idfree.pipelines.manifest import MANIFEST, is_done, read_manifest, settings_to_json, write_manifest
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.video_jobs import Report, Source, make_jobs
from idfree.sequences import open_source

LOG = logging.getLogger("idfree")


def label(
    videos: Source | Iterable[Source],
    out: str | Path = Path("runs/label"),
    detector: str | Path = "people",
    *,
    set: Assignments = (),
    everybody: bool = False,
    images: bool = False,
    detector_format: str | None = None,
    scores: ScoreScale = "auto",
    classes: ClassesLike = "",
    start: int = 1,
    frames: int | None = None,
    every: int = 1,
    force: bool = False,
    workers: int = 1,
    dask: str | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> dict[str, Any]:
    """Label videos by detection and tracking alone; write each as a MOTChallenge sequence OUT/NAME.

    videos: video files, folders of videos or images, MOTChallenge folders. detector, detector_format, scores, classes:
    as the options of `idfree track`. set: `name=value` overrides of LabelSettings, `detector.name=value` of the
    detector. everybody: also write the detections without a tracklet (id −1) and uncertain ones (mark 0), to train
    detectors on. images: look for scene cuts even if the detector needs no images. start, frames, every: see Selection.
    force: repeat finished work; otherwise, a video whose results are complete and from the same inputs is skipped.
    workers, dask: see `make_jobs`.

    Returns "folder" (`out`), "videos" (a report for each video, see `describe_tracklets`, with "skipped") and "failed"
    (error messages by video). Raises UserError for invalid arguments, and if all videos fail.
    """
    assignments, out = split_assignments(set, ("detector",)), Path(out)
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    jobs = make_jobs(videos, config, workers, dask)
    settings = override(LabelSettings(), assignments[""])
    folders = (path if path.is_dir() else path.parent for path in jobs.videos.values())
    outputs = (out / name / file for name in jobs.videos for file in ("seqinfo.ini", "gt/gt.txt", MANIFEST))
    refuse_overwriting(outputs, [*folders, *config.inputs()])
    selection = Selection(start, frames, every, config.class_numbers(), appearance="none")
    job = LabelJob(
        out=jobs.pool.path_for_workers(out),
        detector=jobs.open_detector(config),
        settings=settings,
        selection=selection,
        everybody=everybody,
        images=images,
        force=force,
        quiet=quiet or jobs.uses_other_processes,
    )
    make_folder(out)
    reports, failed = jobs.run(partial(label_video, job=job), "labelled", quiet)
    for name, report in reports.items():
        if not report["tracklets"]:
            LOG.warning("%s: of %d detections no tracklet is good enough", name, report["detections"])
    return {"folder": str(out), "videos": reports, "failed": failed}


@dataclass(frozen=True)
class LabelJob:
    """How videos are labelled; picklable, for other processes. Fields as the arguments of `label`."""

    out: Path
    detector: OpenedDetector
    settings: LabelSettings
    selection: Selection
    everybody: bool
    images: bool
    force: bool
    quiet: bool

    def inputs(self, sequence: Sequence, detector: Detector) -> dict[str, Any]:
        """Everything that the labels of a sequence depend on, for the manifest."""
        settings = {"settings": settings_to_json(asdict(self.settings))}
        options = {"images": self.images, "everybody": self.everybody}
        return detection_inputs(sequence, detector, self.detector.config, self.selection) | settings | options


def label_video(path: Path, job: LabelJob) -> Report:
    """Label one video and write the sequence, unless that is done; return its report."""
    (sequence,) = open_source(path)
    is_partial = (job.selection.start, job.selection.frames, job.selection.every) != (1, None, 1)
    if job.everybody and is_partial and None in (sequence.length, sequence.size_hw):
        raise UserError(f"{path}: its length or size is unknown; expected --everybody for all of its frames, then")
    detector, folder = job.detector.for_sequence(sequence), job.out / sequence.name
    inputs, manifest = job.inputs(sequence, detector), read_manifest(folder)
    if not job.force and is_done(manifest, inputs, folder) and (folder / "gt" / "gt.txt").is_file():
        return {**manifest["report"], "skipped": True}
    if not manifest and (folder / "gt" / "gt.txt").exists():
        raise UserError(f"{folder} has a gt/gt.txt that idfree label did not write: choose another folder with -o")
    write_manifest(folder, inputs, complete=False, idfree=__version__)
    labels = label_sequence(
        sequence, detector, job.settings, selection=job.selection, images=job.images, quiet=job.quiet
    )
    boxes = sort_by_frame(concatenate_boxes([labels.boxes, labels.rest])) if job.everybody else labels.boxes
    write_sequence(folder, sequence, boxes, job.everybody)
    write_manifest(folder, inputs, complete=True, idfree=__version__, report=labels.report)
    return {**labels.report, "skipped": False}
