"""Videos of the experiments, their ground truth, and the scores of tracks at several frame rates.

Paths are below the folder of data sets, `--data`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

import idfree
from idfree.core.types import Annotation
from idfree.evaluation.frame_subset import select_half
from idfree.sequences.motchallenge import read_ground_truth, read_seqinfo

TRUTH = {  # by video: the folder with gt/gt.txt and the public detections, det/det.txt
    "TUD-Campus": "MOT15/train/TUD-Campus",
    "ETH-Sunnyday": "moving/ETH-Sunnyday",
    "KITTI-17": "MOT15/train/KITTI-17",
    "PETS09-S2L1": "MOT15/train/PETS09-S2L1",
    "MOT17-09": "MOT17/train/MOT17-09-SDP",
    "MOT17-04": "MOT17/train/MOT17-04-SDP",
}
MOVING = ("ETH-Sunnyday", "KITTI-17")  # the camera moves
TRAINING = ("MOT17-04", "MOT17-09", "PETS09-S2L1")  # networks are trained on first halves, evaluated on second ones
EVERY = (1, 3, 5)  # frame steps of evaluations


def video_path(data: Path, name: str) -> Path:
    """The video of a name in TRUTH: a file, or a folder of MOTChallenge."""
    return data / "moving" / name if name == "ETH-Sunnyday" else data / "videos" / f"{name}.mp4"


def second_half(data: Path, folder: str) -> tuple[Annotation, int]:
    """Ground truth of the second half of a sequence, numbered from frame 1, and its number of frames."""
    truth = read_ground_truth(data / folder / "gt" / "gt.txt")
    return select_half(truth, read_seqinfo(data / folder).length, "val")


def pedestrians(truth: Annotation) -> Annotation:
    """The annotated people that count in an evaluation."""
    return truth[(truth.score > 0) & (truth.class_id == 1)]


def track_at_steps(
    video: Path, out: Path, truth: Path, keys: Sequence[str] = ("IDF1", "HOTA"), half: str = "none", **options: object
) -> list[list[float]]:
    """Metrics in percent for each step in EVERY: every n-th frame is tracked and evaluated.

    Args:
        out: tracks are written to the folders OUT-1, OUT-3 and OUT-5.
        truth: folder of the ground truth.
        half: "val" to evaluate the second half alone.
        options: of `idfree.track_videos`.
    """
    scores = []
    for every in EVERY:
        folder = out.with_name(f"{out.name}-{every}")
        idfree.track_videos(video, folder, every=every, **options)
        (tracks,) = folder.glob("*.txt")
        metrics = idfree.evaluate(tracks, truth, half=half, every=every)["COMBINED"]
        scores.append([100 * metrics[key] for key in keys])
    return scores


STEP_TITLES = ("IDF1 at every 1st / 3rd / 5th frame", "mean IDF1", "mean HOTA")


def step_cells(scores: Iterable[Iterable[float]]) -> tuple[str, str, str]:
    """Cells below STEP_TITLES. scores: (IDF1, HOTA) for each step."""
    idf1, hota = np.array(scores).T
    return " / ".join(f"{value:.1f}" for value in idf1), f"{idf1.mean():.1f}", f"{hota.mean():.1f}"


def file_name(title: str) -> str:
    """A row's title as the name of a file or folder."""
    return title.replace(" ", "_").replace(",", "")
