"""Load published weights of crop Re-ID networks, whose parameter names our networks keep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from idfree.core.errors import UserError, first_line

WRAPPERS = ("state_dict", "model", "network")  # keys under which a checkpoint stores the weights
PREFIXES = ("module.", "body.")  # of networks trained on several devices; of idfree's checkpoints
KEYS_SHOWN = 4  # in an error message

# Layers of published networks that ours lack: the classifier ("fc" in torchvision and timm, "classifier" in Torchreid).
# Listed as whole names, because Torchreid's "fc.0.weight" is part of the network and must not be dropped silently.
FC, CLASSIFIER = ("fc.weight", "fc.bias"), ("classifier.weight", "classifier.bias")
IGNORED_KEYS = {
    "resnet18": FC + CLASSIFIER,
    "resnet50": FC + CLASSIFIER,
    "osnet_x1_0": CLASSIFIER,
    "osnet_x0_25": CLASSIFIER,
}
STANDARDISE = "standardise."  # constants in idfree's checkpoints, not part of the published network
COUNTER = "num_batches_tracked"  # absent from files of PyTorch before 0.4.1, and not used


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Read the weights in a file of torchvision, timm, Torchreid or our own. Raises UserError if it has none."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except Exception as error:  # pickle, zip and torch each raise their own
        raise UserError(f"{path}: cannot be read as PyTorch weights: {first_line(error)}") from error
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    is_mapping = isinstance(content, Mapping)
    if not is_mapping or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise UserError(f"{path}: expected the weights of a network, a dict of tensors")
    return dict(content)


def load_weights(body: nn.Module, name: str, weights: Mapping[str, Any], source: str) -> None:
    """Load `weights` into `body`, the network `name`; all keys must match.

    source: of the weights, for messages. Raises UserError naming keys that are missing, unknown, or of another shape.
    """
    weights = {strip_prefixes(key): value for key, value in weights.items()}
    ignored = IGNORED_KEYS.get(name, ())
    weights = {key: value for key, value in weights.items() if key not in ignored and not key.startswith(STANDARDISE)}
    check_keys(body.state_dict(), weights, name, source)
    body.load_state_dict(weights, strict=False)  # the check above is strict but for counters


def check_keys(expected: Mapping[str, Any], weights: Mapping[str, Any], name: str, source: str) -> None:
    """Raises UserError naming the keys of `weights` that are missing, unknown, or of another shape than expected.

    Also those that hold NaN, infinity or, as sparse and meta tensors, no array at all.
    """
    problems = [f"{key} is missing" for key in expected if key not in weights and not key.endswith(COUNTER)]
    problems += [f"{key} is unknown" for key in weights if key not in expected]
    problems += [
        f"{key} is {tuple(value.shape)}, expected {tuple(expected[key].shape)}"
        for key, value in weights.items()
        if key in expected and value.shape != expected[key].shape
    ]
    problems += [f"{key} is not an array of finite numbers" for key, value in weights.items() if not is_finite(value)]
    if problems:
        more = f", and {len(problems) - KEYS_SHOWN} more" if len(problems) > KEYS_SHOWN else ""
        raise UserError(f"{source}: not the weights of {name}: {'; '.join(problems[:KEYS_SHOWN])}{more}")


def is_finite(weight: Tensor) -> bool:
    """Whether a weight is an array of finite numbers, which takes up the memory that its shape says."""
    if weight.layout != torch.strided or weight.is_meta:
        return False
    is_whole = weight.untyped_storage().nbytes() >= weight.numel() * weight.element_size()  # no row stands for many
    return is_whole and bool(weight.isfinite().all())


def strip_prefixes(key: str) -> str:
    """A parameter's name without the prefixes of modules that wrap the network."""
    for prefix in PREFIXES:
        key = key.removeprefix(prefix)
    return key
