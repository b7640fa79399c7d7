"""Constants and metadata of a serialised model, changed without the package onnx, as ONNX Runtime reads them."""

import numpy as np
import onnxruntime
import pytest

from idfree.appearance.people_crops import FILE, WEIGHT, PeopleFeatures, with_head
from idfree.core.errors import UserError
from idfree.core.onnx_bytes import append_metadata, read_constant, replace_constant
from idfree.core.onnx_outputs import encode_varint


def metadata_of(model: bytes) -> dict[str, str]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return dict(session.get_modelmeta().custom_metadata_map)


def test_numbers_are_in_base_128_with_the_low_digits_first():
    assert encode_varint(5) == b"\x05"
    assert encode_varint(300) == b"\xac\x02"  # the example of the specification


def test_metadata_is_added_and_a_later_value_replaces_an_earlier_one():
    model = append_metadata(
        append_metadata(FILE.read_bytes(), {"limit": "0.5", "note": "Straße" * 40}), {"limit": "0.25"}
    )
    told = metadata_of(model)
    assert (told["limit"], told["note"], told["idfree.kind"]) == ("0.25", "Straße" * 40, "appearance")


def test_a_head_takes_the_place_of_the_old_one(tmp_path):
    random = np.random.default_rng(0)
    mean, weight = random.normal(size=768).astype(np.float32), random.normal(size=(768, 64)).astype(np.float32)
    (tmp_path / "a.onnx").write_bytes(with_head(mean, weight, {"limit": "0.5"}))
    crops = random.integers(0, 256, (2, 128, 64, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    embedding, features = session.run(None, {"crops": crops})
    assert embedding == pytest.approx((features - mean) @ weight, rel=1e-3, abs=1e-3)
    assert np.array_equal(read_constant((tmp_path / "a.onnx").read_bytes(), WEIGHT, (768, 64)), weight)
    assert PeopleFeatures().of_crops(crops) == pytest.approx(features, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(("name", "size"), [("head/nothing", 768), (WEIGHT, 5)])
def test_another_constant_is_refused(name, size):
    with pytest.raises(UserError, match=f"no constant {name}"):
        replace_constant(FILE.read_bytes(), name, np.zeros(size, np.float32))
