"""Weights that others have published, put into our networks by the names that theirs have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from idfree.core.errors import UserError

WRAPPERS = ("state_dict", "model", "network")  # under which a checkpoint keeps its weights
PREFIXES = ("module.", "body.")  # of a network trained on several devices; of our own checkpoints
NAMES_SHOWN = 4

# Layers of the published network that ours does not have: its classifier (torchvision and timm: fc, Torchreid:
# classifier). Whole names: Torchreid's "fc.0.weight" is part of the network, and must not be lost in silence.
FC, CLASSIFIER = ("fc.weight", "fc.bias"), ("classifier.weight", "classifier.bias")
LEFT_OUT = {
    "resnet18": FC + CLASSIFIER,
    "resnet50": FC + CLASSIFIER,
    "osnet_x1_0": CLASSIFIER,
    "osnet_x0_25": CLASSIFIER,
}
OWN = "standardise."  # beside the body in our own checkpoints, and the same in all of them
COUNTER = "num_batches_tracked"  # PyTorch before 0.4.1 did not keep it, and nothing depends on it


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """The weights in a file of torchvision, timm, Torchreid or our own. Raises UserError where there are none."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except Exception as error:  # pickle, zip and torch each raise their own
        raise UserError(f"{path}: cannot be read as PyTorch weights: {str(error).splitlines()[0]}") from error
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path}: expected the weights of a network, a dict of tensors")
    return dict(content)


def load_weights(body: nn.Module, name: str, weights: Mapping[str, Any], said_in: str) -> None:
    """Put `weights` into `body`, the network `name`: all of them, and all that it has.

    said_in: where they come from, for messages. Raises UserError that names the keys that are missing, unknown, or of
    another shape.
    """
    given = {plain(key): value for key, value in weights.items()}
    given = {
        key: value for key, value in given.items() if key not in LEFT_OUT.get(name, ()) and not key.startswith(OWN)
    }
    refuse_others(body.state_dict(), given, name, said_in)
    body.load_state_dict(given, strict=False)  # strict above, but for the counters


def refuse_others(wanted: Mapping[str, Any], given: Mapping[str, Any], name: str, said_in: str) -> None:
    """Raises UserError that names the keys given that are missing, unknown, or of another shape than wanted."""
    odd = [f"{key} is missing" for key in wanted if key not in given and not key.endswith(COUNTER)]
    odd += [f"{key} is unknown" for key in given if key not in wanted]
    odd += [
        f"{key} is {tuple(value.shape)}, expected {tuple(wanted[key].shape)}"
        for key, value in given.items()
        if key in wanted and value.shape != wanted[key].shape
    ]
    if odd:
        more = f", and {len(odd) - NAMES_SHOWN} more" if len(odd) > NAMES_SHOWN else ""
        raise UserError(f"{said_in}: not the weights of {name}: {'; '.join(odd[:NAMES_SHOWN])}{more}")


def plain(key: str) -> str:
    """The name of a parameter without what wraps the network."""
    for prefix in PREFIXES:
        key = key.removeprefix(prefix)
    return key
