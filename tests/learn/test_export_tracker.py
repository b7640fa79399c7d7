"""Export to ONNX: interface, metadata, and parity with PyTorch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

import onnxruntime
from torch import nn

from idfree.core import onnx_session
from idfree.core.errors import UserError
from idfree.learn import export_tracker as module
from idfree.learn.export_tracker import export_tracker, output_differences
from idfree.learn.networks import pyramid_anchors, retinanet, suppression
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.deformable import DeformableConv
from idfree.learn.networks.heads import occlusion_heads, tracker_heads
from idfree.learn.networks.jde import JdeNetwork, jde_heads
from idfree.learn.networks.layers import make_conv_block
from idfree.learn.networks.retinanet import RetinaNet

HAS_DEFORM = tuple(map(int, onnxruntime.__version__.split(".")[:2])) >= (1, 25)
SIZE = (64, 96)


class Small(nn.Sequential):
    """A backbone of two layers, the second deformable or not."""

    channels, stride = 8, 8

    def __init__(self, deformable):
        second = DeformableConv(8, 8) if deformable else nn.Conv2d(8, 8, 3, padding=1)
        super().__init__(make_conv_block(nn.Conv2d(3, 8, 9, stride=8, padding=4)), second)


class TwoLevels(nn.Module):
    """The levels 3 and 6 of a pyramid: the second has ⌈H/64⌉ rows, not always H/64."""

    channels = 8

    def __init__(self):
        super().__init__()
        self.fine = nn.Conv2d(3, 8, 8, stride=8)
        self.coarse = nn.Sequential(nn.Conv2d(3, 8, 32, stride=32), nn.Conv2d(8, 8, 3, stride=2, padding=1))

    def forward(self, x):
        return [self.fine(x), self.coarse(x)]


@pytest.fixture(scope="module", autouse=True)
def small_retinanet():
    """Two of the five levels and short subnets, as exporting takes long for graphs of many nodes and shapes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyramid_anchors, "STRIDES", (8, 64))
        patch.setattr(retinanet, "LEVELS", ("level3", "level6"))
        patch.setattr(retinanet, "CONVOLUTIONS", 1)
        patch.setattr(suppression, "ROUNDS", 3)
        yield


def make(kind):
    """A network with statistics as after some training, in the memory format of training."""
    torch.manual_seed(0)
    if kind == "retinanet":
        network = RetinaNet(TwoLevels(), 2, 16)
        network({"image": torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)})
        return network
    heads = jde_heads(16) if kind == "anchors" else tracker_heads(2, 16)
    if kind == "occlusions":
        heads |= occlusion_heads()
    network = (JdeNetwork if kind == "anchors" else CentreNetwork)(Small(kind == "deformable"), heads)
    if kind == "deformable":
        nn.init.normal_(network.backbone[1].conv_offset_mask.weight)
    network = network.to(memory_format=torch.channels_last)
    network({"image": torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)})
    return network


deform = pytest.param("deformable", marks=pytest.mark.skipif(not HAS_DEFORM, reason="ONNX Runtime is too old"))


@pytest.fixture(scope="module", params=["plain", deform, "anchors", "retinanet"])
def exported(request, tmp_path_factory):
    """A network and its exported file."""
    network, path = make(request.param), tmp_path_factory.mktemp("export") / "tracker.onnx"
    export_tracker(network, path, {"method": "fairmot", "limit": "0.45"}, SIZE)
    return network, path


def open_session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("size_hw", [(32, 32), (96, 64), (256, 384)])
def test_any_size_gives_the_outputs_of_pytorch(exported, size_hw):
    """At most 500 boxes; a small map has as many boxes as cells."""
    network, path = exported
    image = np.random.default_rng(0).integers(0, 256, (1, *size_hw, 3), dtype=np.uint8)
    actual = dict(zip(module.OUTPUTS, open_session(path).run(None, {"image": image}), strict=True))
    network.eval()
    with torch.inference_mode():
        maps = network.maps(torch.from_numpy(image).permute(0, 3, 1, 2))
        expected, candidates = (
            {name: value[0].numpy() for name, value in rows.items()}
            for rows in (network.decode(maps), network.candidates(maps))
        )
    network.train()
    assert {name: value.shape for name, value in actual.items()} == {k: v.shape for k, v in expected.items()}
    assert np.allclose(actual["scores"], expected["scores"], atol=1e-5)
    difference = output_differences(actual, candidates)
    assert difference["boxes"] < 1e-2
    assert difference["scores"] < 1e-5
    assert difference["embedding"] < 1e-4
    assert (np.diff(actual["scores"]) < 1e-7).all()  # sorted by logits, whose sigmoid is rounded


def test_the_file_is_a_function_of_the_network_alone(exported, tmp_path, monkeypatch):
    network, path = exported
    monkeypatch.chdir(tmp_path)
    export_tracker(network, tmp_path / "again.onnx", {"method": "fairmot", "limit": "0.45"}, SIZE)
    content = path.read_bytes()
    assert (tmp_path / "again.onnx").read_bytes() == content
    assert b'File "' not in content, "stack traces of the exporter"
    assert b"pkg.torch" not in content


def test_inputs_and_outputs(exported):
    session = open_session(exported[1])
    (image,) = session.get_inputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", [1, "H", "W", 3])
    rows = 100 if isinstance(exported[0], RetinaNet) else "K"  # RetinaNet fills up with rows of score 0
    assert [(port.name, port.type, port.shape) for port in session.get_outputs()] == [
        ("boxes", "tensor(float)", [rows, 4]),
        ("scores", "tensor(float)", [rows]),
        ("classes", "tensor(int64)", [rows]),
        ("embedding", "tensor(float)", [rows, 16]),
    ]


def test_metadata(exported):
    network, path = exported
    metadata = open_session(path).get_modelmeta().custom_metadata_map
    assert metadata.pop("idfree.version").count(".") == 2
    deformable = module.has_deformable(network)
    assert metadata == {
        "idfree.kind": "tracker",
        "dimension": "16",
        "size": "64x96",
        "stride": "8",
        "needs": f"onnxruntime>={'1.25' if deformable else '1.17'}",
        "method": "fairmot",
        "limit": "0.45",
    }


def test_the_network_is_unchanged(exported):
    network, _ = exported
    assert network.training
    if isinstance(network, CentreNetwork):
        assert network.backbone[0][0].weight.is_contiguous(memory_format=torch.channels_last)


def table(count=200):
    """Outputs like those of a network."""
    random = np.random.default_rng(0)
    corner = random.uniform(0, 1000, (count, 2))
    return {
        "boxes": np.concatenate([corner, corner + 50], axis=1),
        "scores": np.linspace(1, 0.1, count),
        "classes": random.integers(0, 2, count),
        "embedding": random.normal(size=(count, 8)),
    }


def test_output_differences_ignore_order():
    expected = table()
    turned = {name: value[::-1] for name, value in expected.items()}
    assert output_differences(expected, turned) == {"boxes": 0, "scores": 0, "embedding": 0}
    one_gone = {name: value[1:] for name, value in expected.items()}
    assert output_differences(expected, one_gone)["boxes"] == 0
    other_class = {**expected, "classes": 1 - expected["classes"]}
    assert output_differences(expected, other_class)["boxes"] > 1
    assert output_differences(expected, {**expected, "scores": expected["scores"] + 0.01})["scores"] == pytest.approx(
        0.01
    )


def test_a_file_without_parity_is_not_written(tmp_path, monkeypatch):
    network = make("plain")
    other = module.ExportedTracker(make("plain")).eval()
    nn.init.constant_(other.network.heads["heat"][2].bias, 0.0)

    class Wrong:
        def __init__(self, *args, **kwargs):
            pass

        def run(self, names, feeds):
            with torch.no_grad():
                return [tensor.numpy() for tensor in other(torch.from_numpy(feeds["image"]))]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Wrong)
    monkeypatch.setattr(module, "write_onnx", lambda network, example, path, *rest: path.write_bytes(b"graph"))
    with pytest.raises(UserError, match=r"differ by \S+ in (boxes|scores), more than"):
        export_tracker(network, tmp_path / "x.onnx", {}, SIZE)
    assert not list(tmp_path.iterdir())


def test_an_onnx_runtime_too_old_is_refused(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("NOT_IMPLEMENTED : Could not find an implementation for DeformConv(19)")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    monkeypatch.setattr(module, "write_onnx", lambda network, example, path, *rest: path.write_bytes(b"graph"))
    with pytest.raises(UserError, match=r"cannot run it; deformable convolution needs 1\.25 or newer: .*DeformConv"):
        export_tracker(make("deformable"), tmp_path / "x.onnx", {}, SIZE)
    assert not list(tmp_path.iterdir())


def test_sizes_are_multiples_of_32(tmp_path):
    with pytest.raises(UserError, match="size is 1088x600, expected multiples of 32"):
        export_tracker(make("plain"), tmp_path / "x.onnx", {}, (600, 1088))


@pytest.mark.parametrize("device", ["cpu", "openvino"])
def test_occlusion_centres_are_decoded_in_the_graph(device, tmp_path):
    if device == "openvino":
        pytest.importorskip("openvino", reason="needs the package openvino")
    network, path = make("occlusions"), tmp_path / "tracker.onnx"
    export_tracker(network, path, {"method": "outrack"}, SIZE)
    session = onnx_session.open_session(path, device)
    assert [port.name for port in session.get_outputs()] == [*module.OUTPUTS, "occlusions"]
    image = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3), dtype=np.uint8)
    actual = session.run(None, {"image": image})[-1]
    with torch.inference_mode():
        expected = network.eval().decode(network.maps(torch.from_numpy(image).permute(0, 3, 1, 2)))["occlusions"][0]
    likely = expected[:, 2].numpy() > 0
    assert likely.sum() > 3
    np.testing.assert_allclose(actual[likely], expected.numpy()[likely], atol=1e-3)
