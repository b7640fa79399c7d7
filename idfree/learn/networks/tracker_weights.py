"""Published weights for one-shot networks: of whole trackers and detectors, or of a backbone from ImageNet alone.

Backbones carry the names of torchvision, timm (ResNet, HRNet, DLA) and CenterNet; what is left to translate is here.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from idfree.learn.networks.weights import plain, refuse_others

OURS = ("backbone.", "heads.", "standardise.")  # in our own checkpoints
HEADS = {"hm.": "heads.heat.", "wh.": "heads.size.", "reg.": "heads.offset.", "id.": "heads.embedding."}  # CenterNet's
DLA = ("base_layer.", "level0.", "level1.", "level2.", "level3.", "level4.", "level5.")  # without the way up

# Layers that a published file has and ours does not: classifiers, and in DLA's what nothing is computed from.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "dla34": ("fc.", "base.fc.", "base.level3.project.", "base.level4.project."),
    "dla34-plain": ("fc.", "base.fc.", "base.level3.project.", "base.level4.project."),
    "resnet18": ("fc.",),
    "resnet34": ("fc.",),
    "resnet18-fpn": ("fc.",),
    "resnet34-fpn": ("fc.",),
    "resnet50": ("fc.",),
    "hrnet_w32": ("incre_modules.", "downsamp_modules.", "final_layer.", "classifier."),
    "mobilenet-v3-fpn": ("features.16.", "classifier."),
}
# Parts of a backbone that weights from ImageNet lack: the way up.
WAY_UP = ("dla_up", "ida_up", "deconv_layers", "laterals", "last_layer", "fpn")


def load_tracker(network: nn.Module, name: str, weights: Mapping[str, Tensor], said_in: str) -> list[str]:
    """Put `weights` into a one-shot network on the backbone `name`; gives what is to be told of it, a sentence each.

    A part that they lack whole (a head, the way up) and a head of another shape stay as they were, and a head of theirs
    that the network lacks is left out: that is told. Our own checkpoints bring their standardisation, others do not.
    said_in: where the weights come from, for messages. Raises UserError that names the keys that are missing, unknown,
    or of another shape.
    """
    wanted = network.state_dict()
    skipped = tuple(f"backbone.{layer}" for layer in LEFT_OUT.get(name, ()))
    given = {ours(plain(key)): value for key, value in weights.items()}
    given = {key: value for key, value in given.items() if not key.startswith(skipped)}
    lacking = {part(key) for key in wanted if optional(key)} - {part(key) for key in given}
    reshaped = {
        part(key)
        for key, value in given.items()
        if key.startswith("heads.") and key in wanted and value.shape != wanted[key].shape
    }
    unused = {part(key) for key in given if key.startswith("heads.")} - {part(key) for key in wanted}
    given = {key: value for key, value in given.items() if part(key) not in reshaped | unused}
    wanted = {key: value for key, value in wanted.items() if part(key) not in lacking | reshaped}
    refuse_others(wanted, given, name, said_in)
    network.load_state_dict(given, strict=False)  # strict above
    told = [f"{said_in}: has no {one}, which begins untrained" for one in sorted(lacking - {"standardise"})]
    told += [f"{said_in}: its {one} has another shape, and begins untrained" for one in sorted(reshaped)]
    return told + [f"{said_in}: its {one} is not used" for one in sorted(unused)]


def ours(key: str) -> str:
    """Our name of a parameter of CenterNet's, FairMOT's, torchvision's or timm's."""
    for theirs, head in HEADS.items():
        if key.startswith(theirs):
            return head + key.removeprefix(theirs)
    if key.startswith(OURS):
        return key
    return f"backbone.base.{key}" if key.startswith(DLA) else f"backbone.{key}"


def part(key: str) -> str:
    """What a parameter belongs to: "heads.heat", "backbone.dla_up", "standardise", …"""
    names = key.split(".")
    return names[0] if names[0] == "standardise" else ".".join(names[:2])


def optional(key: str) -> bool:
    """Whether weights from elsewhere may lack the part that a parameter belongs to."""
    return not key.startswith("backbone.") or key.split(".")[1] in WAY_UP
