"""Choose or learn how to tell the people of unlabelled videos apart, from pseudo-labels (Karthik 2020)."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from idfree.appearance import open_encoder
from idfree.appearance.crop_network import CropNetwork
from idfree.appearance.crops import crop_boxes
from idfree.core.cropset import CropSet
from idfree.core.errors import MissingExtra, UserError
from idfree.core.files import make_folder, refuse_overwriting, write_bytes, write_text
from idfree.core.settings import Assignments, override, split_assignments
from idfree.core.workers import PicklableFactory
from idfree.detectors.classes import drawn_class_names
from idfree.detectors.scores import ScoreScale
from idfree.pipelines.adapt_candidates import (
    Candidate,
    CropAppearance,
    closed_form_candidates,
    teacher_candidate,
)
from idfree.pipelines.adapt_choice import choose
from idfree.pipelines.adapt_relink import cut_tracklets
from idfree.pipelines.adapt_report import NO_TORCH, make_report, next_commands, render_report
from idfree.pipelines.adapt_train import (
    can_train,
    crop_size,
    held_out_fraction,
    reason_not_to_train,
    trained_candidate,
)
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

CANDIDATES = "candidates"
PEOPLE_NAMES = ("person", "pedestrian")  # of the data sets that detectors are trained on


def adapt(
    videos: str | Path | Sequence[str | Path],
    out: str | Path,
    detector: str | Path = "people",
    *,
    teacher: str | Path | None = None,
    train: bool | None = None,
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
    """Find the best appearance encoder for videos without labels; returns the report (see `make_report`).

    The candidates are in adapt_candidates.py. videos: video files, folders of videos or images, MOTChallenge folders.
    out: folder for appearance.onnx, report.json, report.html and intermediate results; finished work in it is not
    repeated. detector, detector_format, scores, classes: as the options of `idfree track`. teacher: MODEL.onnx, a crop
    network that is a candidate, too. train: whether to train a network, which needs PyTorch; None: if `set` has
    settings of it, else if PyTorch is installed and there are enough tracklets to test the network on. set:
    `name=value` overrides of SimpleReidSettings, `label.name=value` of LabelSettings, `detector.name=value` of the
    detector. colour: share of a colour histogram in the distances, 0…1. start, frames, every: see Selection. workers,
    dask: see `make_jobs`. Raises UserError.
    """
    if not 0 <= colour < 1:
        raise UserError(f"--colour {colour}: expected a share, 0 or more and less than 1")
    assignments, out = split_assignments(set, ("label", "detector")), Path(out)
    is_asked, is_trained = asks_for_training(train, assignments[""]), decide_training(train, assignments[""])
    labels = override(LabelSettings(), assignments["label"])
    taught = None if teacher is None else open_teacher(Path(teacher), device)
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    jobs = make_jobs(videos, config, workers, dask)
    outputs = (out / name for name in OUTPUTS)
    read = [*jobs.videos.values(), *config.inputs(), *([] if teacher is None else [Path(teacher)])]
    refuse_overwriting(outputs, read)
    make_folder(out)
    selection = Selection(start, frames, every, config.class_numbers(), appearance="none")
    size_hw = crop_size(assignments[""], is_trained)
    crops, label_reports = collect_crops(jobs, out, config, selection, labels, size_hw, quiet)
    rates = np.array([open_source(jobs.videos[name])[0].frame_rate for name in label_reports])
    cuts = cut_tracklets(crops, np.ones(crops.tracklet_count, dtype=bool), rates.tolist(), seed)
    fraction = held_out_fraction(cuts) if is_trained else HELD_OUT
    split = split_crops(crops, seed, fraction)
    is_held_out = mask_of(crops.spans(), choose_held_out(crops.spans(), seed, fraction))
    reason = None if train is False else reason_not_to_train(cuts, is_held_out)
    advice = advise_training(is_asked, reason)
    is_trained &= is_asked or reason is None
    notice = trained_on_notice(label_reports, "pseudo-labels of ")
    appearance = CropAppearance.of(crops, cuts, rates, colour, notice)
    candidates = closed_form_candidates(appearance, ~is_held_out, seed, are_people(label_reports))
    if taught is not None:
        candidates += [teacher_candidate(appearance, Path(str(teacher)), taught)]
    if is_trained:
        candidates += [trained_candidate(appearance, split, is_held_out, out, assignments[""], seed, device, quiet)]
    model = out / "appearance.onnx"
    write_candidates(out, candidates)
    winner, relinking = choose(candidates, cuts, crops.xyxy)
    if winner.file is not None:
        write_bytes(model, winner.file)
    encoder = open_encoder(model, device=device)
    report = {"model": str(model), **make_report(encoder, crops, split.held_out, label_reports, relinking)}
    report["advice"] += advice
    sources = [videos] if isinstance(videos, str | Path) else videos
    options = str(detector), join_classes(classes), detector_format or ""
    report["next"] = next_commands(str(model), [*map(str, sources)], *options)
    write_text(out / "report.json", json.dumps(report, indent=2, allow_nan=False) + "\n")
    write_text(out / "report.html", render_report(encoder, crops, report))
    return report


def are_people(label_reports: Mapping[str, Report]) -> bool:
    """Whether the labelled objects are people, as far as the detector names its classes."""
    names = {name for report in label_reports.values() for name in report.get("class_names", ())}
    return names <= set(PEOPLE_NAMES)


def write_candidates(out: Path, candidates: Iterable[Candidate]) -> None:
    """Write the candidates to OUT/candidates, for comparison by hand, but for the trained one, which is in last.pt."""
    make_folder(out / CANDIDATES)
    for each in candidates:
        if each.file is not None:
            write_bytes(out / CANDIDATES / f"{each.name}.onnx", each.file)


def asks_for_training(train: bool | None, assignments: Iterable[str]) -> bool:
    """Whether a user asks for a trained network, by `train` or by settings of the training."""
    return bool(train) or (train is None and bool(list(assignments)))


def advise_training(is_asked: bool, reason: str | None) -> list[str]:
    """Why no network is trained, in sentences; warns if one is trained all the same, as it is asked for.

    reason: why it could not be accepted, if so (see `reason_not_to_train`).
    """
    if reason is None:
        return [] if can_train() else [NO_TORCH]
    if is_asked:
        LOG.warning("%s. A network is trained, as you ask for it, but cannot be accepted", reason)
        return []
    return [f"No network was trained: {reason}. --iterations N trains one all the same, which will not be chosen."]


def decide_training(train: bool | None, assignments: Iterable[str]) -> bool:
    """Whether to train a network. Raises MissingExtra if that is asked for, and PyTorch is not installed."""
    if asks_for_training(train, assignments) and not can_train():
        raise MissingExtra("torch", "train", "training a network (--network, --iterations, --set)")
    return can_train() if train is None else train


def open_teacher(path: Path, device: str) -> CropNetwork:
    """The crop network of a file. Raises UserError for others than ONNX, which could not be written again."""
    if path.suffix.lower() != ".onnx":
        raise UserError(f"--teacher {path}: expected a crop network MODEL.onnx")
    return CropNetwork(path, device=device)


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
        names = drawn_class_names(detector)
        found = np.unique(pseudo_labels.boxes.class_id).tolist()
        return {**pseudo_labels.report, "class_names": [names[number] for number in found if number in names]}

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
