"""Plots and statistics of embeddings with ground truth identities, for visual inspection."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.files import write_bytes
from idfree.core.types import Annotation, Image
from idfree.core.wording import counted
from idfree.pipelines.evaluate_appearance import embedding_metrics, load_embeddings
from idfree.pipelines.paired_results import Half
from idfree.show import embeddings

METRICS = ("R1", "mAP", "TPR@0.1", "d_prime", "crops", "people")  # of EmbeddingMetrics


def plot_embeddings(
    model: str | Path,
    truth: str | Path,
    out: str | Path,
    *,
    points: int = 1000,
    gap: int = 20,
    images: str | Path | None = None,
    min_iou: float = 0.5,
    half: Half = "none",
    every: int = 1,
    device: str = "auto",
    quiet: bool = True,
) -> dict[str, dict[str, Any]]:
    """Write plots of the embeddings of each sequence to the folder `out`; return statistics and paths by sequence.

    points: number of boxes in the t-SNE plot at most, evenly over time. gap: frames between the two of the matching
    matrix at most. The other arguments are as in `load_embeddings`. Raises UserError.
    """
    if points < 1 or gap < 1:
        raise UserError(f"--points {points} --gap {gap}: expected 1 or more")
    boxes = load_embeddings(
        model, truth, images=images, min_iou=min_iou, half=half, every=every, device=device, quiet=quiet
    )
    return {name: plot_sequence(name, annotation, Path(out), points, gap) for name, annotation in boxes.items()}


def plot_sequence(name: str, boxes: Annotation, out: Path, points: int, gap: int) -> dict[str, Any]:
    """Write the plots of a sequence; return statistics and paths. Raises UserError if no box has an identity."""
    identified = boxes[boxes.id >= 0]
    if not len(identified):
        raise UserError(f"{name}: none of {counted(len(boxes), 'box')} is somebody of whom the truth tells")
    sample = embeddings.sample_evenly(identified, points)
    same, other = embeddings.pair_cosines(sample)
    metrics = embedding_metrics([identified])
    statistics: dict[str, Any] = {key: value for key, value in metrics.items() if key in METRICS}
    statistics |= {"similarity_same": mean(same), "similarity_other": mean(other)}
    title = f"{name}: {counted(len(sample), 'box')} of {counted(len(set(sample.id.tolist())), 'person', 'people')}"
    plots = {
        "tsne": embeddings.draw_tsne(sample, title),
        "distances": embeddings.draw_distances(same, other, f"{name}: cosine distances"),
    }
    if frames := embeddings.choose_frames(identified, gap):
        matrix = embeddings.match_frames(identified, frames)
        statistics |= {"frames": list(frames), **matrix.metrics}
        plots["matrix"] = embeddings.draw_matrix(matrix, f"{name}: frames {frames[0]} and {frames[1]}")
    paths = {kind: write_image(plot, out / f"{name}-{kind}.png") for kind, plot in plots.items()}
    return {**statistics, "plots": paths}


def mean(values: NDArray[np.floating[Any]]) -> float | None:
    """Mean; None without values."""
    return float(values.mean()) if len(values) else None


def write_image(image: Image, path: Path) -> str:
    """Write an image atomically; return its path."""
    write_bytes(path, cv2.imencode(".png", image)[1].tobytes())
    return str(path)
