"""score embeddings against the truth: TPR at a false accept rate, R1, mAP, by frame gap

example: idfree eval-appearance features MOT17/train     (features/NAME.npy: boxes and an embedding each)
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.eval import add_part, add_style, show
from idfree.errors import UserError

if TYPE_CHECKING:
    from idfree.types import Annotation


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    parser.add_argument("model", type=Path, help="a folder of NAME.npy with detections and embeddings, or one file")
    parser.add_argument("data", type=Path, help="a folder of MOTChallenge sequences, one of them, or a gt.txt")
    parser.add_argument("--min-iou", type=float, default=0.5, help="of a detection with the person that it is")
    add_part(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Score, and print the table; gives the figures by sequence."""
    from idfree.evaluation.reid import truth_of
    from idfree.score import pair
    from idfree.sequences.motchallenge import names_of
    from idfree.sequences.tables import read_boxes
    from idfree.show.tables import APPEARANCE, scores

    crops: dict[str, Annotation] = {}
    pairs = pair(options.model, options.data, options.half, options.every, read_boxes, ("{}.npy",), skip_missing=True)
    for each in pairs:
        if each.results.embedding is None:
            raise UserError(f"{each.names[1]}: has no embeddings; expected rows of 7 numbers and an embedding")
        crops[each.name] = truth_of(each.results, each.truth, options.min_iou)
    figures = {name: judge([one]) for name, one in crops.items()}
    if len(crops) > 1 and len({names_of(name)[-1] for name in crops}) == len(crops):  # the same footage counts once
        figures["COMBINED"] = judge(list(crops.values()))
    show(scores(figures, APPEARANCE), options)
    return figures


def judge(sequences: "list[Annotation]") -> dict[str, float | None]:
    """The figures of the crops of one or of several sequences."""
    import numpy as np

    from idfree.evaluation.reid import appearance

    columns = [
        np.concatenate([getattr(crops, name) for crops in sequences])
        for name in ("embedding", "id", "frame", "visibility")
    ]
    sequence = np.repeat(np.arange(len(sequences)), [len(crops) for crops in sequences])
    embedding, identity, frame, visibility = columns
    return appearance(embedding, identity, frame, sequence, visibility).figures()
