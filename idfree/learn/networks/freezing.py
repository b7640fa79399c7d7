"""Freezing of parts of a network: their weights and batch-norm statistics are not updated."""

from collections.abc import Iterable, Sequence

from torch import nn

from idfree.core.errors import UserError


def freeze_parts(network: nn.Module, names: Sequence[str]) -> None:
    """Freeze the modules of these names, such as "backbone" or "heads.heat".

    Raises UserError for a name that the network does not have, and if nothing is left to train.
    """
    parts = dict(network.named_modules())
    for name in names:
        if not name or name not in parts:
            there = ", ".join(name for name, _ in top_parts(network))
            raise UserError(f"freeze={name}: the network has no such part; it has: {there}, and their parts")
        parts[name].requires_grad_(False)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise UserError(f"freeze={','.join(names)}: nothing is left to train")


def top_parts(network: nn.Module) -> Iterable[tuple[str, nn.Module]]:
    """(name, module) of each direct submodule with weights; for lists and dicts of modules, of each member."""
    for name, part in network.named_children():
        if isinstance(part, nn.ModuleDict | nn.ModuleList):
            yield from ((f"{name}.{key}", child) for key, child in part.named_children())
        elif any(True for _ in part.parameters()):
            yield name, part


def set_training_mode(network: nn.Module) -> None:
    """As `network.train()`, but frozen parts stay in evaluation mode, so that batch-norm statistics are not updated."""
    network.train()
    for part in network.modules():
        parameters = list(part.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            part.eval()
