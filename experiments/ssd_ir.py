"""A single-shot detector (SSD; Liu 2016) in OpenVINO IR as an ONNX graph that decodes its boxes, without OpenVINO.

For `person-detection-retail-0013` of the Open Model Zoo: a convolutional trunk, one head, one class, anchors of fixed
sides in pixels. The structure (.xml) is read with the standard library, the weights (.bin) with NumPy. The graph takes
`images` (1, 3, H, W), RGB in 0…1, H and W any multiples of 16. In place of DetectionOutput, whose suppression idfree
does outside of the graph for all detectors, it ends with `output` (1, 5, A) in the layout of YOLOv8: a column for each
anchor, centre x y, width, height in pixels, score.
"""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8  # of ONNX; the version of its file format that ONNX Runtime 1.17 reads
WHITE = 255.0  # the network's value of what is 1 in the input of the graph
TYPES = {"f16": np.float16, "f32": np.float32, "i64": np.int64, "i32": np.int32}
SIDES = 5  # rows of the output: centre x y, width, height, score


@dataclass
class Layer:
    """An operation of the IR. inputs: ids of the layers whose outputs it takes, in order."""

    name: str
    kind: str
    attributes: dict[str, str]
    inputs: list[str] = field(default_factory=list)

    def numbers(self, key: str) -> list[float]:
        """A list of numbers among its attributes."""
        return [float(number) for number in self.attributes[key].split(",")]

    def integers(self, *keys: str) -> list[int]:
        """The numbers of several attributes, one after the other."""
        return [int(number) for key in keys for number in self.numbers(key)]


class IntermediateRepresentation:
    """The layers of an .xml by id, in order of computation, and the constants of the .bin beside it."""

    def __init__(self, path: Path):
        root = ElementTree.parse(path).getroot()
        self.weights = path.with_suffix(".bin").read_bytes()
        self.layers: dict[str, Layer] = {}
        for each in root.iterfind("layers/layer"):
            data = each.find("data")
            attributes = {} if data is None else dict(data.attrib)
            self.layers[each.attrib["id"]] = Layer(each.attrib["name"], each.attrib["type"], attributes)
        for edge in sorted(root.iterfind("edges/edge"), key=lambda each: int(each.attrib["to-port"])):
            self.layers[edge.attrib["to-layer"]].inputs.append(edge.attrib["from-layer"])

    def constant(self, key: str) -> Any:
        """The value of a constant, converted or not; None of another layer."""
        layer = self.layers[key]
        if layer.kind == "Convert":
            return self.constant(layer.inputs[0])
        if layer.kind != "Const":
            return None
        start, size = layer.integers("offset", "size")
        array = np.frombuffer(self.weights[start : start + size], TYPES[layer.attributes["element_type"]])
        array = array.reshape(layer.integers("shape") if layer.attributes["shape"] else ())
        return array.astype(np.float64) if array.dtype.kind == "f" else array

    def parameter(self, layer: Layer) -> Any:
        """The constant that a layer takes beside its first input; None if that is another map."""
        return self.constant(layer.inputs[1]) if len(layer.inputs) > 1 else None

    def of_kind(self, kind: str) -> Layer:
        """The only layer of a kind."""
        (layer,) = (each for each in self.layers.values() if each.kind == kind)
        return layer

    def bias(self, key: str) -> Any:
        """The constant that is added to the output of a layer."""
        (bias,) = (
            self.parameter(each) for each in self.layers.values() if each.kind == "Add" and each.inputs[0] == key
        )
        return bias.ravel()


class Builder:
    """Nodes and constants of an ONNX graph; constants are stored in half precision where that is exact."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, array: Any, name: str) -> str:
        """Add a constant; one of floating point has 32 bits in the graph."""
        array = np.asarray(array)
        if any(each.name in (name, f"{name}/half") for each in self.constants):
            return name
        half = array.astype(np.float16)
        is_half = array.dtype.kind == "f" and np.array_equal(half.astype(array.dtype), array)
        if is_half and array.ndim:
            self.constants.append(numpy_helper.from_array(half, f"{name}/half"))
            return self.add("Cast", [f"{name}/half"], name, to=TensorProto.FLOAT)
        self.constants.append(numpy_helper.from_array(array.astype("f4") if array.dtype.kind == "f" else array, name))
        return name

    def convolve(self, source: str, weight: Any, bias: Any, name: str, **attributes: Any) -> str:
        """Add a convolution. weight: (out, in, h, w). bias: (out,), None for none."""
        names = [self.constant(weight, f"{name}/weight")]
        names += [] if bias is None else [self.constant(bias, f"{name}/bias")]
        return self.add("Conv", [source, *names], name, kernel_shape=list(weight.shape[2:]), **attributes)


def convert(path: Path) -> Any:
    """The ONNX model of the detector in an IR."""
    ir, graph = IntermediateRepresentation(path), Builder()
    location, score = (head_of(ir, key) for key in ir.of_kind("DetectionOutput").inputs[:2])
    (trunk,) = {ir.layers[each].inputs[0] for each in (location, score)}
    convert_trunk(ir, graph, trunk)
    decode(ir, graph, ir.layers[trunk].name, location, score)
    port = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, SIDES, "anchors"])
    made = helper.make_graph(graph.nodes, "people", [port], [output], graph.constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def head_of(ir: IntermediateRepresentation, key: str) -> str:
    """The id of the convolution that an input of DetectionOutput comes from."""
    while ir.layers[key].kind != "Convolution":
        key = ir.layers[key].inputs[0]
    return key


def convert_trunk(ir: IntermediateRepresentation, graph: Builder, last: str) -> None:
    """Nodes of all layers up to `last`.

    The normalisation of the image, x · m + a in BGR, becomes an addition of a / m, and m a factor of the weights of the
    first convolution, so that its padding stays 0 after normalisation.
    """
    outputs: dict[str, str] = {}
    factor: Any = None  # m of the image, until the first convolution has it
    for key, layer in ir.layers.items():
        inputs, value = [outputs[each] for each in layer.inputs if each in outputs], ir.parameter(layer)
        if layer.kind == "Parameter":
            outputs[key] = "images"
        elif layer.kind == "Multiply":
            factor, outputs[key] = value * WHITE, inputs[0]
        elif layer.kind == "Add" and inputs == ["images"]:
            mean = graph.constant((value / factor)[:, ::-1], "images/mean")
            outputs[key] = graph.add("Add", [*inputs, mean], "images/centred")
        elif layer.kind == "Add" and value is not None:
            outputs[key] = inputs[0]  # the bias of the convolution before
        elif "Convolution" in layer.kind:
            weight = value if factor is None else (value * factor)[:, ::-1]
            outputs[key], factor = convert_convolution(ir, graph, key, weight, inputs[0]), None
        elif inputs:
            outputs[key] = convert_simple(ir, graph, layer, inputs)
        if key == last:
            return


def convert_convolution(ir: IntermediateRepresentation, graph: Builder, key: str, weight: Any, source: str) -> str:
    """Add a convolution with its bias."""
    layer, groups = ir.layers[key], 1
    if layer.kind == "GroupConvolution":
        groups, weight = len(weight), weight.reshape(-1, *weight.shape[2:])
    pads, strides = layer.integers("pads_begin", "pads_end"), layer.integers("strides")
    return graph.convolve(source, weight, ir.bias(key), layer.name, strides=strides, pads=pads, group=groups)


def convert_simple(ir: IntermediateRepresentation, graph: Builder, layer: Layer, inputs: list[str]) -> str:
    """Add a sum of two maps, an activation, or pooling (without its rounding up: the sides are even).

    A leaky ReLU of a sum follows a convolution of each channel with 1. That changes no value, but ONNX Runtime computes
    a convolution together with such an activation, and without it leaves its fast layout of memory for the activation
    and comes back to it: a quarter more time.
    """
    if layer.kind == "MaxPool":
        sides = {"kernel_shape": layer.integers("kernel"), "strides": layer.integers("strides")}
        return graph.add("MaxPool", inputs, layer.name, **sides)
    if layer.kind in ("Add", "ReLU"):
        return graph.add({"Add": "Add", "ReLU": "Relu"}[layer.kind], inputs, layer.name)
    assert layer.kind == "PReLU", f"{layer.name}: {layer.kind} cannot be converted"
    (slope,) = ir.parameter(layer)  # one for all channels
    (source,) = inputs
    if ir.parameter(ir.layers[layer.inputs[0]]) is None:
        count = channels_of(ir, layer.inputs[0])
        ones = graph.constant(np.ones((count, 1, 1, 1)), f"ones/{count}")
        source = graph.add("Conv", [source, ones], f"{source}/same", kernel_shape=[1, 1], group=count)
    return graph.add("LeakyRelu", [source], layer.name, alpha=float(slope))


def channels_of(ir: IntermediateRepresentation, key: str) -> int:
    """Number of channels of a sum of maps: that of the bias of the convolution that one of them comes from."""
    value = ir.parameter(ir.layers[key])
    return value.size if value is not None else channels_of(ir, ir.layers[key].inputs[1])


def decode(ir: IntermediateRepresentation, graph: Builder, trunk: str, location: str, score: str) -> None:
    """The head as one convolution, and its boxes: centre = cell + offset, side = exp(log side), score = sigmoid.

    Variances and sides of the anchors are within the weights; the softmax of background and person is the sigmoid of
    their difference. Channels: x of all anchors, y, log width, log height, score.
    """
    anchors = ir.of_kind("PriorBoxClustered")
    sides, variance = np.array([anchors.numbers("width"), anchors.numbers("height")]), anchors.numbers("variance")
    count = sides.shape[1]
    place, place_bias = head_weights(ir, location, (count, 4))
    kind, kind_bias = head_weights(ir, score, (count, 2))
    scale = np.concatenate([sides, np.ones((2, count))]) * np.reshape(variance, (4, 1))
    shift = np.concatenate([np.zeros((2, count)), np.log(sides)])
    weight = np.concatenate([place * scale[:, :, None, None, None], kind[1:] - kind[:1]])
    bias = np.concatenate([place_bias * scale + shift, kind_bias[1:] - kind_bias[:1]])
    head = graph.convolve(trunk, weight.reshape(-1, *weight.shape[2:]), bias.ravel(), "head", pads=[1, 1, 1, 1])
    parts = ["head/x", "head/y", "head/log_sides", "head/score"]
    split = graph.constant(np.array([count, count, 2 * count, count]), "head/split")
    graph.nodes.append(helper.make_node("Split", [head, split], parts, "head/parts", axis=1))
    step, offset = anchors.numbers("step")[0], anchors.numbers("offset")[0]
    centres = [
        graph.add("Add", [part, cell_centres(graph, head, axis, step, offset)], f"{part}/centre")
        for part, axis in (("head/x", 3), ("head/y", 2))
    ]
    rest = [graph.add("Exp", ["head/log_sides"], "head/sides"), graph.add("Sigmoid", ["head/score"], "head/person")]
    joined = graph.add("Concat", [*centres, *rest], "head/joined", axis=1)
    graph.add("Reshape", [joined, graph.constant(np.array([1, SIDES, -1]), "output/shape")], "output")


def head_weights(ir: IntermediateRepresentation, key: str, shape: tuple[int, int]) -> tuple[Any, Any]:
    """Weights (numbers, anchors, …) and biases (numbers, anchors) of a head of (anchors, numbers) channels."""
    weight = ir.parameter(ir.layers[key])
    return weight.reshape(*shape, *weight.shape[1:]).swapaxes(0, 1), ir.bias(key).reshape(shape).T


def cell_centres(graph: Builder, head: str, axis: int, step: float, offset: float) -> str:
    """Centres in pixels of the cells of a map along an axis, to add to it."""
    name = f"cells/{'x' if axis == 3 else 'y'}"
    shape = graph.add("Shape", [head], f"{name}/shape", start=axis, end=axis + 1)
    count = graph.add("Squeeze", [shape], f"{name}/count")
    zero, one = (graph.constant(np.array(k), f"integer/{k}") for k in (0, 1))
    numbers = graph.add("Range", [zero, count, one], f"{name}/numbers")
    numbers = graph.add("Cast", [numbers], f"{name}/float", to=TensorProto.FLOAT)
    starts = graph.add("Mul", [numbers, graph.constant(np.array(step), "cells/step")], f"{name}/starts")
    centres = graph.add("Add", [starts, graph.constant(np.array(step * offset), "cells/half")], f"{name}/centres")
    sides = np.array([1, 1, 1, -1] if axis == 3 else [1, 1, -1, 1])
    return graph.add("Reshape", [centres, graph.constant(sides, f"{name}/sides")], name)
