"""ONNX models: metadata, input sizes, and errors."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.onnx_model import OnnxModel, describe_inputs, input_size, parse_size, prefix_errors


@dataclass
class Session:
    """Stub of an ONNX Runtime session: its one output is its one input."""

    metadata: dict = field(default_factory=dict)

    def get_inputs(self):
        return [SimpleNamespace(name="x", shape=["N", 2], type="tensor(float)")]

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map=self.metadata)

    def run(self, names, feed):
        return [feed["x"]]


def model(**metadata):
    return OnnxModel("folder/m.onnx", session=Session(metadata))


def test_name_metadata_and_inputs():
    found = model(size="96x128")
    assert (found.name, found.metadata, describe_inputs(found.inputs)) == ("m.onnx", {"size": "96x128"}, "x (N, 2)")
    assert describe_inputs([]) == "nothing"


def test_sizes_are_width_x_height_for_users_and_height_x_width_in_metadata():
    assert parse_size("128x96") == (96, 128)
    assert model(size="96x128").stored_size() == (96, 128)
    assert model().stored_size((5, 6)) == (5, 6)
    for wrong in ("", "96", "96x", "0x96", "96x128x3", "-96x128", "big"):
        assert parse_size(wrong) is None
        with pytest.raises(UserError, match=f"its metadata says size={wrong}, expected HEIGHTxWIDTH"):
            model(size=wrong).stored_size((5, 6))
    with pytest.raises(UserError, match="its metadata says size=, expected HEIGHTxWIDTH"):
        model().stored_size()


def test_fixed_sides_come_before_the_requested_size_and_that_before_the_default():
    assert input_size([96, 128], None, (5, 6)) == (96, 128)
    assert input_size(["H", None], None, (5, 6)) == (5, 6)
    assert input_size(["H", 128], "128x32", (5, 6)) == (32, 128)
    with pytest.raises(UserError, match="--set size=64x96: its input is fixed at 128x96; leave size out"):
        input_size([96, 128], "64x96", (5, 6))
    with pytest.raises(UserError, match="--set size=64: expected WIDTHxHEIGHT, such as 6x5"):
        input_size([96, 128], "64", (5, 6))


def test_numbers_of_the_metadata():
    found = model(limit="0.25", word="low", nan="nan")
    assert found.stored_number("limit") == 0.25
    assert found.stored_number("other") is None
    with pytest.raises(UserError, match="its metadata says word=low, expected a number"):
        found.stored_number("word")
    with pytest.raises(UserError, match=r"its metadata says limit=0\.25, expected one in 1…2"):
        found.stored_number("limit", 1, 2, "one in 1…2")
    with pytest.raises(UserError, match="nan=nan"):
        found.stored_number("nan")


def test_errors_of_the_network_and_nan_are_user_errors():
    found = model()
    np.testing.assert_array_equal(found.run({"x": np.eye(2)}, "2x2")[0], np.eye(2))
    assert found.run({"x": np.zeros((0, 2))}, "nothing")[0].shape == (0, 2)
    with pytest.raises(UserError, match="the network gives NaN"):
        found.run({"x": np.array([1.0, np.nan])}, "2")
    with pytest.raises(UserError, match="the network cannot run on 2x2: 'x'"):
        found.run({}, "2x2")


def test_prefix_errors():
    with pytest.raises(UserError, match=r"^m\.onnx: wrong$"), prefix_errors("m.onnx"):
        raise UserError("wrong")
    with pytest.raises(ValueError, match=r"^wrong$"), prefix_errors("m.onnx"):
        raise ValueError("wrong")
