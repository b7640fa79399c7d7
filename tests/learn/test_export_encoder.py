"""Export to ONNX: interface, metadata, and parity with PyTorch."""

import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

import onnxruntime

from idfree.core.errors import UserError
from idfree.learn import export_encoder
from idfree.learn.networks.crop_reid import CropReidNetwork, embed


@pytest.fixture(scope="module")
def network():
    """With statistics as after some training, in the memory format of training."""
    torch.manual_seed(0)
    network = CropReidNetwork("striped").to(memory_format=torch.channels_last)
    network({"crops": torch.rand(16, 3, 128, 64) * 255})
    return network


@pytest.fixture(scope="module")
def path(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "appearance.onnx"
    export_encoder.export_encoder(network, path, {"method": "simplereid", "limit": "0.45"})
    return path


@pytest.fixture(scope="module")
def session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_any_number_of_crops_gives_the_outputs_of_pytorch(session, network, count):
    crops = np.random.default_rng(count).integers(0, 256, (count, 128, 64, 3), dtype=np.uint8)
    (embedding,) = session.run(None, {"crops": crops})
    assert embedding.shape == (count, 128)
    assert embedding.dtype == np.float32
    assert np.allclose(embedding, embed(network, crops), atol=1e-5)
    assert np.allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)


def test_the_file_has_no_traces_of_the_exporter(path):
    content = path.read_bytes()
    assert b'File "' not in content
    assert b"pkg.torch" not in content


def test_inputs_and_outputs(session):
    (crops,), (embedding,) = session.get_inputs(), session.get_outputs()
    assert (crops.name, crops.type, crops.shape) == ("crops", "tensor(uint8)", ["N", 128, 64, 3])
    assert (embedding.name, embedding.type, embedding.shape) == ("embedding", "tensor(float)", ["N", 128])


def test_metadata(session):
    metadata = session.get_modelmeta().custom_metadata_map
    version = metadata.pop("idfree.version")
    assert version.count(".") == 2
    assert metadata == {
        "idfree.kind": "appearance",
        "dimension": "128",
        "size": "128x64",
        "method": "simplereid",
        "limit": "0.45",
    }


def test_the_network_is_unchanged(network, path):
    assert network.training
    assert network.body.stem[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_the_file_is_small_and_self_contained(network, path):
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert path.stat().st_size < 4 * parameters + 100_000
    assert list(path.parent.iterdir()) == [path]


def test_a_file_without_parity_is_not_written(network, tmp_path, monkeypatch):
    wrong = SimpleNamespace(run=lambda names, feeds: [np.zeros((len(feeds["crops"]), 128), np.float32)])
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *args, **kwargs: wrong)
    monkeypatch.setattr(export_encoder, "write_onnx", lambda encoder, crops, path, metadata: path.write_bytes(b"graph"))
    with pytest.raises(UserError, match=r"differ by 0\.\d+, more than 0\.0001"):
        export_encoder.export_encoder(network, tmp_path / "x.onnx", {})
    assert not list(tmp_path.iterdir())


def test_the_encoder_of_the_package_reads_it(path, network):
    from idfree.appearance.crop_network import CropNetwork

    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    encoder = CropNetwork(path)
    embedding = encoder(image, np.array([[10.0, 20.0, 74.0, 148.0]]))  # as large as a crop: nothing to resize
    assert (encoder.dimension, encoder.match_threshold) == (128, 0.45)
    assert np.allclose(embedding, embed(network, image[None, 20:148, 10:74]), atol=1e-4)


def test_ctrl_c_waits_for_the_exporter_and_no_file_is_written(network, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        done.append(export(*arguments, **options))  # in PyTorch's C++, an exception may end the process
        return done[-1]

    done, export = [], export_encoder.torch.onnx.export
    monkeypatch.setattr(export_encoder.torch.onnx, "export", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_encoder.export_encoder(network, tmp_path / "model.onnx", {})
    assert len(done) == 1
    assert not list(tmp_path.iterdir())
