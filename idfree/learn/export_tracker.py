"""Export of one-shot trackers to ONNX, decoding included: image → boxes, scores, classes, embeddings, occlusions."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.onnx_session import summarise_error
from idfree.core.version import __version__
from idfree.learn.export_encoder import OnnxInterface, write_onnx
from idfree.learn.networks.deformable import DeformableConv
from idfree.learn.networks.tracker import SIZE_MULTIPLE, TrackerNetwork
from idfree.learn.tensors import Tensors

DEFORM_OPSET = 19  # the first with DeformConv
OUTPUTS = ("boxes", "scores", "classes", "embedding")
OCCLUSIONS = "occlusions"  # the output after these, of networks with occlusion heads
DIM_NAMES = {"image": {1: "H", 2: "W"}, OCCLUSIONS: {0: "M"}, **{name: {0: "K"} for name in OUTPUTS}}
TRACED = (288, 416)  # of the image that is traced: no map of a pyramid has a side of 1, which would become a constant
LARGEST = 4096  # of H and W in multiples of 32: the exporter requires a bound
DEFORM_RUNTIME, PLAIN_RUNTIME = "1.25", "1.17"  # first ONNX Runtime with DeformConv on CPU; the package's minimum
# Between PyTorch and ONNX Runtime: pixels, probabilities, elements of unit vectors.
TOLERANCES = {"boxes": 0.05, "scores": 1e-3, "embedding": 1e-3}
AGREEING = 0.99  # required fraction of boxes: of two equal neighbours, rounding decides which is the peak

Rows = Mapping[str, NDArray[Any]]  # columns OUTPUTS of detections


class ExportedTracker(nn.Module):
    """An image, uint8 (1, H, W, 3) BGR → boxes (K, 4), scores (K,), classes (K,), embedding (K, D); and occlusions
    (M, 3) if the network has heads for them.
    """

    def __init__(self, network: TrackerNetwork):
        super().__init__()
        self.network = network
        self.outputs = (*OUTPUTS, OCCLUSIONS) if network.has_occlusions else OUTPUTS

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.decode(self.maps(image))

    def decode(self, maps: Tensors) -> tuple[Tensor, ...]:
        """The outputs of the graph from the network's maps."""
        detections = self.network.decode(maps)
        return tuple(detections[name][0] for name in self.outputs)

    def maps(self, image: Tensor) -> Tensors:
        """The network's maps in float32."""
        maps = self.network.maps(image.permute(0, 3, 1, 2))  # 1 H W 3 -> 1 3 H W
        return {name: each.float() for name, each in maps.items()}

    def candidates(self, image: Tensor) -> Rows:
        """All rows that `forward` may give: see `TrackerNetwork.candidates`."""
        candidates = self.network.candidates(self.maps(image))
        return {name: candidates[name][0].numpy() for name in self.outputs}


def export_tracker(network: TrackerNetwork, path: Path, metadata: Mapping[str, str], size_hw: tuple[int, int]) -> None:
    """Write a one-shot tracker: input `image` uint8 (1, H, W, 3) BGR, letterboxed; H and W dynamic, multiples of 32.

    Outputs `boxes` (K, 4) xyxy in input pixels, by descending score, `scores` (K,), `classes` (K,) int64, `embedding`
    (K, D) of unit length; with occlusion heads `occlusions` (M, 3): x, y, score. metadata: method, limit, farthest,
    trained_on …, added to kind, version, dimension, size (HEIGHTxWIDTH of training), stride and needs. The file is
    written only if ONNX Runtime and PyTorch agree on images
    of two sizes. Raises MissingExtra without onnx and onnxscript, and UserError if the size is not a multiple of 32, if
    ONNX Runtime cannot run the network, and if the two disagree.
    """
    height, width = size_hw
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE or min(size_hw) <= 0:
        raise UserError(f"{path}: not written: size is {width}x{height}, expected multiples of {SIZE_MULTIPLE}")
    tracker = ExportedTracker(copy.deepcopy(network)).cpu().float().eval()
    tracker.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    own_metadata = {
        "idfree.kind": "tracker",
        "idfree.version": __version__,
        "dimension": str(network.dimension),
        "size": f"{height}x{width}",
        "stride": str(network.stride),
        "needs": f"onnxruntime>={DEFORM_RUNTIME if has_deformable(network) else PLAIN_RUNTIME}",
    }
    images = [noise_image(height, width), noise_image(height + SIZE_MULTIPLE, width + 2 * SIZE_MULTIPLE)]
    with atomic_write(path) as partial:
        write_onnx(tracker, noise_image(*TRACED), partial, own_metadata | dict(metadata), tracker_interface(tracker))
        for image in images:
            check_parity(tracker, image, partial, path)


def tracker_interface(tracker: ExportedTracker) -> OnnxInterface:
    """Inputs and outputs of the graph; with the translation of deformable convolutions if there are any."""
    sides = {k: SIZE_MULTIPLE * torch.export.Dim(name, min=1, max=LARGEST) for k, name in ((1, "h"), (2, "w"))}
    if not has_deformable(tracker):
        return OnnxInterface("image", sides, tracker.outputs, DIM_NAMES)
    translations = {torch.ops.idfree.deformable_conv.default: translate_deform_conv}
    return OnnxInterface("image", sides, tracker.outputs, DIM_NAMES, DEFORM_OPSET, translations)


def has_deformable(network: nn.Module) -> bool:
    """Whether the network has deformable convolutions, which older versions of ONNX Runtime do not support."""
    return any(isinstance(module, DeformableConv) for module in network.modules())


def translate_deform_conv(x: Any, offset: Any, mask: Any, weight: Any, bias: Any) -> Any:
    """The ONNX operator of `idfree::deformable_conv`."""
    from onnxscript import opset19

    return opset19.DeformConv(x, weight, offset, bias, mask, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def noise_image(height: int, width: int) -> Tensor:
    """An image (1, height, width, 3) of coarse and fine noise."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 192, (1, height // SIZE_MULTIPLE, width // SIZE_MULTIPLE, 3), dtype=np.uint8)
    coarse = coarse.repeat(SIZE_MULTIPLE, axis=1).repeat(SIZE_MULTIPLE, axis=2)
    return torch.from_numpy(coarse + random.integers(0, 64, coarse.shape, dtype=np.uint8))


def check_parity(tracker: ExportedTracker, image: Tensor, partial: Path, path: Path) -> None:
    """Raises UserError if ONNX Runtime cannot run the file `partial`, or if its outputs differ from PyTorch's."""
    import onnxruntime

    with torch.inference_mode():
        expected = dict(zip(tracker.outputs, (tensor.numpy() for tensor in tracker(image)), strict=True))
        candidates = tracker.candidates(image)
    try:
        session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])
        actual = dict(zip(tracker.outputs, session.run(list(tracker.outputs), {"image": image.numpy()}), strict=True))
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        hint = f"; deformable convolution needs {DEFORM_RUNTIME} or newer" if has_deformable(tracker) else ""
        raise UserError(
            f"{path}: not written, as ONNX Runtime {onnxruntime.__version__} cannot run it{hint}: "
            f"{summarise_error(error)}"
        ) from error
    differences = output_differences(columns(actual), columns(candidates))
    differences["scores"] = max(differences["scores"], score_difference(expected["scores"], actual["scores"]))
    if OCCLUSIONS in expected:
        points = output_differences(as_rows(actual[OCCLUSIONS]), as_rows(candidates[OCCLUSIONS]))
        differences |= {name: max(differences[name], points[name]) for name in differences}
    for name, difference in differences.items():
        if not difference <= TOLERANCES[name]:
            raise UserError(
                f"{path}: not written, as ONNX Runtime and PyTorch differ by {difference:.2g} in {name}, "
                f"more than {TOLERANCES[name]:g}"
            )


def columns(outputs: Rows) -> Rows:
    """The columns of detections."""
    return {name: outputs[name] for name in OUTPUTS}


def as_rows(occlusions: NDArray[Any]) -> Rows:
    """Occlusion centres (M, 3) in the columns of detections: boxes without size."""
    place, count = occlusions[:, [0, 1, 0, 1]], len(occlusions)
    return {
        "boxes": place,
        "scores": occlusions[:, 2],
        "classes": np.zeros(count, dtype=np.int64),
        "embedding": np.zeros((count, 1)),
    }


def output_differences(found: Rows, candidates: Rows) -> dict[str, float]:
    """The AGREEING quantile of the differences in boxes, scores and embedding between each detection found and the
    most similar of the candidates of its class. Order is not compared, as rounding changes it; nor are padding rows of
    score 0.
    """
    found = {name: rows[found["scores"] > 0] for name, rows in found.items()}
    if not len(found["scores"]):
        return dict.fromkeys(TOLERANCES, 0.0)
    nearest = np.array(
        [most_similar({name: rows[k] for name, rows in found.items()}, candidates) for k in range(len(found["scores"]))]
    )
    return {
        name: float(
            np.quantile(
                np.abs(found[name] - candidates[name][nearest]).reshape(len(nearest), -1).max(axis=1),
                AGREEING,
                method="lower",
            )
        )
        for name in TOLERANCES
    }


def most_similar(row: Mapping[str, NDArray[Any]], candidates: Rows) -> int:
    """The number of the candidate of the row's class of nearest box and score, in units of TOLERANCES."""
    box = np.abs(candidates["boxes"] - row["boxes"]).max(axis=1) / TOLERANCES["boxes"]
    score = np.abs(candidates["scores"] - row["scores"]) / TOLERANCES["scores"]
    return int(np.where(candidates["classes"] == row["classes"], np.maximum(box, score), np.inf).argmin())


def score_difference(expected: NDArray[Any], actual: NDArray[Any]) -> float:
    """The largest difference of descending scores (K,); infinite if their numbers differ."""
    return float(np.abs(expected - actual).max(initial=0)) if len(expected) == len(actual) else np.inf
