"""score detections against the truth: average precision, by size

example: idfree eval-detections MOT17/train MOT17/train    (each sequence's own det/det.txt)
         idfree eval-detections detections/yolox-x MOT17/train --half val
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.eval import add_part, add_style, show


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    parser.add_argument(
        "results", type=Path, help="a folder of NAME.txt (.csv, .parquet, .npy), one file, or sequences"
    )
    parser.add_argument("truth", type=Path, help="a folder of MOTChallenge sequences, one of them, or a gt.txt")
    parser.add_argument("--class-id", type=int, default=1, help="of the truth's boxes to be found (default: 1, people)")
    parser.add_argument("--min-iou", type=float, default=0.5, help="of a detection with the box that it finds")
    add_part(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Score, and print the table; gives the figures by sequence."""
    from idfree.evaluation.detection import PrecisionRecall, by_size, figures_by_size
    from idfree.pipelines.evaluate import pair
    from idfree.sequences.tables import SUFFIXES, read_boxes
    from idfree.show.tables import DETECTION, scores

    layouts = (*("{}" + suffix for suffix in SUFFIXES), "{}/det/det.txt")
    per_sequence = {
        each.name: by_size(each.results, each.truth, options.class_id, options.min_iou)
        for each in pair(options.results, options.truth, options.half, options.every, read_boxes, layouts)
    }
    sizes = next(iter(per_sequence.values()))
    combined = {size: sum((each[size] for each in per_sequence.values()), PrecisionRecall()) for size in sizes}
    figures = {name: figures_by_size(each) for name, each in {**per_sequence, "COMBINED": combined}.items()}
    show(scores(figures, DETECTION), options)
    return figures
