"""Evaluate appearance embeddings against ground truth identities: verification and retrieval, by frame gap."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from idfree.core.errors import UserError
from idfree.core.onnx_session import MODEL_SUFFIXES
from idfree.core.progress import progress
from idfree.core.types import Annotation
from idfree.datasets.labelled_video import check_one_video
from idfree.datasets.motchallenge_labels import has_images, read_sequence
from idfree.datasets.reid_crops import is_reid
from idfree.evaluation.frame_subset import select_every_nth, select_half
from idfree.evaluation.reid import assign_identities, evaluate_embeddings
from idfree.evaluation.reid_by_size import evaluate_by_size
from idfree.pipelines.evaluate import COMBINED
from idfree.pipelines.paired_results import Half, find_ground_truth, pair_results
from idfree.pipelines.training.missing_images import report_missing
from idfree.pipelines.training.reid_data import evaluate_on_reid
from idfree.sequences.motchallenge import candidate_names, read_ground_truth
from idfree.sequences.tables import read_boxes

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder
    from idfree.learn.networks.box_embedder import BoxEmbedder

MODELS = (*MODEL_SUFFIXES, ".pt")
GROUND_TRUTH_FILES = ("{}/gt/gt.txt", "gt/gt.txt")  # of a sequence, in a folder
PEDESTRIAN = 1

Metrics = dict[str, float | None]


def evaluate_appearance(
    model: str | Path,
    truth: str | Path,
    *,
    images: str | Path | None = None,
    min_iou: float = 0.5,
    half: Half = "none",
    every: int = 1,
    device: str = "auto",
    quiet: bool = True,
) -> dict[str, Metrics]:
    """Metrics of embeddings (see EmbeddingMetrics) by sequence, and COMBINED if there are several different videos.

    Arguments as in `load_embeddings`; truth may also be a folder of Market-1501 or MSMT17, whose queries are compared
    with its gallery. Raises UserError.
    """
    if is_reid(truth):
        if not is_model(model) or half != "none" or every != 1:
            raise UserError(
                f"{truth}: has crops, for which a model is needed (.onnx, .pt, colour), and no half or every"
            )
        return evaluate_on_reid(open_model(Path(model), device), Path(truth), quiet)
    boxes = load_embeddings(
        model, truth, images=images, min_iou=min_iou, half=half, every=every, device=device, quiet=quiet
    )
    metrics = {name: embedding_metrics([annotation]) for name, annotation in boxes.items()}
    if len(boxes) > 1 and len({candidate_names(name)[-1] for name in boxes}) == len(boxes):
        metrics[COMBINED] = embedding_metrics(list(boxes.values()))
    return metrics


def load_embeddings(
    model: str | Path,
    truth: str | Path,
    *,
    images: str | Path | None = None,
    min_iou: float = 0.5,
    half: Half = "none",
    every: int = 1,
    device: str = "auto",
    quiet: bool = True,
) -> dict[str, Annotation]:
    """Boxes with embeddings and ground truth identities, by sequence.

    model: `colour`, MODEL.onnx or RUN/best.pt, which embeds the ground truth boxes; or a folder of NAME.npy (or one
    file) with detections and their embeddings. truth: a folder of MOTChallenge sequences, one of them, or a gt.txt.
    images: the video, or folder of images or videos, if not beside the ground truth. min_iou: of a detection with the
    ground truth whose identity it gets. half, every: as in `evaluate`. Raises UserError.
    """
    model, truth = Path(model), Path(truth)
    if is_model(model):
        encoder = open_model(model, device)
        return compute_embeddings(encoder, truth, None if images is None else Path(images), half, every, quiet)
    return read_embeddings(model, truth, min_iou, half, every)


def is_model(model: str | Path) -> bool:
    """Whether a model is named, not a file or folder of embeddings."""
    return Path(model).suffix in MODELS or str(model) == "colour"


def read_embeddings(features: Path, truth: Path, min_iou: float, half: Half, every: int) -> dict[str, Annotation]:
    """Detections and embeddings from NAME.npy, with the identities of matched ground truth, by sequence."""
    boxes = {}
    for pair in pair_results(features, truth, half, every, read_boxes, ("{}.npy",), skip_missing=True):
        if pair.results.embedding is None:
            raise UserError(f"{pair.files[1]}: has no embeddings; expected rows of 7 numbers and an embedding")
        boxes[pair.name] = assign_identities(pair.results, pair.ground_truth, min_iou)
    return boxes


def compute_embeddings(
    encoder: "Encoder | BoxEmbedder", truth: Path, images: Path | None, half: Half, every: int, quiet: bool
) -> dict[str, Annotation]:
    """Ground truth boxes of people, with embeddings computed from the images of the sequences, by sequence."""
    boxes_by_name = {}
    folders = {name: path.parent.parent for name, path in find_ground_truth(truth).items()}
    check_one_video(images, len({candidate_names(name)[-1] for name in folders}))
    missing = [name for name, folder in folders.items() if not has_images(folder, images)]
    report_missing(missing, len(folders), images)
    for pair in pair_results(truth, truth, half, every, read_ground_truth, GROUND_TRUTH_FILES):
        if pair.name in missing:
            continue
        footage, boxes = read_sequence(folders[pair.name], images), pair.ground_truth
        boxes = boxes[(boxes.score != 0) & (boxes.class_id <= PEDESTRIAN)]
        numbers = source_frame_numbers(footage.length, half, every)
        embedding = np.zeros((len(boxes), encoder.dimension), dtype=np.float32)
        position = {number: k for k, number in enumerate(numbers, start=1)}
        is_read = np.zeros(len(boxes), dtype=bool)
        for number, image in footage.readable(progress(numbers, f"{pair.name}: embedding", len(numbers), quiet)):
            rows = boxes.rows_at(position[number])
            embedding[rows] = encoder(image, boxes.xyxy[rows])
            is_read[rows] = True
        boxes_by_name[pair.name] = replace(boxes, embedding=embedding)[is_read]
    return boxes_by_name


def open_model(model: Path, device: str = "auto") -> "Encoder | BoxEmbedder":
    """Open a crop network, the colour histogram, or the embedding head of a checkpoint. Raises UserError."""
    if model.suffix == ".pt":
        from idfree.learn.methods.registry import open_box_embedder

        return open_box_embedder(model, device)
    from idfree.appearance import open_encoder

    return open_encoder(str(model), device=device)


def source_frame_numbers(length: int, half: Half, every: int) -> list[int]:
    """Frame numbers in the video of the frames that `half` and `every` select (which are renumbered from 1)."""
    numbers = np.arange(1, length + 1)
    ones = np.ones(length)
    boxes = np.tile([0.0, 0.0, 1.0, 1.0], (length, 1))
    frames = Annotation(numbers, numbers, boxes, ones, numbers, ones)  # ids are the numbers in the video
    if half != "none":
        frames, length = select_half(frames, length, half)
    return [int(number) for number in select_every_nth(frames, every, length)[0].id]


def embedding_metrics(boxes: list[Annotation]) -> Metrics:
    """Metrics of boxes with embeddings and identities, of one sequence or several."""
    embedding, identity, frame, visibility = (
        np.concatenate([getattr(annotation, name) for annotation in boxes])
        for name in ("embedding", "id", "frame", "visibility")
    )
    sequence = np.repeat(np.arange(len(boxes)), [len(annotation) for annotation in boxes])
    by_size = evaluate_by_size(embedding, identity, frame, sequence, np.concatenate([each.xyxy for each in boxes]))
    return evaluate_embeddings(embedding, identity, frame, sequence, visibility).metrics() | by_size
