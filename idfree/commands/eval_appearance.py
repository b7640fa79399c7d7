"""evaluate embeddings against ground truth identities: TPR at FAR 0.1, R1 and mAP, by frame gap

example: idfree eval-appearance runs/street/appearance.onnx MOT17/train --every 5
         idfree eval-appearance runs/street/appearance.onnx Market-1501-v15.09.15
         idfree eval-appearance features MOT17/train     (features/NAME.npy: boxes and an embedding each)
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.data_options import IMAGES
from idfree.commands.eval import add_frame_subset, add_style, print_table


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    what = (
        "appearance model, run on the ground truth boxes: model.onnx, a tracker's best.pt, or colour; or stored "
        "embeddings of detections: NAME.npy or a folder of these"
    )
    parser.add_argument("model", type=Path, help=what)
    data = "MOTChallenge sequence, folder of sequences, or gt.txt; or Market-1501, MSMT17 or VeRi-776"
    parser.add_argument("data", type=Path, help=data)
    parser.add_argument("--images", type=Path, help=IMAGES)
    parser.add_argument(
        "--min-iou", type=float, default=0.5, help="least IoU of a detection and its ground truth (default: 0.5)"
    )
    add_frame_subset(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate, and print a table; return the metrics by sequence."""
    from idfree.pipelines.evaluate_appearance import evaluate_appearance
    from idfree.show.tables import APPEARANCE, score_table

    metrics = evaluate_appearance(
        options.model,
        options.data,
        images=options.images,
        min_iou=options.min_iou,
        half=options.half,
        every=options.every,
        device=options.device,
        quiet=options.quiet,
    )
    print_table(score_table(metrics, APPEARANCE), options.style, options.json)
    return metrics
