"""Add an embedding head to a detector, learnt from videos without labels: one file with boxes and embeddings."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import make_folder, refuse_overwriting, write_text
from idfree.core.onnx_model import KIND_KEY
from idfree.core.onnx_session import MODEL_SUFFIXES, is_ir
from idfree.core.settings import Assignments, override, split_assignments
from idfree.core.stripes import STRIPES, read_stripes
from idfree.core.types import Frame, Sequence
from idfree.detectors.formats import FORMATS
from idfree.detectors.onnx import OnnxDetector
from idfree.detectors.taught import (
    CLASSES_KEY,
    FORMAT_KEY,
    MAPS,
    OUTPUTS_KEY,
    SETTINGS_KEY,
    STRIPES_KEY,
    TAUGHT,
    DetectorWithMaps,
    TaughtDetector,
)
from idfree.pipelines.open_detector import ClassesLike, DetectorConfig
from idfree.pipelines.pseudolabels import LabelSettings
from idfree.pipelines.selection import Selection
from idfree.pipelines.teach_features import collect_features
from idfree.pipelines.teach_head import TaughtHead, describe_head, learn_head
from idfree.pipelines.teach_report import (
    give_advice,
    give_verdict,
    is_better,
    name_next_step,
    next_commands,
    render_report,
)
from idfree.pipelines.teacher_embeddings import Teacher
from idfree.pipelines.training_data import trained_on_notice
from idfree.pipelines.video_jobs import make_jobs
from idfree.sequences import open_source
from idfree.teaching.discriminant import DiscriminantSettings
from idfree.teaching.feature_maps import DetectorGraph, FeatureMap, choose_maps, named_maps

LOG = logging.getLogger("idfree")

OUTPUTS = ("taught.onnx", "taught.xml", "taught.bin", "maps.onnx", "maps.xml", "maps.bin", "report.json", "report.html")
NO_VIDEO = Sequence("none", lambda: iter(()))  # networks are the same for all videos
TOLERANCE = 1e-3  # of the embeddings of the taught file and of its parts


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
    if not 0 <= colour < 1:
        raise UserError(f"--colour {colour}: expected a share, 0 or more and less than 1")
    assignments, out = split_assignments(set, ("label", "detector", "teacher")), Path(out)
    sources = [str(each) for each in ([videos] if isinstance(videos, str | Path) else [*videos])]
    maps, rest = split_maps(assignments[""])
    settings, labels = override(DiscriminantSettings(), rest), override(LabelSettings(), assignments["label"])
    config = DetectorConfig.from_options(detector, detector_format, classes, assignments["detector"], device)
    check_file(config.spec)
    jobs = make_jobs(sources, config, workers, dask)
    named_teacher = None if teacher is None else Teacher(str(teacher), tuple(assignments["teacher"]), device)
    read = [*jobs.videos.values(), *config.inputs(), *([] if teacher is None else [teacher])]
    refuse_overwriting((out / name for name in OUTPUTS), read)
    make_folder(out)
    graph, chosen, metadata = select_maps(config, maps)
    tapped = out / f"maps{graph.suffix}"
    graph.write(tapped, chosen, {**metadata, KIND_KEY: MAPS})
    selection = Selection(start, frames, every, (), appearance="none")
    maps_config = DetectorConfig(str(tapped), device=device)
    boxes, reports = collect_features(jobs, out, maps_config, selection, labels, named_teacher, quiet)
    check_detections(reports, config.classes)
    taught = learn_head(boxes, settings, colour, every, seed=seed)
    metadata |= taught.metadata() | {"trained_on": trained_on_notice(reports, "pseudo-labels of ")}
    model = write_taught(out, graph, chosen, taught, metadata)
    check = compare(config, str(tapped), str(model), taught, first_frame(next(iter(jobs.videos.values()))))
    report: dict[str, Any] = {
        "model": str(model),
        "maps": describe_maps(chosen),
        "tracklets": boxes.tracklet_count,
        "boxes": len(boxes),
        "videos": reports,
        "teacher": None if named_teacher is None else Path(named_teacher.spec).name,
        **describe_head(taught),
        **check,
    }
    report |= {"verdict": give_verdict(report), "advice": give_advice(boxes, reports)}
    options = str(detector), config.classes, detector_format or "", config.assignments
    report |= {
        "choice": name_next_step(is_better(report)),
        "next": next_commands(report, jobs.sources_of(reports, sources), *options),
    }
    write_report(out, report, taught)
    return report


def describe_maps(maps: Iterable[FeatureMap]) -> list[dict[str, Any]]:
    """Feature maps for the report."""
    return [{"name": each.name, "channels": each.channels, "stride": each.stride} for each in maps]


def write_report(folder: Path, report: dict[str, Any], taught: TaughtHead) -> None:
    """Write FOLDER/report.json and report.html."""
    write_text(folder / "report.json", json.dumps(report, indent=2, allow_nan=False) + "\n")
    write_text(folder / "report.html", render_report(report, taught))


def split_maps(assignments: Iterable[str]) -> tuple[list[str], list[str]]:
    """The tensor names of `maps=NAME,NAME`, and the other assignments."""
    named = [each for each in assignments if each.startswith("maps=")]
    names = [name.strip() for each in named for name in each.removeprefix("maps=").split(",") if name.strip()]
    return names, [each for each in assignments if each not in named]


def check_file(spec: str) -> None:
    """Raises UserError if a detector is not in a file that can be taught."""
    if not spec.lower().endswith(MODEL_SUFFIXES):
        raise UserError(f"{spec}: only MODEL.onnx and MODEL.xml (OpenVINO) can be taught")


def check_detections(reports: dict[str, Any], classes: str) -> None:
    """Raises UserError if nothing was detected in any frame."""
    if any(report["detections"] for report in reports.values()):
        return
    frames, what = sum(report["frames"] for report in reports.values()), f"--classes {classes}: " if classes else ""
    raise UserError(
        f"{what}nothing was detected in {frames} frames with a score of label.min_score or more: is it the right video"
        " and the right class? else ask for less (--set label.min_score=0.3)"
    )


def select_maps(config: DetectorConfig, names: list[str]) -> tuple[DetectorGraph, list[FeatureMap], dict[str, str]]:
    """The graph of a detector, the maps to read, and the metadata that files made of it share. Raises UserError."""
    detector = open_plain(config)
    graph = open_graph(Path(config.spec))
    maps = graph.feature_maps(detector.size_hw)
    chosen = named_maps(maps, names) if names else choose_maps(maps, config.spec)
    classes = [name for name in config.classes.split(",") if name.strip()]
    format_name = next(name for name, each in FORMATS.items() if each is detector.format)
    return (
        graph,
        chosen,
        {
            OUTPUTS_KEY: str(graph.output_count),
            FORMAT_KEY: format_name,
            SETTINGS_KEY: json.dumps(list(config.assignments)),
            CLASSES_KEY: json.dumps(classes),
            STRIPES_KEY: str(STRIPES),
        },
    )


def open_plain(config: DetectorConfig) -> OnnxDetector:
    """The detector of a file as its maker left it. Raises UserError if it is one of idfree's own."""
    detector = config.open()(NO_VIDEO)
    if not isinstance(detector, OnnxDetector) or isinstance(detector, DetectorWithMaps):
        raise UserError(f"{config.spec}: has embeddings already; expected a detector without")
    return detector


def open_graph(path: Path) -> DetectorGraph:
    """The graph of an ONNX or OpenVINO IR file. Raises UserError."""
    if is_ir(path):
        from idfree.teaching.openvino_graph import OpenVinoGraph

        return OpenVinoGraph(path)
    from idfree.teaching.onnx_graph import OnnxGraph

    return OnnxGraph(path)


def write_taught(
    out: Path, graph: DetectorGraph, maps: list[FeatureMap], taught: TaughtHead, metadata: dict[str, str]
) -> Path:
    """Write the graph with the head on its maps; return the path of the file."""
    path, channels = out / f"taught{graph.suffix}", sum(each.channels for each in maps)
    weight = taught.head.weight.reshape(STRIPES, channels, -1)  # stripe, channel, number of the embedding
    bias = -taught.head.mean @ taught.head.weight / STRIPES  # all stripes are added
    by_channel = np.ascontiguousarray(weight.transpose(1, 0, 2)).reshape(channels, -1)
    graph.write(path, maps, {**metadata, KIND_KEY: TAUGHT}, (by_channel, np.tile(bias, STRIPES)))
    return path


def first_frame(video: Path) -> Frame:
    """The first frame of a video that can be read. Raises UserError if there is none."""
    frame = next(iter(open_source(video)[0]), None)
    if frame is None:
        raise UserError(f"{video}: has no frame that can be read")
    return frame


def compare(config: DetectorConfig, tapped: str, model: str, taught: TaughtHead, frame: Frame) -> dict[str, Any]:
    """Compare a taught file with the untaught one and with its parts on a frame.

    Returns whether the boxes are "identical" bit by bit, and "embedding_error", the greatest difference of a number of
    an embedding. Raises UserError if that is above TOLERANCE.
    """
    plain, parts = open_plain(config), DetectorConfig(tapped).open()(NO_VIDEO)
    whole = DetectorConfig(model, assignments=("colour=false",)).open()(NO_VIDEO)
    assert isinstance(parts, DetectorWithMaps)
    assert isinstance(whole, TaughtDetector)
    expected, found = plain(frame).detections, whole(frame).detections
    pairs = ((expected.xyxy, found.xyxy), (expected.score, found.score), (expected.class_id, found.class_id))
    outputs = zip(plain.run(), whole.run(), strict=True)
    identical = all(np.array_equal(a, b) for a, b in [*pairs, *outputs])
    if not identical:
        LOG.warning("%s: its boxes differ in the last bits from those of %s", model, config.spec)
    parts(frame)
    assert parts.letterbox is not None
    boxes = parts.letterbox.to_input(found.xyxy)
    features = read_stripes(parts.map, boxes, parts.size_hw).reshape(len(found), -1)
    assert found.embedding is not None
    error = float(np.abs(taught.head(features) - found.embedding).max(initial=0))
    if error > TOLERANCE:
        raise UserError(f"{model}: its embeddings differ by {error:.2g} from those of its parts: a mistake of idfree's")
    return {"identical": identical, "embedding_error": error}
