"""Export of crop encoders to ONNX, and the writing of ONNX files common to all exports."""

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
from idfree.core.files import atomic_write
from idfree.core.interruptions import deferred_interruptions
from idfree.core.version import __version__
from idfree.learn.networks.crop_reid import CropEncoder, CropReidNetwork

OPSET, IR_VERSION = 18, 8  # the exporter's native opset, and the file format version of that opset
TOLERANCE = 1e-4  # between PyTorch and ONNX Runtime, of elements of unit vectors


def export_encoder(network: CropReidNetwork, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a crop encoder: `crops` uint8 (N, H, W, 3) BGR → `embedding` float32 (N, D) of unit length, N dynamic.

    metadata: added to kind, version, dimension and size. The file is written only if the outputs of ONNX Runtime and
    PyTorch agree. Raises MissingExtra without onnx and onnxscript, and UserError with the difference if they disagree.
    """
    encoder = CropEncoder(copy.deepcopy(network)).cpu().float().eval()
    encoder.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    height, width = network.size_hw
    own_metadata = {
        "idfree.kind": "appearance",
        "idfree.version": __version__,
        "dimension": str(network.dimension),
        "size": f"{height}x{width}",
    }
    crops = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, height, width, 3), dtype=np.uint8))
    with atomic_write(path) as partial:
        write_onnx(encoder, (crops,), partial, own_metadata | dict(metadata))
        difference = max_difference(encoder, crops, partial)
        if not difference <= TOLERANCE:
            raise UserError(
                f"{path}: not written, as ONNX Runtime and PyTorch differ by {difference:.2g}, more than {TOLERANCE:g}"
            )


@dataclass(frozen=True)
class OnnxInterface:
    """Inputs and outputs of an ONNX graph.

    inputs: by name, in order, torch.export.Dim of each by dimension. dim_names: by input or output, names of dynamic
    dimensions. translations: ONNX functions by custom PyTorch operator.
    """

    inputs: Mapping[str, Mapping[int, Any]]
    outputs: Sequence[str]
    dim_names: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    opset: int = OPSET
    translations: Mapping[Any, Any] | None = None


CROP_INTERFACE = OnnxInterface({"crops": {0: torch.export.Dim("N")}}, ["embedding"])


def write_onnx(
    network: nn.Module,
    examples: tuple[torch.Tensor, ...],
    path: Path,
    metadata: Mapping[str, str],
    interface: OnnxInterface = CROP_INTERFACE,
) -> None:
    """Write a network as one ONNX file, weights included. Raises MissingExtra without onnx and onnxscript."""
    try:
        import onnx
        import onnxscript  # noqa: F401  (needed by torch.onnx)
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "train", "the export to ONNX") from error
    with deferred_interruptions("the export to ONNX"), silence_exporter():
        program = torch.onnx.export(
            network,
            examples,
            input_names=list(interface.inputs),
            output_names=list(interface.outputs),
            dynamic_shapes=tuple(map(dict, interface.inputs.values())),
            opset_version=interface.opset,
            custom_translation_table=None if interface.translations is None else dict(interface.translations),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    model.ir_version = IR_VERSION
    strip_traces(model)
    for value in (*model.graph.input, *model.graph.output):
        for dimension, name in interface.dim_names.get(value.name, {}).items():
            value.type.tensor_type.shape.dim[dimension].dim_param = name
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, path)


def strip_traces(model: Any) -> None:
    """Remove the exporter's debugging information (stack traces with local paths, module names, comments) from an
    onnx.ModelProto, so that the file depends on the network alone.
    """
    model.doc_string = ""
    parts = [model.graph, *model.functions]
    while parts:
        part = parts.pop()
        values = [*getattr(part, "initializer", ()), *part.value_info]
        values += [*part.input, *part.output] if hasattr(part, "initializer") else []
        for item in (part, *part.node, *values):
            item.doc_string = ""
            if hasattr(item, "metadata_props"):  # not of all items in older versions of onnx
                del item.metadata_props[:]
        attributes = [attribute for node in part.node for attribute in node.attribute]
        parts += [attribute.g for attribute in attributes if attribute.HasField("g")]
        parts += [graph for attribute in attributes for graph in attribute.graphs]


@contextmanager
def silence_exporter() -> Iterator[None]:
    """Suppress the exporter's warnings about its own deprecated parts and the absence of torchvision."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def max_difference(encoder: CropEncoder, crops: torch.Tensor, path: Path) -> float:
    """The largest difference between the outputs of PyTorch and ONNX Runtime, for a batch and for a single crop."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (crops, crops[:1]):
        with torch.inference_mode():
            expected = encoder(batch).numpy()
        (embedding,) = session.run(["embedding"], {"crops": batch.numpy()})
        worst = max(worst, float(np.abs(embedding - expected).max()))
    return worst
