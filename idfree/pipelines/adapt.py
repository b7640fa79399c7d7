"""Train an appearance encoder on unlabelled videos, from pseudo-labels (SimpleReID, Karthik 2020). Needs PyTorch."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from idfree.appearance import open_encoder
from idfree.appearance.crops import crop_boxes
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting, write_text
from idfree.core.progress import training_progress
from idfree.core.settings import Assignments, override, split_assignments
from idfree.core.workers import PicklableFactory
from idfree.detectors.people import PEOPLE
from idfree.detectors.scores import ScoreScale
from idfree.learn.methods import simplereid
from idfree.learn.networks.crop_reid import NETWORKS
from idfree.pipelines.adapt_relink import carry_colour, compare_candidates, cut_tracklets
from idfree.pipelines.adapt_report import make_report, next_commands, render_report
from idfree.pipelines.calibration import calibration_metadata
from idfree.pipelines.crop_sets import HELD_OUT, concatenate_crops, crops_of_labels, split_crops
from idfree.pipelines.held_out import choose_held_out, mask_of
from idfree.pipelines.label_sequence import label_sequence
from idfree.pipelines.manifest import make_once, settings_to_json
from idfree.pipelines.open_detector import ClassesLike, DetectorConfig, DetectorOf, detection_inputs, join_classes
from idfree.pipelines.pseudolabels import LabelSettings
from idfree.pipelines.selection import Selection
from idfree.pipelines.training_data import trained_on_notice
from idfree.pipelines.video_jobs import Report, VideoJobs, make_jobs, result_name
from idfree.sequences import open_source

LOG = logging.getLogger("idfree")

OUTPUTS = ("appearance.onnx", "last.pt", "best.pt", "report.json", "report.html", "settings.json", "metrics.jsonl")
OWN_UNTESTED = (
    f"The embeddings of the detector {PEOPLE} were not part of the test: also track with --appearance own and compare."
)


def adapt(
    videos: str | Path | Sequence[str | Path],
    out: str | Path,
    detector: str | Path = "people",
    *,
    set: Assignments = (),
    colour: float = 0.5,
    detector_format: str | None = None,
    scores: ScoreScale = "auto",
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
    """Train an appearance encoder on videos without labels; returns the report (see `make_report`), ready for JSON.

    videos: video files, folders of videos or images, MOTChallenge folders. out: folder for appearance.onnx,
    report.json, report.html and intermediate results; finished work in it is not repeated. detector, detector_format,
    scores, classes: as the options of `idfree track`. set: `name=value` overrides of SimpleReidSettings,
    `label.name=value` of LabelSettings, `detector.name=value` of the detector. colour: weight of a colour histogram
    that is concatenated with the trained embedding, 0…1. start, frames, every: see Selection. workers, dask: see
    `make_jobs`. Raises UserError.
    """
    if not 0 <= colour < 1:
        raise UserError(f"--colour {colour}: expected a share, 0 or more and less than 1")
    assignments, out = split_assignments(set, ("label", "detector")), Path(out)
    settings = override(simplereid.SimpleReidSettings(seed=seed), assignments[""])
    labels = override(LabelSettings(), assignments["label"])
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    jobs = make_jobs(videos, config, workers, dask)
    outputs = (out / name for name in OUTPUTS)
    refuse_overwriting(outputs, [*jobs.videos.values(), *config.inputs()])
    make_folder(out)
    selection = Selection(start, frames, every, config.class_numbers(), appearance="none")
    crops, label_reports = collect_crops(jobs, out, config, selection, labels, NETWORKS[settings.network][1], quiet)
    split = split_crops(crops, seed)
    model = simplereid.train(
        split.train,
        settings,
        out,
        resume=(out / "last.pt").is_file(),
        progress=None if quiet else training_progress,
        calibration=lambda embed: calibration_metadata(embed, crops, colour),
        trained_on=trained_on_notice(label_reports, "pseudo-labels of "),
        device=device,
    )
    encoder = open_encoder(model, device=device)
    rates = [open_source(jobs.videos[name])[0].frame_rate for name in label_reports]
    is_held_out = mask_of(crops.spans(), choose_held_out(crops.spans(), seed, HELD_OUT))
    relinking = compare_candidates(encoder, crops, cut_tracklets(crops, is_held_out, rates, seed))
    report = {"model": str(model), **make_report(encoder, crops, split.held_out, label_reports, relinking)}
    if str(detector) == PEOPLE:
        report["advice"].append(OWN_UNTESTED)
    if relinking["winner"] == "colour":
        carry_colour(model)
        encoder = open_encoder(model)
        report["limit"] = encoder.match_threshold
    sources = [videos] if isinstance(videos, str | Path) else videos
    options = str(detector), join_classes(classes), detector_format or ""
    report["next"] = next_commands(str(model), [*map(str, sources)], *options)
    write_text(out / "report.json", json.dumps(report, indent=2, allow_nan=False) + "\n")
    write_text(out / "report.html", render_report(encoder, crops, report))
    return report


def collect_crops(
    jobs: VideoJobs,
    out: Path,
    config: DetectorConfig,
    selection: Selection,
    labels: LabelSettings,
    size_hw: tuple[int, int],
    quiet: bool = True,
) -> tuple[CropSet, dict[str, Report]]:
    """Crops of the pseudo-labels of all videos that can be read, and the reports on these labels by video.

    The crops of each video are kept below `out` (see `crops_file`). Raises UserError if no video can be read.
    """
    process = partial(
        collect_video_crops,
        out=jobs.path_for_workers(out),
        config=config,
        detector_of=jobs.open_detector(config),
        selection=selection,
        labels=labels,
        size_hw=size_hw,
        quiet=quiet or jobs.uses_other_processes,
    )
    reports, _ = jobs.run(process, "labelled", quiet)
    return concatenate_crops([CropSet.open(crops_file(out, name)) for name in reports]), reports


def collect_video_crops(
    path: Path,
    out: Path,
    config: DetectorConfig,
    detector_of: PicklableFactory[DetectorOf],
    selection: Selection,
    labels: LabelSettings,
    size_hw: tuple[int, int],
    quiet: bool,
) -> Report:
    """Write the crops of one video's pseudo-labels, unless that is done; return the report on the labels."""
    sequence = replace(open_source(path)[0], name=result_name(path))
    detector, file = detector_of.instance(sequence), crops_file(out, sequence.name)
    inputs = detection_inputs(sequence, detector, config, selection)
    inputs |= {"labels": settings_to_json(asdict(labels)), "size": list(size_hw)}

    def make() -> Report:
        crop = partial(crop_boxes, size_hw=size_hw)
        pseudo_labels = label_sequence(sequence, detector, labels, crop, selection=selection, quiet=quiet)
        crops_of_labels(pseudo_labels).save(file)
        return pseudo_labels.report

    return make_once(file, inputs, make, can_be_opened)


def can_be_opened(file: Path) -> bool:
    """Whether a file holds crops; warns if not. Earlier versions wrote no checksum of it into the manifest."""
    try:
        CropSet.open(file)
    except UserError:
        LOG.warning("%s is missing or damaged: it is made again", file)
        return False
    return True


def crops_file(out: Path, name: str) -> Path:
    """The file of a video's crops; beside it lies the manifest."""
    return out / "crops" / name / "crops.npz"
