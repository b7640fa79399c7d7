"""Export of one-shot trackers to ONNX, decoding included: image → boxes, scores, classes, embeddings, occlusions.

CenterTrack's networks also take the previous image and its heatmap, and return displacements in place of embeddings.
"""

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
OUTPUTS = ("boxes", "scores", "classes", "embedding")  # outputs of networks with embeddings
OCCLUSIONS = "occlusions"  # last output of networks with occlusion heads
TRACED = (288, 416)  # (height, width) of the traced image: a map with a side of 1 would become a constant of the graph
LARGEST = 4096  # upper bound of H and W in multiples of 32, which the exporter requires
DEFORM_RUNTIME, PLAIN_RUNTIME = "1.25", "1.17"  # first ONNX Runtime with DeformConv on CPU; the package's minimum
# Maximum differences of PyTorch and ONNX Runtime: pixels, probabilities, elements of unit vectors, pixels.
TOLERANCES = {"boxes": 0.05, "scores": 1e-3, "embedding": 1e-3, "displacement": 0.05}
AGREEING = 0.99  # fraction of boxes that must agree: rounding decides which of two equal neighbours is the peak

Rows = Mapping[str, NDArray[Any]]  # columns of detections


class ExportedTracker(nn.Module):
    """The exported graph: image uint8 (1, H, W, 3) BGR → the network's `columns` without the batch dimension.

    Outputs are boxes (K, 4), scores (K,), classes (K,), embedding (K, D) …, and, with occlusion heads, occlusions
    (M, 3). A network with several inputs takes an array (1, H, W, channels) for each.
    """

    def __init__(self, network: TrackerNetwork):
        super().__init__()
        self.network = network
        self.columns, self.inputs = network.columns, network.inputs
        self.outputs = (*self.columns, OCCLUSIONS) if network.has_occlusions else self.columns

    def forward(
        self, image: Tensor, previous: Tensor | None = None, previous_heat: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """The outputs of the graph, see `outputs`, for its `inputs`, (1, H, W, channels) each."""
        return self.decode(self.maps(*(each for each in (image, previous, previous_heat) if each is not None)))

    def decode(self, maps: Tensors) -> tuple[Tensor, ...]:
        """The outputs of the graph, decoded from the network's maps."""
        detections = self.network.decode(maps)
        return tuple(detections[name][0] for name in self.outputs)

    def maps(self, *inputs: Tensor) -> Tensors:
        """The network's maps in float32."""
        planes = [each.permute(0, 3, 1, 2) for each in inputs]  # 1 H W 3 -> 1 3 H W
        joined = planes[0] if len(planes) == 1 else torch.cat([each.float() for each in planes], dim=1)
        return {name: each.float() for name, each in self.network.maps(joined).items()}

    def candidates(self, *inputs: Tensor) -> Rows:
        """All detections among which `forward` selects: see `TrackerNetwork.candidates`."""
        candidates = self.network.candidates(self.maps(*inputs))
        return {name: candidates[name][0].numpy() for name in self.outputs}

    def noise(self, height: int, width: int) -> tuple[Tensor, ...]:
        """Random inputs of this size, for tracing the network and comparing runtimes: images and a heatmap."""
        return tuple(
            noise_image(height, width, seed) if channels == 3 else noise_image(height, width, seed)[..., :1] / 255
            for seed, channels in enumerate((3, 3, 1)[: len(self.inputs)])
        )


def export_tracker(network: TrackerNetwork, path: Path, metadata: Mapping[str, str], size_hw: tuple[int, int]) -> None:
    """Write a one-shot tracker: input `image` uint8 (1, H, W, 3) BGR, letterboxed; H and W dynamic, multiples of 32.

    Outputs `boxes` (K, 4) xyxy in input pixels, by descending score, `scores` (K,), `classes` (K,) int64, `embedding`
    (K, D) of unit length; with occlusion heads `occlusions` (M, 3): x, y, score. CenterTrack's networks also take
    `previous`, as `image`, and `previous_heat` float32 (1, H, W, 1), and return `displacement` (K, 2) in place of
    `embedding`. metadata: method, limit, farthest, trained_on …, added to kind, version, dimension, size (HEIGHTxWIDTH
    of training), stride and needs. The file is written only if ONNX Runtime and PyTorch agree on images of two sizes.
    Raises MissingExtra without onnx and onnxscript, and UserError if the size is not a multiple of 32, if ONNX Runtime
    cannot run the network, and if the two disagree.
    """
    height, width = size_hw
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE or min(size_hw) <= 0:
        raise UserError(f"{path}: not written: size is {width}x{height}, expected multiples of {SIZE_MULTIPLE}")
    tracker = ExportedTracker(copy.deepcopy(network)).cpu().float().eval()
    tracker.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    own_metadata = {
        "idfree.kind": network.kind,
        "idfree.version": __version__,
        "dimension": str(network.dimension),
        "size": f"{height}x{width}",
        "stride": str(network.stride),
        "needs": f"onnxruntime>={DEFORM_RUNTIME if has_deformable(network) else PLAIN_RUNTIME}",
    }
    sizes = [(height, width), (height + SIZE_MULTIPLE, width + 2 * SIZE_MULTIPLE)]
    with atomic_write(path) as partial:
        write_onnx(tracker, tracker.noise(*TRACED), partial, own_metadata | dict(metadata), tracker_interface(tracker))
        for size in sizes:
            check_parity(tracker, tracker.noise(*size), partial, path)


def tracker_interface(tracker: ExportedTracker) -> OnnxInterface:
    """Inputs and outputs of the graph, and the ONNX translation of deformable convolutions if there are any."""
    sides = {k: SIZE_MULTIPLE * torch.export.Dim(name, min=1, max=LARGEST) for k, name in ((1, "h"), (2, "w"))}
    inputs = dict.fromkeys(tracker.inputs, sides)
    names = {**{name: {1: "H", 2: "W"} for name in inputs}, **{name: {0: "K"} for name in tracker.columns}}
    names[OCCLUSIONS] = {0: "M"}
    if not has_deformable(tracker):
        return OnnxInterface(inputs, tracker.outputs, names)
    translations = {torch.ops.idfree.deformable_conv.default: translate_deform_conv}
    return OnnxInterface(inputs, tracker.outputs, names, DEFORM_OPSET, translations)


def has_deformable(network: nn.Module) -> bool:
    """Whether the network has deformable convolutions, which older versions of ONNX Runtime do not support."""
    return any(isinstance(module, DeformableConv) for module in network.modules())


def translate_deform_conv(x: Any, offset: Any, mask: Any, weight: Any, bias: Any) -> Any:
    """The ONNX operator of `idfree::deformable_conv`."""
    from onnxscript import opset19

    return opset19.DeformConv(x, weight, offset, bias, mask, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def noise_image(height: int, width: int, seed: int = 0) -> Tensor:
    """An image (1, height, width, 3) of coarse and fine noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 192, (1, height // SIZE_MULTIPLE, width // SIZE_MULTIPLE, 3), dtype=np.uint8)
    coarse = coarse.repeat(SIZE_MULTIPLE, axis=1).repeat(SIZE_MULTIPLE, axis=2)
    return torch.from_numpy(coarse + random.integers(0, 64, coarse.shape, dtype=np.uint8))


def check_parity(tracker: ExportedTracker, inputs: tuple[Tensor, ...], partial: Path, path: Path) -> None:
    """Raises UserError if ONNX Runtime cannot run the file `partial`, or if its outputs differ from PyTorch's."""
    import onnxruntime

    with torch.inference_mode():
        expected = dict(zip(tracker.outputs, (tensor.numpy() for tensor in tracker(*inputs)), strict=True))
        candidates = tracker.candidates(*inputs)
    try:
        session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])
        feed = {name: each.numpy() for name, each in zip(tracker.inputs, inputs, strict=True)}
        actual = dict(zip(tracker.outputs, session.run(list(tracker.outputs), feed), strict=True))
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        hint = f"; deformable convolution needs {DEFORM_RUNTIME} or newer" if has_deformable(tracker) else ""
        raise UserError(
            f"{path}: not written, as ONNX Runtime {onnxruntime.__version__} cannot run it{hint}: "
            f"{summarise_error(error)}"
        ) from error
    of_boxes = [{name: rows[name] for name in tracker.columns} for rows in (actual, candidates)]
    differences = output_differences(*of_boxes)
    differences["scores"] = max(differences["scores"], score_difference(expected["scores"], actual["scores"]))
    if OCCLUSIONS in expected:
        points = output_differences(as_rows(actual[OCCLUSIONS]), as_rows(candidates[OCCLUSIONS]))
        differences |= {name: max(differences[name], points[name]) for name in points}
    for name, difference in differences.items():
        if not difference <= TOLERANCES[name]:
            raise UserError(
                f"{path}: not written, as ONNX Runtime and PyTorch differ by {difference:.2g} in {name}, "
                f"more than {TOLERANCES[name]:g}"
            )


def as_rows(occlusions: NDArray[Any]) -> Rows:
    """Occlusion centres (M, 3) as columns of detections, with boxes of size 0."""
    place, count = occlusions[:, [0, 1, 0, 1]], len(occlusions)
    return {
        "boxes": place,
        "scores": occlusions[:, 2],
        "classes": np.zeros(count, dtype=np.int64),
    }


def output_differences(found: Rows, candidates: Rows) -> dict[str, float]:
    """By column of TOLERANCES: the difference between detections and the most similar candidates of their class.

    The AGREEING quantile over detections. Padding rows of score 0 and the order, which rounding changes, are not
    compared.
    """
    names = [name for name in TOLERANCES if name in found]
    found = {name: rows[found["scores"] > 0] for name, rows in found.items()}
    count = len(found["scores"])
    if not count:
        return dict.fromkeys(names, 0.0)
    nearest = [most_similar({name: rows[k] for name, rows in found.items()}, candidates) for k in range(count)]
    differences = {name: np.abs(found[name] - candidates[name][nearest]).reshape(count, -1) for name in names}
    return {name: agreeing_quantile(each.max(axis=1)) for name, each in differences.items()}


def agreeing_quantile(differences: NDArray[Any]) -> float:
    """The AGREEING quantile of differences (N,), N ≥ 1."""
    return float(np.quantile(differences, AGREEING, method="lower"))


def most_similar(row: Mapping[str, NDArray[Any]], candidates: Rows) -> int:
    """Index of the candidate, of the same class, with the most similar box and score, in units of TOLERANCES."""
    box = np.abs(candidates["boxes"] - row["boxes"]).max(axis=1) / TOLERANCES["boxes"]
    score = np.abs(candidates["scores"] - row["scores"]) / TOLERANCES["scores"]
    return int(np.where(candidates["classes"] == row["classes"], np.maximum(box, score), np.inf).argmin())


def score_difference(expected: NDArray[Any], actual: NDArray[Any]) -> float:
    """The AGREEING quantile of the differences of descending scores (K,); infinite if their numbers differ.

    Where neighbours are equal, rounding may add a peak; its score then replaces one of the padding at the end.
    """
    if len(expected) != len(actual):
        return np.inf
    return agreeing_quantile(np.abs(expected - actual)) if len(expected) else 0.0
