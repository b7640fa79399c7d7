"""evaluate detections against ground truth: average precision, by object size

example: idfree eval-detections MOT17/train MOT17/train    (each sequence's own det/det.txt)
         idfree eval-detections detections/yolox-x MOT17/train --half val
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.eval import add_first_frames, add_frame_subset, add_style, print_table


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "results", type=Path, help="folder of NAME.txt (.csv, .parquet, .npy), one file, or sequences with det/det.txt"
    )
    parser.add_argument("truth", type=Path, help="ground truth: MOTChallenge sequence, folder of sequences, or gt.txt")
    parser.add_argument(
        "--class-id", default="1", help="class of the ground truth, by number or name (default: 1, pedestrians)"
    )
    parser.add_argument("--min-iou", type=float, default=0.5, help="least IoU of a true positive (default: 0.5)")
    add_frame_subset(parser)
    add_first_frames(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate, and print a table; return the metrics by sequence."""
    from idfree.pipelines.evaluate import evaluate_detection
    from idfree.show.tables import DETECTION, score_table

    metrics = evaluate_detection(
        options.results,
        options.truth,
        class_id=options.class_id,
        min_iou=options.min_iou,
        half=options.half,
        every=options.every,
        frames=options.frames,
    )
    print_table(score_table(metrics, DETECTION), options.style, options.json)
    return metrics
