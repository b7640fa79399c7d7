"""Detector graphs in OpenVINO IR: list their feature maps, and write them with an embedding head."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import MissingExtra, UserError
from idfree.core.files import atomic_write
from idfree.core.onnx_session import METADATA_KEY
from idfree.teaching.feature_maps import OUTPUT, FeatureMap, common_stride, find_map


class OpenVinoGraph:
    """A DetectorGraph in an OpenVINO IR. Raises UserError if it cannot be read, MissingExtra without openvino."""

    suffix = ".xml"

    def __init__(self, path: Path | str):
        try:
            import openvino
        except ModuleNotFoundError as error:
            raise MissingExtra("openvino", "openvino", f"{path}, an OpenVINO IR,") from error
        try:
            self.model = openvino.Core().read_model(str(path))
        except RuntimeError as error:
            raise UserError(f"{path}: cannot be read as an OpenVINO IR") from error
        self.path, self.output_count = Path(path), len(self.model.outputs)
        if any(OUTPUT in port.get_names() for port in self.model.outputs):
            raise UserError(f"{path}: is a taught detector already; teach the file that it was made from")

    def feature_maps(self, size_hw: tuple[int, int]) -> list[FeatureMap]:
        """The inputs of its convolutions, see DetectorGraph. Fixes the input of the graph to this (height, width)."""
        (image,) = [port for port in self.model.inputs if len(port.partial_shape) == 4]
        self.model.reshape({image.any_name: [1, 3, *size_hw]})
        operations = self.model.get_ordered_ops()
        read = {op.input_value(0).get_node().get_friendly_name() for op in operations if is_convolution(op)}
        maps = [
            find_map(size_hw, op.get_friendly_name(), static_shape(op))
            for op in operations
            if op.get_friendly_name() in read and op.get_output_size() == 1
        ]
        return [each for each in maps if each is not None]

    def write(
        self,
        path: Path,
        maps: Sequence[FeatureMap],
        metadata: dict[str, str],
        head: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    ) -> None:
        """Write the graph (.xml) and its weights (.bin) with the output OUTPUT, see `DetectorGraph.write`."""
        import openvino

        model = self.model.clone()
        operations = {op.get_friendly_name(): op for op in model.get_ordered_ops()}
        joined = join_maps([operations[each.name] for each in maps], maps)
        result = joined if head is None else convolve(joined, *head)
        result.output(0).set_names({OUTPUT})
        model.add_outputs([result.output(0)])
        for key, value in metadata.items():
            model.set_rt_info(value, [METADATA_KEY, key])
        with atomic_write(path.with_suffix(".bin")) as weights, atomic_write(path) as partial:
            openvino.serialize(model, str(partial), str(weights))


def is_convolution(operation: Any) -> bool:
    """Whether an operation is a convolution, but not a depthwise or grouped one."""
    return str(operation.get_type_name()) == "Convolution"


def static_shape(operation: Any) -> list[int | None]:
    """The shape of an operation's output, None for sides that are not fixed."""
    return [side.get_length() if side.is_static else None for side in operation.output(0).partial_shape]


def join_maps(operations: Sequence[Any], maps: Sequence[FeatureMap]) -> Any:
    """The maps, outputs of `operations`, average pooled to the common stride, and concatenated."""
    from openvino import opset13

    stride, parts = common_stride(maps), []
    for operation, each in zip(operations, maps, strict=True):
        sides = [stride // each.stride] * 2
        pooled = opset13.avg_pool(operation.output(0), sides, [0, 0], [0, 0], sides, True)
        parts.append(pooled if sides[0] > 1 else operation.output(0))
    return opset13.concat(parts, 1)


def convolve(node: Any, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Any:
    """A 1×1 convolution of a node. weight: (C, D). bias: (D,)."""
    from openvino import opset13

    kernel = opset13.constant(np.ascontiguousarray(weight.T[:, :, None, None], dtype=np.float32))
    convolved = opset13.convolution(node, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    return opset13.add(convolved, opset13.constant(bias.astype(np.float32).reshape(1, -1, 1, 1)))
