"""A trained network as an ONNX file that needs no PyTorch: decoding inside the graph, what to know of it beside it."""

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from idfree.core.errors import MissingExtra, UserError
from idfree.core.files import whole
from idfree.core.version import __version__
from idfree.learn.networks.crop_reid import CropEncoder, CropReidNetwork

OPSET, IR_VERSION = 18, 8  # what the exporter writes without converting, and the file format of that opset's time
TOLERANCE = 1e-4  # of a unit vector's elements, between PyTorch and ONNX Runtime


def export_crops(network: CropReidNetwork, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a crop encoder: `crops` uint8 (N, H, W, 3) BGR → `embedding` float32 (N, D) of unit length, N free.

    metadata: what is to stand in the file beside kind, version, dimension and size. The file is written only if ONNX
    Runtime makes of it what PyTorch does. Raises MissingExtra without onnx and onnxscript, and UserError with the
    difference where the two disagree.
    """
    encoder = CropEncoder(copy.deepcopy(network)).cpu().float().eval()
    encoder.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    height, width = network.size_hw
    facts = {
        "idfree.kind": "appearance",
        "idfree.version": __version__,
        "dimension": str(network.dimension),
        "size": f"{height}x{width}",
    }
    crops = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, height, width, 3), dtype=np.uint8))
    with whole(path) as partial:
        write(encoder, crops, partial, facts | dict(metadata))
        difference = disagreement(encoder, crops, partial)
        if not difference <= TOLERANCE:
            raise UserError(
                f"{path}: not written, as ONNX Runtime and PyTorch differ by {difference:.2g}, more than {TOLERANCE:g}"
            )


@dataclass(frozen=True)
class OnnxInterface:
    """What a graph takes and gives: the input's name, which of its dimensions are open, the outputs' names.

    letters: by port, what open dimensions are to be called. opset, translations: of ONNX, and what it calls operators
    of ours, where the usual will not do.
    """

    input: str
    open: Mapping[int, Any]
    outputs: Sequence[str]
    letters: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    opset: int = OPSET
    translations: Mapping[Any, Any] | None = None


CROPS = OnnxInterface("crops", {0: torch.export.Dim("N")}, ["embedding"])


def write(
    network: nn.Module, example: torch.Tensor, path: Path, metadata: Mapping[str, str], ports: OnnxInterface = CROPS
) -> None:
    """The graph of a network, whole in one file."""
    try:
        import onnx
        import onnxscript  # noqa: F401  (what torch.onnx writes with)
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "train", "the export to ONNX") from error
    with without_warnings():
        program = torch.onnx.export(
            network,
            (example,),
            input_names=[ports.input],
            output_names=list(ports.outputs),
            dynamic_shapes=(dict(ports.open),),
            opset_version=ports.opset,
            custom_translation_table=None if ports.translations is None else dict(ports.translations),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    model.ir_version = IR_VERSION
    for port in (*model.graph.input, *model.graph.output):
        for dimension, letter in ports.letters.get(port.name, {}).items():
            port.type.tensor_type.shape.dim[dimension].dim_param = letter
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, path)


@contextmanager
def without_warnings() -> Iterator[None]:
    """The exporter warns of its own parts, and of torchvision, which is not missed."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def disagreement(encoder: CropEncoder, crops: torch.Tensor, path: Path) -> float:
    """The largest difference between what PyTorch and ONNX Runtime make of several crops, and of one."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for some in (crops, crops[:1]):
        with torch.inference_mode():
            expected = encoder(some).numpy()
        (found,) = session.run(["embedding"], {"crops": some.numpy()})
        worst = max(worst, float(np.abs(found - expected).max()))
    return worst
