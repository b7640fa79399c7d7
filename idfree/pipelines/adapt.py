"""Choose or learn how to tell the people of unlabelled videos apart, from pseudo-labels (Karthik 2020)."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idfree.appearance import open_encoder
from idfree.appearance.concatenated import check_share
from idfree.appearance.crop_network import CropNetwork
from idfree.core.cropset import CropSet
from idfree.core.errors import MissingExtra, UserError
from idfree.core.files import make_folder, refuse_overwriting, write_bytes, write_text
from idfree.core.path_list import as_list
from idfree.core.reading import read_json
from idfree.core.settings import Assignments, override, split_assignments
from idfree.detectors.scores import ScoreScale
from idfree.pipelines.adaptation.candidates import (
    Candidate,
    CropAppearance,
    closed_form_candidates,
    teacher_candidate,
)
from idfree.pipelines.adaptation.choice import choose
from idfree.pipelines.adaptation.crops import LabelledCrops, label_crops
from idfree.pipelines.adaptation.report import NAMES, NO_TORCH, make_report, next_commands, render_report
from idfree.pipelines.adaptation.trained_candidate import (
    can_train,
    crop_size,
    held_out_fraction,
    reason_not_to_train,
    trained_candidate,
)
from idfree.pipelines.detection.open_detector import ClassesLike, DetectorConfig, join_classes
from idfree.pipelines.labelling.crop_sets import HELD_OUT, split_crops
from idfree.pipelines.labelling.held_out import choose_held_out, mask_of
from idfree.pipelines.labelling.pseudolabels import LabelSettings
from idfree.pipelines.labelling.videos import Labelling
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.training.training_data import trained_on_notice
from idfree.pipelines.video_jobs import READ_TWICE, make_jobs, refuse_pipes

LOG = logging.getLogger("idfree")

MODEL = "appearance.onnx"
REPORTS = ("report.json", "report.html")
OUTPUTS = (MODEL, "last.pt", "best.pt", *REPORTS, "settings.json", "metrics.jsonl")

CANDIDATES = "candidates"


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
    check_share(colour)
    assignments, out = split_assignments(set, ("label", "detector")), Path(out)
    is_asked, is_trained = asks_for_training(train, assignments[""]), decide_training(train, assignments[""])
    labels = override(LabelSettings(), assignments["label"])
    taught = None if teacher is None else (Path(teacher), open_teacher(Path(teacher), device))
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device, scores)
    jobs = make_jobs(videos, config, workers, dask)
    refuse_pipes(jobs.videos.values(), READ_TWICE)
    prepare_folder(out, jobs.videos, [*config.inputs(), *as_list(teacher)])
    selection = Selection(start, frames, every, config.class_numbers(), appearance="none")
    training = TrainingPlan(is_asked, train is False, is_trained, tuple(assignments[""]), out, device, quiet)
    size_hw = crop_size(assignments[""], is_trained)
    labelling = Labelling.prepare(jobs, out, config, selection, labels, quiet)
    labelled = label_crops(labelling, size_hw, seed)
    candidates, held_out, advice = make_candidates(labelled, taught, training, colour, seed)
    options = str(detector), join_classes(classes), detector_format or ""
    next_steps = next_commands(str(out / MODEL), jobs.sources_of(labelled.reports, videos), *options)
    return write_results(out, candidates, labelled, held_out, {"advice": advice, "next": next_steps}, device)


def prepare_folder(out: Path, videos: Mapping[str, Path], read: Iterable[Path | str]) -> None:
    """Make the folder; a warning if it has a model of other videos. Raises UserError if an output is an input.

    read: what is read besides the videos.
    """
    outputs = [*(out / name for name in OUTPUTS), *(out / candidate_file(name) for name in NAMES)]
    refuse_overwriting(outputs, [*videos.values(), *read])
    make_folder(out)
    warn_of_other_videos(out, videos)


@dataclass(frozen=True)
class TrainingPlan:
    """Training of a network. is_asked, is_refused: by the user. is_possible: not refused, and PyTorch is there."""

    is_asked: bool
    is_refused: bool
    is_possible: bool
    assignments: tuple[str, ...]
    out: Path
    device: str
    quiet: bool


def make_candidates(
    labelled: LabelledCrops,
    teacher: tuple[Path, CropNetwork] | None,
    training: TrainingPlan,
    colour: float,
    seed: int,
) -> tuple[list[Candidate], CropSet, list[str]]:
    """All candidates, the default first; the held-out crops; advice in sentences. Arguments as of `adapt`.

    A teacher is the default: its user trusts it, and it has the highest mean IDF1 (docs/adaptation.md).
    """
    crops, cuts = labelled.crops, labelled.cuts
    fraction = held_out_fraction(cuts) if training.is_possible else HELD_OUT
    split = split_crops(crops, seed, fraction)
    is_held_out = mask_of(crops.spans(), choose_held_out(crops.spans(), seed, fraction))
    reason = None if training.is_refused else reason_not_to_train(cuts, is_held_out)
    notice = trained_on_notice(labelled.reports, "pseudo-labels of ")
    appearance = CropAppearance.of(crops, cuts, labelled.frame_rate, colour, notice)
    candidates = closed_form_candidates(appearance, ~is_held_out, seed, labelled.are_people)
    if teacher is not None:
        candidates = [teacher_candidate(appearance, *teacher), *candidates]
    advice = [] if training.is_refused else advise_training(training.is_asked, reason)
    if training.is_possible and (training.is_asked or reason is None):
        options = (training.out, list(training.assignments), seed, training.device, training.quiet)
        candidates += [trained_candidate(appearance, split, is_held_out, *options)]
    return candidates, split.held_out, advice


def write_results(
    out: Path,
    candidates: list[Candidate],
    labelled: LabelledCrops,
    held_out: CropSet,
    extra: Mapping[str, list[str]],
    device: str,
) -> dict[str, Any]:
    """Select a candidate; write its file, those of the others, and the report, which is returned.

    extra: "advice", added to that of the report, and "next", the commands to run.
    """
    write_candidates(out, candidates)
    winner, relinking = choose(candidates, labelled.cuts, labelled.crops.xyxy)
    model = out / MODEL
    if winner.file is not None and not (model.is_file() and model.read_bytes() == winner.file):
        write_bytes(model, winner.file)  # the same content keeps its time, by which `track` knows finished results
    encoder = open_encoder(model, device=device)
    report = {"model": str(model), **make_report(encoder, labelled.crops, held_out, labelled.reports, relinking)}
    report |= {"advice": [*report["advice"], *extra["advice"]], "next": extra["next"]}
    write_text(out / "report.json", json.dumps(report, indent=2, allow_nan=False) + "\n")
    write_text(out / "report.html", render_report(encoder, labelled.crops, report))
    return report


def write_candidates(out: Path, candidates: Sequence[Candidate]) -> None:
    """Write the candidates to OUT/candidates, for comparison by hand, but for the trained one, which is in last.pt.

    Others of an earlier run are deleted.
    """
    make_folder(out / CANDIDATES)
    for name in set(NAMES) - {each.name for each in candidates}:
        (out / candidate_file(name)).unlink(missing_ok=True)
    for each in candidates:
        if each.file is not None:
            write_bytes(out / candidate_file(each.name), each.file)


def candidate_file(name: str) -> Path:
    """The file of a candidate, below OUT."""
    return Path(CANDIDATES) / f"{name}.onnx"


def warn_of_other_videos(out: Path, videos: Iterable[str]) -> None:
    """Log a warning if the model in OUT was chosen for other videos than these, by name: it is about to be replaced."""
    try:
        earlier = list(read_json(out / "report.json")["videos"])
    except (UserError, LookupError, TypeError):  # none, or damaged
        return
    if (out / MODEL).is_file() and sorted(map(str, earlier)) != sorted(videos):
        LOG.warning("%s: the model of another run (%s) is replaced", out / MODEL, ", ".join(map(str, earlier)))


def remove_choice(out: Path) -> bool:
    """Delete the model, the candidates and the report of an earlier run, if there are any; whether there were."""
    paths = [*(out / name for name in (MODEL, *REPORTS)), *(out / candidate_file(name) for name in NAMES)]
    written = [path for path in paths if path.exists()]
    for path in written:
        path.unlink()
    return bool(written)


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
