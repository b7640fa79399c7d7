"""score embeddings against the truth: TPR at a false accept rate, R1, mAP, by frame gap

example: idfree eval-appearance runs/street/appearance.onnx MOT17/train --every 5
         idfree eval-appearance features MOT17/train     (features/NAME.npy: boxes and an embedding each)
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.data import IMAGES
from idfree.commands.eval import add_part, add_style, show
from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder
    from idfree.core.types import Annotation
    from idfree.learn.networks.box_embedder import BoxEmbedder

MODELS = (".onnx", ".pt")


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    what = (
        "model.onnx, a tracker's best.pt, or colour, on the truth's own boxes; or a folder of NAME.npy (detections, "
        "embeddings), or one file"
    )
    parser.add_argument("model", type=Path, help=what)
    parser.add_argument("data", type=Path, help="a folder of MOTChallenge sequences, one of them, or a gt.txt")
    parser.add_argument("--images", type=Path, help=IMAGES)
    parser.add_argument("--min-iou", type=float, default=0.5, help="of a detection with the person that it is")
    add_part(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Score, and print the table; gives the figures by sequence."""
    from idfree.sequences.motchallenge import names_of
    from idfree.show.tables import APPEARANCE, scores

    crops = looked_at(options)
    figures = {name: judge([one]) for name, one in crops.items()}
    if len(crops) > 1 and len({names_of(name)[-1] for name in crops}) == len(crops):  # the same footage counts once
        figures["COMBINED"] = judge(list(crops.values()))
    show(scores(figures, APPEARANCE), options)
    return figures


def looked_at(options: argparse.Namespace) -> "dict[str, Annotation]":
    """People of each sequence with embeddings, by a model, or from files."""
    of_model = options.model.suffix in MODELS or str(options.model) == "colour"
    return described(options) if of_model else stored(options)


def stored(options: argparse.Namespace) -> "dict[str, Annotation]":
    """Detections with embeddings from files, and who each of them is."""
    from idfree.evaluation.reid import truth_of
    from idfree.pipelines.evaluate import pair
    from idfree.sequences.tables import read_boxes

    crops = {}
    pairs = pair(options.model, options.data, options.half, options.every, read_boxes, ("{}.npy",), skip_missing=True)
    for each in pairs:
        if each.results.embedding is None:
            raise UserError(f"{each.names[1]}: has no embeddings; expected rows of 7 numbers and an embedding")
        crops[each.name] = truth_of(each.results, each.truth, options.min_iou)
    return crops


def described(options: argparse.Namespace) -> "dict[str, Annotation]":
    """The people of the truth, as a model describes them in the sequences' own images."""
    import numpy as np

    from idfree.core.progress import progress
    from idfree.datasets.motchallenge_labels import read_sequence
    from idfree.pipelines.evaluate import pair, truths
    from idfree.sequences.motchallenge import read_truth

    encoder, crops = open_model(options), {}
    folders = {name: path.parent.parent for name, path in truths(options.data).items()}
    for each in pair(
        options.data, options.data, options.half, options.every, read_truth, ("{}/gt/gt.txt", "gt/gt.txt")
    ):
        # Frames are numbered anew by a half or by steps; the source's own number is looked up through the same cut.
        footage, boxes = read_sequence(folders[each.name], options.images), each.truth
        boxes = boxes[(boxes.score != 0) & (boxes.class_id <= 1)]
        numbers = source_numbers(footage.length, options)
        embedding = np.zeros((len(boxes), encoder.dimension), dtype=np.float32)
        for k, number in enumerate(progress(numbers, each.name, len(numbers), options.quiet), start=1):
            rows = boxes.rows_at(k)
            embedding[rows] = encoder(footage.image(number), boxes.xyxy[rows])
        crops[each.name] = replace(boxes, embedding=embedding)
    return crops


def open_model(options: argparse.Namespace) -> "Encoder | BoxEmbedder":
    """What describes boxes: a crop network, colour, or a one-shot tracker's checkpoint. Raises UserError."""
    if options.model.suffix == ".pt":
        from idfree.learn.methods.registry import open_looks

        return open_looks(options.model, options.device)
    from idfree.appearance import open_encoder

    return open_encoder(str(options.model), device=options.device)


def source_numbers(length: int, options: argparse.Namespace) -> list[int]:
    """The source's numbers of the frames that --half and --every leave, in order."""
    import numpy as np

    from idfree.core.types import Annotation
    from idfree.evaluation.frame_subset import every, half

    numbers = np.arange(1, length + 1)
    one = np.ones(length)
    boxes = np.tile([0.0, 0.0, 1.0, 1.0], (length, 1))
    frames = Annotation(numbers, numbers, boxes, one, numbers, one)  # whose ids are their numbers
    if options.half != "none":
        frames, length = half(frames, length, options.half)
    return [int(n) for n in every(frames, options.every, length)[0].id]


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
