"""Parts of ONNX files: outputs that are left out, with all that only they need, and outputs that become inputs."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper

from idfree.core.onnx_outputs import cut, encode_varint, leave_out_outputs, open_part, read_varint, without_outputs
from idfree.core.onnx_session import open_session

FLOAT = TensorProto.FLOAT


def port(name):
    return helper.make_tensor_value_info(name, FLOAT, [None])


def make_model():
    """first = relu(x), second = x · weight + relu(x); third is of a branch whose subgraph reads a node's output."""
    branch = helper.make_graph([helper.make_node("Neg", ["inner"], ["result"])], "branch", [], [port("result")])
    nodes = [
        helper.make_node("Relu", ["x"], ["first"]),
        helper.make_node("Mul", ["x", "weight"], ["scaled"]),
        helper.make_node("Add", ["scaled", "first"], ["second"]),
        helper.make_node("Abs", ["x"], ["inner"]),
        helper.make_node("If", ["condition"], ["third"], then_branch=branch, else_branch=branch),
    ]
    weight = helper.make_tensor("weight", FLOAT, [1], [3.0])
    condition = helper.make_tensor("condition", TensorProto.BOOL, [], [True])
    outputs = [port(name) for name in ("first", "second", "third")]
    graph = helper.make_graph(nodes, "graph", [port("x")], outputs, [weight, condition])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, {"limit": "0.25"})
    return model


@pytest.mark.parametrize(
    ("names", "operators"),
    [
        ([], ["Relu", "Mul", "Add", "Abs", "If"]),
        (["second"], ["Relu", "Abs", "If"]),
        (["third"], ["Relu", "Mul", "Add"]),
        (["first", "second"], ["Abs", "If"]),
        (["second", "third"], ["Relu"]),
    ],
)
def test_only_what_the_other_outputs_need_remains(names, operators):
    model = make_model()
    smaller = onnx.load_from_string(without_outputs(model.SerializeToString(), names))
    onnx.checker.check_model(smaller)
    assert [node.op_type for node in smaller.graph.node] == operators
    assert [each.name for each in smaller.graph.output] == [n for n in ("first", "second", "third") if n not in names]
    assert (smaller.metadata_props, smaller.opset_import) == (model.metadata_props, model.opset_import)


def test_nothing_left_out_gives_the_same_bytes():
    content = make_model().SerializeToString()
    assert without_outputs(content, ["absent"]) == content


def test_the_remaining_outputs_are_the_same(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(make_model(), path)
    x = np.array([-1.0, 2.0], np.float32)
    session = open_session(path)
    smaller = leave_out_outputs(session, path, ["second", "third"])
    assert [port.name for port in smaller.get_outputs()] == ["first"]
    assert np.array_equal(smaller.run(None, {"x": x})[0], session.run(None, {"x": x})[0])
    assert smaller.get_modelmeta().custom_metadata_map == {"limit": "0.25"}


def test_an_output_that_is_given_becomes_an_input():
    """second = x · weight + first: of the two, Relu is left out with the output that it makes."""
    part = onnx.load_from_string(cut(make_model().SerializeToString(), ["second"], ["first"]))
    onnx.checker.check_model(part)
    assert [node.op_type for node in part.graph.node] == ["Mul", "Add"]
    assert sorted(each.name for each in part.graph.input) == ["first", "x"]
    assert [each.name for each in part.graph.output] == ["second"]
    assert [each.name for each in part.graph.initializer] == ["weight"]


def test_inputs_that_are_not_needed_are_left_out():
    nodes = [helper.make_node("Abs", ["x"], ["map"]), helper.make_node("Mul", ["map", "y"], ["product"])]
    graph = helper.make_graph(nodes, "graph", [port("x"), port("y")], [port("map"), port("product")])
    content = helper.make_model(graph).SerializeToString()
    names = [
        ([each.name for each in part.graph.input], [each.name for each in part.graph.output])
        for part in map(onnx.load_from_string, (cut(content, ["map"]), cut(content, ["product"], ["map"])))
    ]
    assert sorted(names[1][0]) == ["map", "y"]
    assert (names[0], names[1][1]) == ((["x"], ["map"]), ["product"])


@pytest.mark.parametrize("device", ["cpu", "openvino"])
def test_parts_run_one_after_the_other(device, tmp_path):
    if device == "openvino":
        pytest.importorskip("openvino")
    nodes = [helper.make_node("Abs", ["x"], ["map"]), helper.make_node("Mul", ["map", "y"], ["product"])]
    graph = helper.make_graph(nodes, "graph", [port("x"), port("y")], [port("map"), port("product")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    whole = open_session(tmp_path / "model.onnx", device, threads=1)
    first, second = (
        open_part(whole, part)
        for part in (cut(model.SerializeToString(), ["map"]), cut(model.SerializeToString(), ["product"], ["map"]))
    )
    (found,) = first.run(None, {"x": np.array([-2.0, 3.0], np.float32)})
    (product,) = second.run(None, {"map": found, "y": np.array([5.0, 7.0], np.float32)})
    assert product.tolist() == [10, 21]


def test_other_sessions_are_unchanged(tmp_path):
    session = object()
    assert leave_out_outputs(session, tmp_path, ["first"]) is session


@pytest.mark.parametrize("content", [b"\x3a\x05ab", b"\x3a", b"\x0b", b"\xff"])
def test_other_files_are_errors(content):
    with pytest.raises(ValueError, match=r"cut off|wire type"):
        without_outputs(content, ["first"])


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**32])
def test_variable_length_numbers(value):
    assert read_varint(b"x" + encode_varint(value), 1) == (value, 1 + len(encode_varint(value)))
