"""Inference sessions: execution providers of devices, and OpenVINO with the interface of ONNX Runtime."""

import sys

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.onnx_session import execution_providers, open_session


def test_execution_providers_of_devices():
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert execution_providers("auto", both) == both
    assert execution_providers("auto", both[1:]) == both[1:]
    assert execution_providers("cpu", both) == both[1:]
    assert execution_providers("cuda:1", both) == [("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"]
    with pytest.raises(UserError, match="--device cuda: this ONNX Runtime has only CPUExecutionProvider; pip install"):
        execution_providers("cuda", both[1:])
    for invalid in ("gpu", "cpu:1", "cuda:x"):
        with pytest.raises(UserError, match="expected auto, cpu, cuda, cuda:N, mps, openvino"):
            execution_providers(invalid, both)


def test_openvino_gives_the_outputs_of_onnx_runtime(tmp_path):
    """All outputs of a deformable convolution with random offsets."""
    pytest.importorskip("openvino")
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    shapes = {"x": [1, 3, 9, 11], "w": [4, 3, 3, 3], "offset": [1, 18, 9, 11], "b": [4], "mask": [1, 9, 9, 11]}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 9, 11])
    node = helper.make_node("DeformConv", list(shapes), ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    model = helper.make_model(
        helper.make_graph([node], "g", ports, [out]), opset_imports=[helper.make_opsetid("", 19)], ir_version=9
    )
    helper.set_model_props(model, {"idfree.kind": "tracker"})
    onnx.save(model, tmp_path / "m.onnx")
    random = np.random.default_rng(0)
    feed = {name: random.normal(0, 2, shape).astype(np.float32) for name, shape in shapes.items()}
    onnx_runtime, openvino = (open_session(tmp_path / "m.onnx", device, 1) for device in ("cpu", "openvino"))
    np.testing.assert_allclose(openvino.run(None, feed)[0], onnx_runtime.run(None, feed)[0], atol=1e-4)
    assert openvino.get_modelmeta().custom_metadata_map == {"idfree.kind": "tracker"}
    assert [(p.name, list(p.shape), p.type) for p in openvino.get_inputs()] == [
        (p.name, list(p.shape), p.type) for p in onnx_runtime.get_inputs()
    ]
    (tmp_path / "junk.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"junk\.onnx: OpenVINO cannot load it as a model"):
        open_session(tmp_path / "junk.onnx", "openvino")


def test_errors_of_a_network_are_not_logged_too(tmp_path, capfd):
    """ONNX Runtime wrote them to stderr in red, before the sentence of idfree."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"]
    shape = numpy_helper.from_array(np.array([2, 2]), "shape")
    graph = helper.make_graph([helper.make_node("Reshape", ["x", "shape"], ["y"])], "g", ports[:1], ports[1:], [shape])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "m.onnx")
    session = open_session(tmp_path / "m.onnx", "cpu", 1)
    with pytest.raises(Exception, match="Reshape"):
        session.run(None, {"x": np.zeros(3, np.float32)})
    assert capfd.readouterr().err == ""


def test_a_missing_openvino_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"--device openvino needs the package openvino: pip install 'idfree\[openvino\]'"
    ):
        open_session(tmp_path / "m.onnx", "openvino")
