"""Crop networks: with a stub session, and with tiny ONNX files."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from idfree.appearance import open_encoder
from idfree.appearance.crop_network import CropNetwork, CropNetworkSettings
from idfree.core.errors import UserError
from idfree.core.settings import override

CROPS = np.random.default_rng(0).integers(0, 256, (5, 16, 8, 3), dtype=np.uint8)
OWN = {"idfree.kind": "appearance", "limit": "0.42", "size": "16x8"}


@dataclass
class Port:
    name: str
    shape: list
    type: str = "tensor(float)"


def mean_colour(crops):
    """(N, 3) blue, green and red of uint8 crops."""
    return crops.astype(np.float32).mean(axis=(1, 2))


def mean_plane(planes):
    """(N, 3) the mean of each plane."""
    return planes.astype(np.float32).mean(axis=(2, 3))


@dataclass
class Session:
    """Stub of an ONNX Runtime session; `seen`: its input batches."""

    inputs: list
    answer: object = mean_colour
    metadata: dict = field(default_factory=dict)
    seen: list = field(default_factory=list)

    def get_inputs(self):
        return self.inputs

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map=self.metadata)

    def run(self, _, feed):
        (batch,) = feed.values()
        self.seen.append(batch)
        outputs = self.answer(batch)
        return outputs if isinstance(outputs, list) else [outputs]


def own(metadata=OWN, batch="N", **changes):
    return Session([Port("crops", [batch, 16, 8, 3], "tensor(uint8)")], metadata=dict(metadata), **changes)


def others(shape=("N", 3, 16, 8), kind="tensor(float)", answer=mean_plane):
    return Session([Port("images", list(shape), kind)], answer)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_own_files_get_uint8_crops():
    session = own()
    encoder = CropNetwork("folder/mine.onnx", session=session)
    assert (encoder.name, encoder.dimension, encoder.size_hw, encoder.match_threshold) == (
        "mine.onnx",
        3,
        (16, 8),
        0.42,
    )
    embedding = encoder.embed_crops(CROPS)
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(embedding, unit(mean_colour(CROPS)), rtol=1e-5)
    np.testing.assert_array_equal(session.seen[-1], CROPS)


def test_boxes_of_an_image():
    encoder = CropNetwork("mine.onnx", session=own())
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[:, :30, 0] = image[:, 30:, 2] = 200
    embedding = encoder(image, np.array([[0, 0, 20, 40], [40, 0, 60, 40], [70, 0, 90, 40.0]]))
    np.testing.assert_allclose(embedding, [[1, 0, 0], [0, 0, 1], np.full(3, 3**-0.5)], atol=1e-6)
    assert encoder(image, np.zeros((0, 4))).shape == (0, 3)


def test_crops_are_encoded_in_batches():
    session = own()
    encoder = CropNetwork("mine.onnx", CropNetworkSettings(batch=2), session=session)
    session.seen.clear()
    np.testing.assert_allclose(encoder.embed_crops(CROPS), unit(mean_colour(CROPS)), rtol=1e-5)
    assert [len(batch) for batch in session.seen] == [2, 2, 1]


def test_a_fixed_batch_size_is_filled_up():
    session = own(batch=4)
    encoder = CropNetwork("mine.onnx", session=session)
    np.testing.assert_allclose(encoder.embed_crops(CROPS), unit(mean_colour(CROPS)), rtol=1e-5)
    assert {len(batch) for batch in session.seen} == {4}


def test_third_party_files_get_normalised_rgb_planes():
    session = others()
    encoder = CropNetwork("osnet.onnx", session=session)
    assert encoder.match_threshold is None
    encoder.embed_crops(CROPS)
    rgb = CROPS[..., ::-1].transpose(0, 3, 1, 2) / 255
    mean, deviation = (np.array(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    assert session.seen[-1].dtype == np.float32
    np.testing.assert_allclose(session.seen[-1], (rgb - mean) / deviation, atol=1e-5)

    CropNetwork("x.onnx", CropNetworkSettings(normalisation="none", channels="bgr"), session=session).embed_crops(CROPS)
    np.testing.assert_array_equal(session.seen[-1], CROPS.transpose(0, 3, 1, 2))
    half = others(kind="tensor(float16)")
    CropNetwork("x.onnx", CropNetworkSettings(normalisation="unit"), session=half).embed_crops(CROPS)
    assert half.seen[-1].dtype == np.float16
    np.testing.assert_allclose(half.seen[-1], rgb, atol=1e-3)


def test_size_is_width_x_height_in_settings_and_height_x_width_in_metadata():
    open_sides = ("N", 3, "H", None)
    assert CropNetwork("x.onnx", session=others(open_sides)).size_hw == (256, 128)
    stored = Session(others(open_sides).inputs, mean_plane, metadata={"size": "64x32"})
    assert CropNetwork("x.onnx", session=stored).size_hw == (64, 32)
    assert CropNetwork("x.onnx", CropNetworkSettings(size="32x64"), session=others(open_sides)).size_hw == (64, 32)
    assert CropNetwork("x.onnx", CropNetworkSettings(size="8x16"), session=others()).size_hw == (16, 8)
    with pytest.raises(UserError, match=r"x\.onnx: --set size=32x64: its input is fixed at 8x16; leave size out"):
        CropNetwork("x.onnx", CropNetworkSettings(size="32x64"), session=others())
    with pytest.raises(UserError, match="size=64: expected WIDTHxHEIGHT, such as 128x256"):
        override(CropNetworkSettings(), ["size=64"])
    with pytest.raises(UserError, match="batch=0 must be at least 1"):
        override(CropNetworkSettings(), ["batch=0"])


def test_thresholds_are_of_the_file_unless_set():
    both = CropNetwork("m.onnx", session=own({**OWN, "farthest": "0.6"}))
    assert (both.match_threshold, both.upper_threshold) == (0.42, 0.6)
    changed = CropNetwork("m.onnx", CropNetworkSettings(limit=0.3), session=own({**OWN, "farthest": "0.6"}))
    assert (changed.match_threshold, changed.upper_threshold) == (0.3, None)
    assert CropNetwork("m.onnx", session=own({"idfree.kind": "appearance"})).match_threshold is None
    for wrong in ("near", "nan", "-1"):
        with pytest.raises(UserError, match=rf"m\.onnx: its metadata says limit={wrong}, expected a cosine distance"):
            CropNetwork("m.onnx", session=own({**OWN, "limit": wrong}))


@pytest.mark.parametrize(
    ("session", "message"),
    [
        (own({"idfree.kind": "tracker"}), "is an idfree model of the kind 'tracker', expected 'appearance'"),
        (others((1, 3, 64, 64), answer=lambda x: np.zeros((1, 84, 84))), r"gives \(1, 84, 84\) .* it is a detector"),
        (others(answer=lambda x: [np.zeros((1, 4)), np.zeros((1, 80))]), r"gives \(1, 4\), \(1, 80\) for 1 crops"),
        (others(answer=lambda x: np.zeros((7, 4))), r"expected \(1, D\), an embedding for each"),
        (others(("N", 1, 28, 28)), r"takes images \(N, 1, 28, 28\); a crop network takes images"),
        (Session([Port("tokens", [1, 77], "tensor(int64)")]), r"takes tokens \(1, 77\)"),
        (Session([Port("a", [1, 3, 8, 8]), Port("b", [1, 3, 8, 8])]), r"takes a \(1, 3, 8, 8\), b \(1, 3, 8, 8\)"),
        (others(kind="tensor(double)"), r"its input images is a tensor\(double\); expected uint8, float or float16"),
        (others(answer=lambda x: np.full((1, 4), np.nan)), "the network gives NaN"),
        (own({**OWN, "size": "big"}), "its metadata says size=big, expected HEIGHTxWIDTH"),
    ],
)
def test_other_networks_are_refused(session, message):
    with pytest.raises(UserError, match=r"^m\.onnx: .*" + message):
        CropNetwork("m.onnx", session=session)


def nan_unless_constant(planes):
    """An embedding that is NaN for crops with texture, as of weights that overflow."""
    values = mean_plane(planes)
    values[planes.std(axis=(2, 3)).max(axis=1) > 0.1] = np.nan
    return values


def nan_if_constant(planes):
    """An embedding that is NaN for crops without texture, as of a normalisation without epsilon."""
    values = mean_plane(planes)
    values[planes.std(axis=(2, 3)).max(axis=1) < 0.1] = np.nan
    return values


def test_crop_networks_are_probed_with_noise():
    assert CropNetwork("m.onnx", session=others(answer=nan_if_constant)).dimension == 3
    with pytest.raises(UserError, match=r"^m\.onnx: the network gives NaN: .*a normalisation without epsilon"):
        CropNetwork("m.onnx", session=others(answer=nan_unless_constant))
    with pytest.raises(UserError, match=r"^m\.onnx: the network gives infinite numbers"):
        CropNetwork("m.onnx", session=others(answer=lambda x: np.full((len(x), 4), np.inf, dtype=np.float32)))
    session = own(batch=4)
    CropNetwork("m.onnx", session=session).embed_crops(CROPS[:1])
    np.testing.assert_array_equal(session.seen[-1], CROPS[[0, 0, 0, 0]])  # filled up without constant crops


def test_the_published_network_without_epsilon_is_refused(shared):
    path = shared / "data/models/omz/person-reidentification-retail-0287.onnx"
    with pytest.raises(UserError, match=r"gives NaN: .*a normalisation without epsilon"):
        open_encoder(path, device="cpu", threads=1)


def test_errors_of_the_network_are_summarised():
    def fail(_):
        raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : Node Conv failed: shapes differ\nand much more")

    with pytest.raises(UserError, match=r"^m\.onnx: the network cannot run on 1 crops 8x16: shapes differ$"):
        CropNetwork("m.onnx", session=others(answer=fail))


def test_files_that_are_no_models_are_refused(tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"junk\.onnx: ONNX Runtime cannot load it as a model"):
        open_encoder(tmp_path / "junk.onnx")
    with pytest.raises(UserError, match=r"none\.onnx: no such file"):
        open_encoder(tmp_path / "none.onnx")
    with pytest.raises(UserError, match="NetworkSettings has no setting 'stripes'"):
        open_encoder(tmp_path / "none.onnx", ["stripes=3"])


def write_model(path, own):
    """Write a network that gives the mean colour of uint8 crops (as idfree's own files) or of float planes."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    shape = ["N", 16, 8, 3] if own else ["N", 3, 16, 8]
    axes = onnx.numpy_helper.from_array(np.array([1, 2] if own else [2, 3]), "axes")
    nodes = [
        helper.make_node("Cast", ["crops"], ["float"], to=kinds.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["embedding"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mean colour",
        [helper.make_tensor_value_info("crops", kinds.UINT8 if own else kinds.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", kinds.FLOAT, ["N", 3])],
        [axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if own:
        helper.set_model_props(model, OWN)
    onnx.save(model, path)


def test_a_real_own_file(tmp_path):
    write_model(tmp_path / "mean.onnx", own=True)
    encoder = open_encoder(tmp_path / "mean.onnx", ["batch=2"], device="cpu", threads=1)
    assert (encoder.name, encoder.dimension, encoder.size_hw, encoder.match_threshold) == (
        "mean.onnx",
        3,
        (16, 8),
        0.42,
    )
    np.testing.assert_allclose(encoder.embed_crops(CROPS), unit(mean_colour(CROPS)), rtol=1e-5)


def test_a_real_third_party_file(tmp_path):
    write_model(tmp_path / "mean.onnx", own=False)
    encoder = open_encoder(str(tmp_path / "mean.onnx"), ["normalisation=unit"], device="cpu", threads=1)
    np.testing.assert_allclose(encoder.embed_crops(CROPS), unit(mean_colour(CROPS)[:, ::-1]), rtol=1e-4)


def test_a_detector_is_refused(shared):
    with pytest.raises(UserError, match=r"yolox_nano\.onnx: gives \(1, 3549, 85\) for 1 crops.* \(--detector\)"):
        open_encoder(shared / "data/models/yolox_nano.onnx", device="cpu", threads=1)
