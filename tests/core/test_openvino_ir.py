"""OpenVINO IR files as detectors, encoders and teachers: tiny ones, and the Open Model Zoo's if they are there."""

import numpy as np
import pytest

from idfree.appearance import open_encoder
from idfree.core.errors import UserError
from idfree.core.onnx_session import open_session
from idfree.core.types import Frame
from idfree.detectors import open_detector
from idfree.pipelines.manifest import checksum_of_model

CROPS = np.random.default_rng(0).integers(0, 256, (3, 16, 8, 3), dtype=np.uint8)


@pytest.fixture
def openvino():
    return pytest.importorskip("openvino")


@pytest.fixture
def mean_colour(openvino, tmp_path):
    """An IR that gives the mean of each plane of one 16×8 crop."""
    ops = openvino.opset13
    crop = ops.parameter([1, 3, 16, 8], np.float32, "crop")
    mean = ops.reduce_mean(crop, np.array([2, 3]), False)
    path = tmp_path / "mean.xml"
    openvino.save_model(openvino.Model([ops.result(mean, name="embedding")], [crop], "mean"), str(path))
    return path


def test_an_encoder_takes_blue_green_red_as_they_are(mean_colour):
    encoder = open_encoder(mean_colour, threads=1)
    expected = CROPS.mean(axis=(1, 2))
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.embed_crops(CROPS), expected, rtol=1e-3)
    red_first = open_encoder(mean_colour, ["channels=rgb"], threads=1)
    np.testing.assert_allclose(red_first.embed_crops(CROPS), expected[:, ::-1], rtol=1e-3)


def test_the_input_can_be_resized(mean_colour):
    session = open_session(mean_colour)
    name = session.get_inputs()[0].name
    session.reshape(name, [1, 3, 4, 6])
    assert session.get_inputs()[0].shape == (1, 3, 4, 6)
    (mean,) = session.run(None, {name: np.full((1, 3, 4, 6), 2.5, np.float32)})
    np.testing.assert_allclose(mean, 2.5)
    with pytest.raises(UserError, match=r"mean\.xml: OpenVINO cannot change its input .* to \(1, 3\): "):
        session.reshape(name, [1, 3])


def test_mistakes(mean_colour):
    with pytest.raises(UserError, match="an OpenVINO IR runs on auto, cpu, openvino or openvino:bf16"):
        open_session(mean_colour, "cuda")
    before = checksum_of_model(mean_colour)
    weights = mean_colour.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes() + b"x")
    assert checksum_of_model(mean_colour) != before
    weights.unlink()
    with pytest.raises(UserError, match=r"its weights are missing: mean\.bin must lie beside it"):
        open_session(mean_colour)


def test_without_openvino_the_extra_is_named(tmp_path, monkeypatch):
    for name in ("m.xml", "m.bin"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(UserError, match=r"m\.xml, an OpenVINO IR, needs the package openvino: .*idfree\[openvino\]"):
        open_session(tmp_path / "m.xml")


def test_the_open_model_zoo_finds_people_and_tells_them_apart(openvino, shared):
    av = pytest.importorskip("av")
    with av.open(str(shared / "data/videos/TUD-Campus.mp4")) as video:
        image = next(video.decode(video=0)).to_ndarray(format="bgr24")
    zoo = shared / "data/models/omz"
    detector = open_detector(zoo / "person-detection-retail-0013-FP16.xml", assignments=["min_score=0.5"], threads=1)
    people = detector(Frame(1, image)).detections
    assert len(people) >= 4
    assert set(people.class_id) == {0}
    large = open_detector(zoo / "person-detection-retail-0013-FP16.xml", assignments=["size=640x480"], threads=1)
    assert (detector.size_hw, large.size_hw) == ((320, 544), (480, 640))
    embedding = open_encoder(zoo / "person-reidentification-retail-0287-FP32.xml", threads=1)(image, people.xyxy)
    other = open_encoder(zoo / "person-reidentification-retail-0287-eps.onnx", device="cpu", threads=1)
    pairs = np.triu_indices(len(people), 1)
    similarities = [(each @ each.T)[pairs] for each in (embedding, other(image, people.xyxy))]
    assert np.corrcoef(similarities)[0, 1] > 0.9  # the dimensions are in another order
