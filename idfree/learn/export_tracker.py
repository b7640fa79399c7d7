"""A trained one-shot network as an ONNX file that needs no PyTorch: a picture in; boxes, scores, embeddings out."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from idfree.core.errors import UserError
from idfree.core.files import whole
from idfree.core.onnx_session import reason
from idfree.core.version import __version__
from idfree.learn.export_encoder import OnnxInterface, write
from idfree.learn.networks.centre import MULTIPLE, CentreNetwork
from idfree.learn.networks.deformable import DeformableConv

DEFORM_OPSET = 19  # the first with DeformConv
OUTPUTS = ("boxes", "scores", "classes", "embedding")
LETTERS = {"image": {1: "H", 2: "W"}, **{name: {0: "K"} for name in OUTPUTS}}
LARGEST = 4096  # of H and W in multiples: the exporter asks for a bound
DEFORM_RUNTIME, PLAIN_RUNTIME = "1.25", "1.17"  # ONNX Runtime's first with DeformConv on a processor; the package's
# Of the largest element, between PyTorch and ONNX Runtime: pixels, probabilities, a unit vector's numbers.
TOLERANCES = {"boxes": 0.05, "scores": 1e-3, "embedding": 1e-3}
SHARE = 0.99  # of the boxes that agree: of two equal neighbours, rounding makes one or the other the peak


class ExportedTracker(nn.Module):
    """A picture, uint8 (1, H, W, 3) BGR → boxes (K, 4), scores (K,), classes (K,), embedding (K, D)."""

    def __init__(self, network: CentreNetwork):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        maps = self.network.maps(image.permute(0, 3, 1, 2))  # 1 H W 3 -> 1 3 H W
        found = self.network.decode({name: each.float() for name, each in maps.items()})
        return tuple(found[name][0] for name in OUTPUTS)


def export_tracker(network: CentreNetwork, path: Path, metadata: Mapping[str, str], size_hw: tuple[int, int]) -> None:
    """Write a one-shot tracker: `image` uint8 (1, H, W, 3) BGR, letterboxed; H and W open, multiples of 32.

    Gives `boxes` (K, 4) xyxy in its pixels, best first, `scores` (K,), `classes` (K,) int64, `embedding` (K, D) of unit
    length. metadata: what is to stand in the file beside kind, version, dimension, size (HEIGHTxWIDTH that it was
    trained at), stride and needs: method, limit, farthest, trained_on. The file is written only if ONNX Runtime
    makes of pictures of two sizes what PyTorch does. Raises MissingExtra without onnx and onnxscript, and UserError for
    a size that is no multiple of 32, where ONNX Runtime cannot run the network, and where the two disagree.
    """
    height, width = size_hw
    if height % MULTIPLE or width % MULTIPLE or min(size_hw) <= 0:
        raise UserError(f"{path}: not written: size is {width}x{height}, expected multiples of {MULTIPLE}")
    tracker = ExportedTracker(copy.deepcopy(network)).cpu().float().eval()
    tracker.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    facts = {
        "idfree.kind": "tracker",
        "idfree.version": __version__,
        "dimension": str(network.dimension),
        "size": f"{height}x{width}",
        "stride": str(network.stride),
        "needs": f"onnxruntime>={DEFORM_RUNTIME if deformable(network) else PLAIN_RUNTIME}",
    }
    pictures = [noise(height, width), noise(height + MULTIPLE, width + 2 * MULTIPLE)]
    with whole(path) as partial:
        write(tracker, pictures[0], partial, facts | dict(metadata), ports(tracker))
        for picture in pictures:
            refuse_disagreement(tracker, picture, partial, path)


def ports(tracker: ExportedTracker) -> OnnxInterface:
    """What the graph takes and gives, and what ONNX calls a deformable convolution, if there is one."""
    sides = {k: MULTIPLE * torch.export.Dim(name, min=1, max=LARGEST) for k, name in ((1, "h"), (2, "w"))}
    if not deformable(tracker):
        return OnnxInterface("image", sides, OUTPUTS, LETTERS)
    translations = {torch.ops.idfree.deformable_conv.default: deform_conv}
    return OnnxInterface("image", sides, OUTPUTS, LETTERS, DEFORM_OPSET, translations)


def deformable(network: nn.Module) -> bool:
    """Whether it has a deformable convolution, which not every ONNX Runtime has."""
    return any(isinstance(module, DeformableConv) for module in network.modules())


def deform_conv(x: Any, offset: Any, mask: Any, weight: Any, bias: Any) -> Any:
    """`idfree::deformable_conv` as ONNX has it."""
    from onnxscript import opset19

    return opset19.DeformConv(x, weight, offset, bias, mask, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def noise(height: int, width: int) -> Tensor:
    """A picture (1, height, width, 3) of large and small noise."""
    random = np.random.default_rng(0)
    large = random.integers(0, 192, (1, height // MULTIPLE, width // MULTIPLE, 3), dtype=np.uint8)
    large = large.repeat(MULTIPLE, axis=1).repeat(MULTIPLE, axis=2)
    return torch.from_numpy(large + random.integers(0, 64, large.shape, dtype=np.uint8))


def refuse_disagreement(tracker: ExportedTracker, picture: Tensor, partial: Path, path: Path) -> None:
    """Raises UserError where ONNX Runtime cannot run the file `partial`, or makes something else of the picture."""
    import onnxruntime

    with torch.inference_mode():
        expected = dict(zip(OUTPUTS, (tensor.numpy() for tensor in tracker(picture)), strict=True))
    try:
        session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])
        found = dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"image": picture.numpy()}), strict=True))
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        hint = f"; deformable convolution needs {DEFORM_RUNTIME} or newer" if deformable(tracker) else ""
        raise UserError(
            f"{path}: not written, as ONNX Runtime {onnxruntime.__version__} cannot run it{hint}: {reason(error)}"
        ) from error
    for name, difference in differences(expected, found).items():
        if not difference <= TOLERANCES[name]:
            raise UserError(
                f"{path}: not written, as ONNX Runtime and PyTorch differ by {difference:.2g} in {name}, "
                f"more than {TOLERANCES[name]:g}"
            )


def differences(expected: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """The largest difference in boxes, scores and embedding of all but a hundredth of the boxes, each compared with the
    one found nearest to it in its class; their order is not compared, as rounding changes it, nor what has no score.
    """
    expected = {name: rows[expected["scores"] > 0] for name, rows in expected.items()}
    apart = np.abs(expected["boxes"][:, None] - found["boxes"]).max(axis=2)  # K K
    apart[expected["classes"][:, None] != found["classes"]] = np.inf
    nearest = apart.argmin(axis=1)
    off = {"boxes": apart.min(axis=1)}
    for name in ("scores", "embedding"):
        off[name] = np.abs(expected[name] - found[name][nearest]).reshape(len(nearest), -1).max(axis=1)
    return {name: float(np.quantile(values, SHARE, method="lower")) for name, values in off.items()}
