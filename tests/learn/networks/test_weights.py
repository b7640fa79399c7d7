"""Loading of published weights of crop Re-ID networks."""

import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.networks.crop_reid import NETWORKS, CropReidNetwork
from idfree.learn.networks.weights import load_weights, read_weights

# Some parameter names and shapes of the published files.
TORCHVISION = {
    "conv1.weight": (64, 3, 7, 7),
    "bn1.running_var": (64,),
    "layer1.0.downsample.0.weight": (256, 64, 1, 1),
    "layer1.0.downsample.1.bias": (256,),
    "layer2.0.conv2.weight": (128, 128, 3, 3),
    "layer3.5.bn3.num_batches_tracked": (),
    "layer4.2.conv3.weight": (2048, 512, 1, 1),
}
TORCHREID = {
    "conv1.conv.weight": (64, 3, 7, 7),
    "conv2.0.conv1.bn.weight": (64,),
    "conv2.0.conv2a.conv2.weight": (64, 1, 3, 3),
    "conv2.0.conv2d.3.conv1.weight": (64, 64, 1, 1),
    "conv2.0.gate.fc1.weight": (4, 64, 1, 1),
    "conv2.0.gate.fc2.bias": (64,),
    "conv2.0.downsample.conv.weight": (256, 64, 1, 1),
    "conv2.2.0.conv.weight": (256, 256, 1, 1),
    "conv4.1.conv3.bn.running_mean": (512,),
    "conv5.conv.weight": (512, 512, 1, 1),
    "fc.0.weight": (512, 512),
    "fc.1.running_mean": (512,),
}


def published(name, classifier):
    """Weights of a network under the published names, with a classifier."""
    make_body, _, dimension = NETWORKS[name]
    weights = {key: torch.full_like(value, 3) for key, value in make_body().state_dict().items()}
    head = {f"{classifier}.weight": torch.zeros(1000, dimension), f"{classifier}.bias": torch.zeros(1000)}
    return weights | head


@pytest.mark.parametrize(("name", "keys"), [("resnet50", TORCHVISION), ("osnet_x1_0", TORCHREID)])
def test_names_are_the_published_ones(name, keys):
    ours = NETWORKS[name][0]().state_dict()
    assert {key: tuple(ours[key].shape) for key in keys} == keys


@pytest.mark.parametrize(
    ("name", "classifier"),
    [("resnet18", "fc"), ("resnet50", "classifier"), ("osnet_x1_0", "classifier"), ("osnet_x0_25", "classifier")],
)
def test_published_weights_load_completely(name, classifier):
    body = NETWORKS[name][0]()
    load_weights(body, name, published(name, classifier), "x.pth")
    assert all((value == 3).all() for value in body.state_dict().values())


def test_wrapped_weights_in_a_file(tmp_path):
    wrapped = {"state_dict": {f"module.{key}": value for key, value in published("resnet18", "fc").items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / "x.pth")
    body = NETWORKS["resnet18"][0]()
    load_weights(body, "resnet18", read_weights(tmp_path / "x.pth"), "x.pth")
    assert (body.conv1.weight == 3).all()


def test_own_checkpoints_load(tmp_path):
    network, body = CropReidNetwork("osnet_x0_25"), NETWORKS["osnet_x0_25"][0]()
    torch.save({"network": network.state_dict(), "step": 3}, tmp_path / "last.pt")
    load_weights(body, "osnet_x0_25", read_weights(tmp_path / "last.pt"), "last.pt")
    assert all(torch.equal(value, network.body.state_dict()[key]) for key, value in body.state_dict().items())


def test_missing_batch_norm_counters_are_accepted():
    weights = published("resnet18", "fc")
    load_weights(NETWORKS["resnet18"][0](), "resnet18", {k: v for k, v in weights.items() if "num_b" not in k}, "x.pth")


def test_invalid_keys_are_listed():
    weights = published("osnet_x0_25", "classifier")
    weights["conv9.weight"] = weights.pop("conv5.conv.weight")
    weights["fc.0.weight"] = torch.zeros(3, 3)
    with pytest.raises(UserError) as error:
        load_weights(NETWORKS["osnet_x0_25"][0](), "osnet_x0_25", weights, "x.pth")
    for message in (
        "conv5.conv.weight is missing",
        "conv9.weight is unknown",
        "fc.0.weight is (3, 3), expected (512, 128)",
    ):
        assert message in str(error.value)


def test_a_head_that_changes_the_embedding_is_an_error():
    """Torchreid's resnet50_fc512 has an additional layer, fc.0."""
    weights = published("resnet50", "classifier") | {"fc.0.weight": torch.zeros(512, 2048)}
    with pytest.raises(UserError, match=r"fc\.0\.weight is unknown"):
        load_weights(NETWORKS["resnet50"][0](), "resnet50", weights, "x.pth")


def test_invalid_files(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_weights(tmp_path / "x.pth")
    (tmp_path / "x.pth").write_text("hello")
    with pytest.raises(UserError, match="cannot be read"):
        read_weights(tmp_path / "x.pth")
    torch.save([1, 2], tmp_path / "y.pth")
    with pytest.raises(UserError, match="expected the weights"):
        read_weights(tmp_path / "y.pth")
