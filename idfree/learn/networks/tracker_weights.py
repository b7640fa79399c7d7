"""Load published weights into one-shot networks: whole trackers, detectors, or ImageNet backbones.

Our backbones keep the parameter names of torchvision, timm (ResNet, HRNet, DLA) and CenterNet; the remaining names are
translated here.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from idfree.learn.networks.weights import check_keys, strip_prefixes

OWN_PREFIXES = ("backbone.", "heads.", "standardise.")  # of idfree's checkpoints
PRIOR = "prior"  # weights of the first convolution for the previous frame (see `PriorConv2d`)
HEADS = {"hm.": "heads.heat.", "wh.": "heads.size.", "reg.": "heads.offset.", "id.": "heads.embedding."}  # CenterNet's
# The levels of DLA without the upsampling path.
DLA_LEVELS = ("base_layer.", "level0.", "level1.", "level2.", "level3.", "level4.", "level5.")

# Layers of published files that our backbones lack: classifiers and, in DLA's, unused projections.
IGNORED_PREFIXES: dict[str, tuple[str, ...]] = {
    "dla34": ("fc.", "base.fc.", "base.level3.project.", "base.level4.project."),
    "dla34-plain": ("fc.", "base.fc.", "base.level3.project.", "base.level4.project."),
    "resnet18": ("fc.",),
    "resnet34": ("fc.",),
    "resnet18-fpn": ("fc.",),
    "resnet34-fpn": ("fc.",),
    "resnet50": ("fc.",),
    "resnet50-fpn": ("fc.",),
    "mobilenet": ("conv_head.", "classifier."),
    "mobilenet-fpn": ("conv_head.", "classifier."),
    "mobilenet-v3": ("features.16.", "classifier."),
    "hrnet_w32": ("incre_modules.", "downsamp_modules.", "final_layer.", "classifier."),
    "mobilenet-v3-fpn": ("features.16.", "classifier."),
}
# Parts of a backbone that ImageNet weights lack: the upsampling path.
UPSAMPLING_PARTS = ("dla_up", "ida_up", "deconv_layers", "laterals", "last_layer", "fpn")


def load_tracker(network: nn.Module, name: str, weights: Mapping[str, Tensor], source: str) -> list[str]:
    """Load `weights` into a one-shot network on the backbone `name`; returns messages, a sentence for each exception.

    Parts that the weights lack entirely (a head, the upsampling path) and heads of another shape keep their values, and
    those that the network lacks are not used; each gives a message. Only our own checkpoints have a standardisation.
    source: of the weights, for messages. Raises UserError naming keys that are missing, unknown, or of another shape.
    """
    expected = network.state_dict()
    ignored = tuple(f"backbone.{layer}" for layer in IGNORED_PREFIXES.get(name, ()))
    weights = {translate_key(strip_prefixes(key)): value for key, value in weights.items()}
    weights = {key: value for key, value in weights.items() if not key.startswith(ignored)}
    missing = {part_of(key) for key in expected if is_optional(key)} - {part_of(key) for key in weights}
    reshaped = reshaped_heads(weights, expected)
    unused = {part_of(key) for key in weights if is_droppable(key)} - {part_of(key) for key in expected}
    weights = {key: value for key, value in weights.items() if part_of(key) not in reshaped | unused}
    expected = {key: value for key, value in expected.items() if part_of(key) not in missing | reshaped}
    check_keys(expected, weights, name, source)
    network.load_state_dict(weights, strict=False)  # the check above is strict
    messages = [f"{source}: has no {part}, which begins untrained" for part in sorted(missing - {"standardise"})]
    messages += [f"{source}: its {part} has another shape, and begins untrained" for part in sorted(reshaped)]
    return messages + [f"{source}: its {part} is not used" for part in sorted(unused)]


def reshaped_heads(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> set[str]:
    """Heads with a parameter of another shape than expected."""
    heads = [key for key in weights if key.startswith("heads.") and key in expected]
    return {part_of(key) for key in heads if weights[key].shape != expected[key].shape}


def translate_key(key: str) -> str:
    """Our name of a parameter of CenterNet, FairMOT, torchvision or timm."""
    for prefix, head in HEADS.items():
        if key.startswith(prefix):
            return head + key.removeprefix(prefix)
    if key.startswith(OWN_PREFIXES):
        return key
    return f"backbone.base.{key}" if key.startswith(DLA_LEVELS) else f"backbone.{key}"


def part_of(key: str) -> str:
    """The part of the network that a parameter belongs to: "heads.heat", "backbone.dla_up", "standardise", PRIOR …"""
    names = key.split(".")
    if PRIOR in names:
        return PRIOR
    return names[0] if names[0] == "standardise" else ".".join(names[:2])


def is_optional(key: str) -> bool:
    """Whether published weights may lack the part that a parameter belongs to."""
    names = key.split(".")
    return names[0] != "backbone" or names[1] in UPSAMPLING_PARTS or PRIOR in names


def is_droppable(key: str) -> bool:
    """Whether a network may lack the part that a published parameter belongs to; RetinaNet has its own upsampling."""
    names = key.split(".")
    is_upsampling = names[0] == "backbone" and names[1] in UPSAMPLING_PARTS
    return names[0] == "heads" or is_upsampling or PRIOR in names
