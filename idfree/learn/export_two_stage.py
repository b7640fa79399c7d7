"""Export of Faster R-CNN to ONNX: image → candidate boxes, and given boxes → regressed boxes, in one file.

The levels of the feature pyramid are outputs, too, at which `detectors.two_stage` cuts the graph in two.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.onnx_session import summarise_error
from idfree.core.version import __version__
from idfree.learn.export_encoder import OnnxInterface, write_onnx
from idfree.learn.export_tracker import (
    LARGEST,
    PLAIN_RUNTIME,
    TOLERANCES,
    TRACED,
    Rows,
    noise_image,
    output_differences,
    score_difference,
)
from idfree.learn.networks.faster_rcnn import FasterRcnn
from idfree.learn.networks.roi_align import exported_pool, pyramid_levels, translate_pool

COLUMNS = FasterRcnn.columns  # of candidates
LEVELS = ("level2", "level3", "level4", "level5")
REFINED = ("refined_boxes", "refined_scores")  # of given boxes
SIZE_MULTIPLE = 32
SHORTER, LONGER = 800, 1333  # px, greatest sides of the resized image (torchvision; Tracktor's detector)
PARITY_SIZES = ((64, 96), (96, 160))  # (height, width) of the images that runtimes are compared on
GIVEN_BOXES = 20  # that they are compared on


class ExportedTwoStage(nn.Module):
    """image uint8 (1, H, W, 3) BGR and proposals (N, 4) in its pixels → COLUMNS, LEVELS, REFINED.

    See FasterRcnn for the shapes.
    """

    def __init__(self, network: FasterRcnn):
        super().__init__()
        self.network = network
        network.pool = pool_exported

    def forward(self, image: Tensor, proposals: Tensor) -> tuple[Tensor, ...]:
        """COLUMNS, LEVELS and REFINED of an image (1, H, W, 3) and proposals (N, 4), xyxy in pixels."""
        bgr = image.permute(0, 3, 1, 2)  # 1 H W 3 -> 1 3 H W
        levels = self.network.levels(bgr)
        found = self.network.detect(levels, bgr.shape[2:])
        return *(found[name] for name in COLUMNS), *levels[:-1], *self.network.refine(levels, proposals)


def pool_exported(levels: Sequence[Tensor], boxes: Tensor) -> Tensor:
    """`pool_regions` as one operator."""
    level2, level3, level4, level5 = levels
    return exported_pool(level2, level3, level4, level5, boxes, pyramid_levels(boxes))


def export_two_stage(network: FasterRcnn, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a two-stage detector; H and W of its image are dynamic, multiples of 32, and so is N of its proposals.

    metadata: names of classes …, added to kind, version, names of the levels, and the size of images. The file is
    written only if ONNX Runtime and PyTorch agree. Raises MissingExtra without onnx and onnxscript, and UserError if
    the two disagree.
    """
    exported = ExportedTwoStage(copy.deepcopy(network)).cpu().float().eval()
    own_metadata = {
        "idfree.kind": network.kind,
        "idfree.version": __version__,
        "needs": f"onnxruntime>={PLAIN_RUNTIME}",
    }
    with atomic_write(path) as partial:
        write_onnx(exported, make_inputs(TRACED), partial, own_metadata | complete_metadata(metadata), make_interface())
        for size_hw in PARITY_SIZES:
            check_parity(exported, make_inputs(size_hw), partial, path)


def complete_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata with the names of the levels and the greatest sides of images: of `size` (HEIGHTxWIDTH) if known."""
    sides = sorted(map(int, metadata["size"].split("x"))) if "size" in metadata else [SHORTER, LONGER]
    names = {"idfree.levels": ",".join(LEVELS), "shorter": str(sides[0]), "longer": str(sides[1])}
    return names | dict(metadata)


def make_interface() -> OnnxInterface:
    """Inputs and outputs of the graph, with the translation of the pooling."""
    sides = {k: SIZE_MULTIPLE * torch.export.Dim(name, min=1, max=LARGEST) for k, name in ((1, "h"), (2, "w"))}
    inputs = {"image": sides, "proposals": {0: torch.export.Dim("N")}}
    names = {"image": {1: "H", 2: "W"}, "proposals": {0: "N"}, **{name: {0: "N"} for name in REFINED}}
    outputs = (*COLUMNS, *LEVELS, *REFINED)
    return OnnxInterface(inputs, outputs, names, translations={torch.ops.idfree.pool_regions.default: translate_pool})


def make_inputs(size_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """An image of noise, and boxes of all sizes in it."""
    height, width = size_hw
    random = np.random.default_rng(0)
    corners = random.random((GIVEN_BOXES, 2, 2)) * (width, height)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return noise_image(height, width), torch.from_numpy(boxes.astype(np.float32))


def check_parity(exported: ExportedTwoStage, inputs: tuple[Tensor, Tensor], partial: Path, path: Path) -> None:
    """Raises UserError if ONNX Runtime cannot run the file `partial`, or if its outputs differ from PyTorch's."""
    import onnxruntime

    names = (*COLUMNS, *LEVELS, *REFINED)
    with torch.inference_mode():
        expected = dict(zip(names, (tensor.numpy() for tensor in exported(*inputs)), strict=True))
    feed = {name: each.numpy() for name, each in zip(("image", "proposals"), inputs, strict=True)}
    try:
        session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])
        actual = dict(zip(names, session.run(list(names), feed), strict=True))
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise UserError(f"{path}: not written, as ONNX Runtime cannot run it: {summarise_error(error)}") from error
    for name, difference in differences(actual, expected).items():
        if not difference <= TOLERANCES[name]:
            raise UserError(
                f"{path}: not written, as ONNX Runtime and PyTorch differ by {difference:.2g} in {name}, "
                f"more than {TOLERANCES[name]:g}"
            )


def differences(actual: Rows, expected: Rows) -> dict[str, float]:
    """Differences in boxes and scores: of candidates, as `output_differences`, and the greatest of given boxes."""
    of_candidates = output_differences(*({name: rows[name] for name in COLUMNS} for rows in (actual, expected)))
    of_candidates["scores"] = max(of_candidates["scores"], score_difference(expected["scores"], actual["scores"]))
    return {
        name: max(difference, float(np.abs(actual[f"refined_{name}"] - expected[f"refined_{name}"]).max()))
        for name, difference in of_candidates.items()
    }
