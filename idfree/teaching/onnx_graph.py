"""Detector graphs in ONNX files: list their feature maps, and write them with an embedding head. Needs onnx."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import MissingExtra, UserError, first_line
from idfree.core.files import atomic_write
from idfree.teaching.feature_maps import OUTPUT, FeatureMap, common_stride, find_map

CONVOLUTIONS = ("Conv", "QLinearConv", "ConvInteger")  # ONNX operators
PREFIX = "idfree_"  # of the names of new nodes


class OnnxGraph:
    """A DetectorGraph in an ONNX file. Raises UserError if it cannot be read, MissingExtra without the package onnx."""

    suffix = ".onnx"

    def __init__(self, path: Path | str):
        try:
            import onnx
        except ModuleNotFoundError as error:
            raise MissingExtra("onnx", "teach", "teaching an ONNX file") from error
        try:
            self.model = onnx.load(str(path))
        except Exception as error:  # protobuf's own classes
            raise UserError(f"{path}: cannot be read as an ONNX model: {first_line(error)}") from error
        self.path, self.output_count = Path(path), len(self.model.graph.output)
        if any(output.name == OUTPUT for output in self.model.graph.output):
            raise UserError(f"{path}: is a taught detector already; teach the file that it was made from")

    def feature_maps(self, size_hw: tuple[int, int]) -> list[FeatureMap]:
        """The inputs of its convolutions, see DetectorGraph. Shapes are inferred, nothing is run."""
        import onnx

        fixed = onnx.ModelProto()
        fixed.CopyFrom(self.model)
        for port in fixed.graph.input:
            fix_size(port, size_hw)
        inferred = onnx.shape_inference.infer_shapes(fixed).graph
        shapes = {value.name: shape_of(value) for value in [*inferred.value_info, *inferred.output]}
        read = {node.input[0] for node in inferred.node if node.op_type in CONVOLUTIONS}
        computed = [name for node in inferred.node for name in node.output if name in read and name in shapes]
        maps = [find_map(size_hw, name, shapes[name]) for name in computed]
        return [each for each in maps if each is not None]

    def write(
        self,
        path: Path,
        maps: Sequence[FeatureMap],
        metadata: dict[str, str],
        head: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    ) -> None:
        """Write the graph with the output OUTPUT, see `DetectorGraph.write`."""
        import onnx

        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        nodes, initializers = map_nodes(maps, head)
        model.graph.node.extend(nodes)
        model.graph.initializer.extend(initializers)
        sides = [None, None if head is None else len(head[1]), None, None]  # height and width vary with the image
        model.graph.output.append(onnx.helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, sides))
        stored = {entry.key: entry.value for entry in model.metadata_props}
        onnx.helper.set_model_props(model, stored | metadata)
        with atomic_write(path) as partial:
            partial.write_bytes(serialise(model, self.path))


def serialise(model: Any, path: Path) -> bytes:
    """The bytes of a model. Raises UserError if it is too large for one file."""
    try:
        return bytes(model.SerializeToString())
    except Exception as error:  # protobuf's own classes
        raise UserError(f"{path}: cannot be written as one file: {first_line(error)}") from error


def map_nodes(
    maps: Sequence[FeatureMap], head: tuple[NDArray[np.float32], NDArray[np.float32]] | None
) -> tuple[list[Any], list[Any]]:
    """Nodes and initializers: each map in fp32, average pooled to the common stride, concatenated; then the head."""
    from onnx import TensorProto, helper, numpy_helper

    stride, nodes, parts = common_stride(maps), [], []
    for k, each in enumerate(maps):
        name, factor = f"{PREFIX}map_{k}", stride // each.stride
        nodes.append(helper.make_node("Cast", [each.name], [name], name, to=TensorProto.FLOAT))
        if factor > 1:
            sides = [factor, factor]
            pooled = helper.make_node("AveragePool", [name], [f"{name}_pooled"], kernel_shape=sides, strides=sides)
            nodes.append(pooled)
            name = f"{name}_pooled"
        parts.append(name)
    joined = OUTPUT if head is None else f"{PREFIX}joined"
    nodes.append(helper.make_node("Concat", parts, [joined], f"{PREFIX}concat", axis=1))
    if head is None:
        return nodes, []
    weight, bias = head
    kernel = np.ascontiguousarray(weight.T[:, :, None, None], dtype=np.float32)
    names = [f"{PREFIX}weight", f"{PREFIX}bias"]
    nodes.append(helper.make_node("Conv", [joined, *names], [OUTPUT], f"{PREFIX}head", kernel_shape=[1, 1]))
    arrays = (kernel, bias.astype(np.float32))
    return nodes, [numpy_helper.from_array(array, name) for array, name in zip(arrays, names, strict=True)]


def fix_size(port: Any, size_hw: tuple[int, int]) -> None:
    """Give an image input (N, 3, H, W) a batch of 1 and this (height, width), in place."""
    dims = port.type.tensor_type.shape.dim
    if len(dims) == 4:
        for dim, value in zip(dims, (1, 3, *size_hw), strict=True):
            dim.dim_value = value


def shape_of(value: Any) -> list[int | None]:
    """The shape of a value in a graph, None for unknown sides."""
    return [dim.dim_value or None for dim in value.type.tensor_type.shape.dim]
