"""Add an embedding head to a detector, learnt from videos without labels: one file with boxes and embeddings."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from idfree.appearance.concatenated import check_share
from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting, write_text
from idfree.core.path_list import as_list
from idfree.core.settings import Assignments, override, split_assignments
from idfree.core.types import Frame
from idfree.core.wording import counted
from idfree.pipelines.detection.open_detector import ClassesLike, DetectorConfig
from idfree.pipelines.labelling.pseudolabels import LabelSettings
from idfree.pipelines.labelling.videos import Labelling
from idfree.pipelines.teaching.features import BoxFeatures, collect_features
from idfree.pipelines.teaching.head import TaughtHead, describe_head, learn_head
from idfree.pipelines.teaching.report import complete_report, render_report
from idfree.pipelines.teaching.taught_file import DetectorMaps, check_file, compare
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.training.teacher_embeddings import Teacher
from idfree.pipelines.training.training_data import trained_on_notice
from idfree.pipelines.video_jobs import READ_TWICE, make_jobs, refuse_pipes
from idfree.sequences import open_source
from idfree.teaching.discriminant import DiscriminantSettings

OUTPUTS = ("taught.onnx", "taught.xml", "taught.bin", "maps.onnx", "maps.xml", "maps.bin", "report.json", "report.html")


def teach(
    detector: str | Path,
    videos: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    teacher: str | Path | None = None,
    set: Assignments = (),
    colour: float = 0.5,
    detector_format: str | None = None,
    classes: ClassesLike = "",
    start: int = 1,
    frames: int | None = None,
    every: int = 1,
    workers: int = 1,
    dask: str | None = None,
    device: str = "auto",
    seed: int = 0,
    quiet: bool = True,
) -> dict[str, Any]:
    """Teach a detector on videos without labels; write OUT/taught.onnx (or .xml); return the report, ready for JSON.

    detector: MODEL.onnx or MODEL.xml, which stays as it is. videos: video files, folders of videos or images,
    MOTChallenge folders. out: folder for the taught file, report.json, report.html and intermediate results; finished
    work in it is not repeated. teacher: a crop network to imitate, None to learn from the videos' tracklets alone. set:
    `name=value` overrides of DiscriminantSettings, `label.name=value` of LabelSettings, `detector.name=value` of the
    detector, `teacher.name=value` of the teacher, `maps=NAME,NAME` the tensors to read. colour: share of a colour
    histogram that is concatenated, 0…1. The others are as the options of `idfree track`. Raises UserError.
    """
    check_share(colour)
    assignments, out = split_assignments(set, ("label", "detector", "teacher")), Path(out)
    sources = as_list(videos)
    maps, rest = split_maps(assignments[""])
    settings, labels = override(DiscriminantSettings(), rest), override(LabelSettings(), assignments["label"])
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device)
    check_file(config.spec)
    jobs = make_jobs(sources, config, workers, dask)
    refuse_pipes(jobs.videos.values(), READ_TWICE)
    named_teacher = None if teacher is None else Teacher(str(teacher), tuple(assignments["teacher"]), device)
    read = [*jobs.videos.values(), *config.inputs(), *([] if teacher is None else [teacher])]
    refuse_overwriting((out / name for name in OUTPUTS), read)
    make_folder(out)
    detector_maps = DetectorMaps.select(config, maps)
    maps_file = detector_maps.write_maps(out)
    maps_config = DetectorConfig(str(maps_file), device=device)
    selection = Selection(start, frames, every, (), appearance="none")
    labelling = Labelling.prepare(jobs, out, maps_config, selection, labels, quiet)
    boxes, reports = collect_features(labelling, named_teacher)
    check_detections(reports, config.classes)
    taught = learn_head(boxes, settings, colour, every, seed=seed)
    model = detector_maps.write_taught(out, taught, trained_on_notice(reports, "pseudo-labels of "))
    report = {
        "model": str(model),
        "maps": detector_maps.describe(),
        **describe_data(boxes, reports, named_teacher),
        **describe_head(taught),
        **compare(config, maps_file, model, taught, first_frame(next(iter(jobs.videos.values())))),
    }
    options = str(detector), config.classes, detector_format or "", config.assignments
    report = complete_report(report, boxes, jobs.sources_of(reports, sources), *options)
    write_report(out, report, taught)
    return report


def describe_data(boxes: BoxFeatures, reports: dict[str, Any], teacher: Teacher | None) -> dict[str, Any]:
    """What a head is learnt from, for the report. reports: on the pseudo-labels, by video."""
    return {
        "tracklets": boxes.tracklet_count,
        "boxes": len(boxes),
        "videos": reports,
        "teacher": None if teacher is None else Path(teacher.spec).name,
    }


def write_report(folder: Path, report: dict[str, Any], taught: TaughtHead) -> None:
    """Write FOLDER/report.json and report.html."""
    write_text(folder / "report.json", json.dumps(report, indent=2, allow_nan=False) + "\n")
    write_text(folder / "report.html", render_report(report, taught))


def split_maps(assignments: Iterable[str]) -> tuple[list[str], list[str]]:
    """The tensor names of `maps=NAME,NAME`, and the other assignments."""
    named = [each for each in assignments if each.startswith("maps=")]
    names = [name.strip() for each in named for name in each.removeprefix("maps=").split(",") if name.strip()]
    return names, [each for each in assignments if each not in named]


def check_detections(reports: dict[str, Any], classes: str) -> None:
    """Raises UserError if nothing was detected in any frame."""
    if any(report["detections"] for report in reports.values()):
        return
    frames, what = sum(report["frames"] for report in reports.values()), f"--classes {classes}: " if classes else ""
    raise UserError(
        f"{what}nothing was detected in {counted(frames, 'frame')} with a score of label.min_score or more: is it the"
        " right video and the right class? else ask for less (--set label.min_score=0.3)"
    )


def first_frame(video: Path) -> Frame:
    """The first frame of a video that can be read. Raises UserError if there is none."""
    frame = next(iter(open_source(video)[0]), None)
    if frame is None:
        raise UserError(f"{video}: has no frame that can be read")
    return frame
