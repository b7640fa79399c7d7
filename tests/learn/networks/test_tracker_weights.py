"""Loading of weights with the parameter names of CenterNet, FairMOT, torchvision and timm."""

import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import tracker_heads
from idfree.learn.networks.pyramids import make_pyramid
from idfree.learn.networks.retinanet import RetinaNet
from idfree.learn.networks.tracker_weights import load_tracker

# Some parameter names and shapes of the published files.
FAIRMOT = {
    "base.base_layer.0.weight": (16, 3, 7, 7),
    "base.level1.1.running_mean": (32,),
    "base.level2.project.0.weight": (64, 32, 1, 1),
    "base.level2.root.conv.weight": (64, 128, 1, 1),
    "base.level3.tree1.tree1.conv1.weight": (128, 64, 3, 3),
    "base.level3.tree1.project.0.weight": (128, 64, 1, 1),
    "base.level3.tree2.root.conv.weight": (128, 448, 1, 1),
    "base.level5.root.bn.running_var": (512,),
    "dla_up.ida_0.proj_1.conv.weight": (256, 512, 3, 3),
    "dla_up.ida_0.proj_1.conv.bias": (256,),
    "dla_up.ida_0.proj_1.conv.conv_offset_mask.weight": (27, 512, 3, 3),
    "dla_up.ida_0.proj_1.actf.0.weight": (256,),
    "dla_up.ida_0.up_1.weight": (256, 1, 4, 4),
    "dla_up.ida_2.node_3.conv.conv_offset_mask.bias": (27,),
    "ida_up.proj_2.conv.weight": (64, 256, 3, 3),
    "ida_up.up_2.weight": (64, 1, 8, 8),
    "hm.0.weight": (256, 64, 3, 3),
    "hm.2.bias": (1,),
    "wh.2.weight": (4, 256, 1, 1),
    "reg.2.weight": (2, 256, 1, 1),
    "id.2.weight": (128, 256, 1, 1),
}
DLA34 = {  # ImageNet's, from DLA's authors and timm
    "base_layer.0.weight": (16, 3, 7, 7),
    "level4.tree2.tree2.bn2.bias": (256,),
    "level5.project.1.weight": (512,),
}
RESNET = {  # torchvision's, and CenterNet's for the upsampling path
    "layer1.0.conv1.weight": (64, 64, 3, 3),
    "deconv_layers.0.weight": (512, 256, 4, 4),
    "deconv_layers.4.running_mean": (128,),
    "deconv_layers.6.weight": (128, 64, 4, 4),
}
HRNET = {
    "conv2.weight": (64, 64, 3, 3),
    "layer1.0.downsample.0.weight": (256, 64, 1, 1),
    "transition1.0.0.weight": (32, 256, 3, 3),
    "transition1.1.0.0.weight": (64, 256, 3, 3),
    "transition2.2.0.0.weight": (128, 64, 3, 3),
    "stage2.0.branches.1.3.conv2.weight": (64, 64, 3, 3),
    "stage2.0.fuse_layers.0.1.0.weight": (32, 64, 1, 1),
    "stage3.3.fuse_layers.2.0.0.0.weight": (32, 32, 3, 3),
    "stage4.2.fuse_layers.3.0.2.1.running_var": (256,),
}
MOBILENET = {  # torchvision's
    "features.0.1.running_mean": (16,),
    "features.1.block.0.0.weight": (16, 1, 3, 3),
    "features.2.block.2.0.weight": (24, 64, 1, 1),
    "features.4.block.2.fc1.weight": (24, 72, 1, 1),
    "features.4.block.2.fc2.bias": (72,),
    "features.15.block.3.1.weight": (160,),
}
THEIRS = {"heads.heat.": "hm.", "heads.size.": "wh.", "heads.offset.": "reg.", "heads.embedding.": "id."}
UNUSED = {"base.level3.project.0.weight": (128, 64, 1, 1), "base.fc.weight": (1000, 512, 1, 1)}
HEADS = ("heads.embedding", "heads.heat", "heads.offset", "heads.size")


def tracker(name):
    return CentreNetwork(make_backbone(name), tracker_heads())


def published(name):
    """All weights of a network, each 3, under the published names."""
    weights = {}
    for key, value in tracker(name).state_dict().items():
        for ours, theirs in THEIRS.items():
            key = theirs + key.removeprefix(ours) if key.startswith(ours) else key
        weights[key.removeprefix("backbone.")] = torch.full_like(value, 3)
    return {key: value for key, value in weights.items() if not key.startswith("standardise.")}


def shapes(weights, names):
    return {key: tuple(weights[key].shape) for key in names if key in weights}


def missing_messages(*parts):
    return [f"x.pth: has no {part}, which begins untrained" for part in sorted(parts)]


@pytest.mark.parametrize(
    ("name", "keys"), [("dla34", FAIRMOT), ("resnet18", RESNET), ("hrnet_w32", HRNET), ("mobilenet-v3-fpn", MOBILENET)]
)
def test_names_are_the_published_ones(name, keys):
    assert shapes(published(name), keys) == keys


def test_fairmot_weights_load_completely():
    """Including the unused layers of CenterNet's and FairMOT's code."""
    network = tracker("dla34")
    weights = published("dla34") | {key: torch.zeros(size) for key, size in UNUSED.items()}
    assert load_tracker(network, "dla34", {f"module.{key}": value for key, value in weights.items()}, "x.pth") == []
    trained = {key: value for key, value in network.state_dict().items() if not key.startswith("standardise.")}
    assert all((value == 3).all() for value in trained.values())
    assert network.standardise.deviation.unique() == 255


def test_imagenet_dla34_loads_with_messages_for_missing_parts():
    network, complete = tracker("dla34"), published("dla34")
    weights = {key.removeprefix("base."): value for key, value in complete.items() if key.startswith("base.")}
    assert shapes(weights, DLA34) == DLA34
    weights |= {"level4.project.0.weight": torch.zeros(256, 128, 1, 1), "fc.bias": torch.zeros(1000)}
    before = network.backbone.ida_up.proj_1.conv.weight.clone()
    messages = load_tracker(network, "dla34", weights, "x.pth")
    assert messages == missing_messages("backbone.dla_up", "backbone.ida_up", *HEADS)
    assert (network.backbone.base.level5.root.conv.weight == 3).all()
    assert torch.equal(network.backbone.ida_up.proj_1.conv.weight, before)


@pytest.mark.parametrize(
    ("name", "trunk", "unused", "missing"),
    [
        ("resnet18", ("conv1", "bn1", "layer"), "fc.weight", ["deconv_layers"]),
        ("resnet34-fpn", ("conv1", "bn1", "layer"), "fc.bias", ["deconv_layers", "laterals"]),
        ("hrnet_w32", ("conv", "bn", "layer", "transition", "stage"), "incre_modules.0.0.conv1.weight", ["last_layer"]),
        ("mobilenet-v3-fpn", ("features",), "features.16.0.weight", ["fpn"]),
    ],
)
def test_imagenet_backbones_load(name, trunk, unused, missing):
    weights = {key: value for key, value in published(name).items() if key.startswith(trunk)}
    messages = load_tracker(tracker(name), name, weights | {unused: torch.zeros(1)}, "x.pth")
    assert messages == missing_messages(*(f"backbone.{part}" for part in missing), *HEADS)


def test_heads_of_another_shape_keep_their_values():
    """CenterNet's COCO weights: 80 classes, no embedding."""
    network, weights = tracker("resnet18"), published("resnet18")
    weights |= {"hm.2.weight": torch.ones(80, 256, 1, 1), "hm.2.bias": torch.ones(80)}
    weights = {key: value for key, value in weights.items() if not key.startswith("id.")}
    before = network.heads["heat"][0].weight.clone()
    messages = load_tracker(network, "resnet18", weights, "x.pth")
    assert messages == [
        *missing_messages("heads.embedding"),
        "x.pth: its heads.heat has another shape, and begins untrained",
    ]
    assert torch.equal(network.heads["heat"][0].weight, before)
    assert (network.heads["offset"][2].weight == 3).all()


def test_an_unused_head_gives_a_message():
    network = CentreNetwork(make_backbone("resnet18"), {k: v for k, v in tracker_heads().items() if k != "embedding"})
    messages = load_tracker(network, "resnet18", published("resnet18"), "x.pth")
    assert messages == ["x.pth: its heads.embedding is not used"]


def test_own_checkpoints_include_the_standardisation():
    other = CentreNetwork(make_backbone("resnet18"), tracker_heads(), "imagenet")
    network = tracker("resnet18")
    assert load_tracker(network, "resnet18", other.state_dict(), "last.pt") == []
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in network.state_dict().items())


def test_invalid_keys_are_listed():
    weights = published("resnet18")
    weights["layer9.weight"] = weights.pop("layer1.0.conv1.weight")
    weights["deconv_layers.0.weight"] = torch.zeros(3, 3)
    del weights["id.0.bias"]
    with pytest.raises(UserError, match=r"x\.pth: not the weights of resnet18") as error:
        load_tracker(tracker("resnet18"), "resnet18", weights, "x.pth")
    for message in (
        "backbone.layer1.0.conv1.weight is missing",
        "heads.embedding.0.bias is missing",
        "backbone.layer9.weight is unknown",
        "backbone.deconv_layers.0.weight is (3, 3), expected (512, 256, 4, 4)",
    ):
        assert message in str(error.value)


def test_retinanet_takes_the_backbone_of_a_centre_network_without_its_upsampling():
    source = CentreNetwork(make_backbone("resnet18-fpn"), tracker_heads())
    network = RetinaNet(make_pyramid("resnet18-fpn"), 1, 8)
    messages = load_tracker(network, "resnet18-fpn", source.state_dict(), "base.pt")
    assert "base.pt: its backbone.deconv_layers is not used" in messages
    name = "backbone.layer1.0.conv1.weight"
    assert network.state_dict()[name].equal(source.state_dict()[name])
