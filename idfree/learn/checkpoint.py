"""A run in one file: network, objective, optimiser, step, settings and random state, whole.

The learning rate and the batches follow from the step and the settings alone, so they need no state of their own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from idfree.core.errors import UserError
from idfree.core.files import whole
from idfree.learn.training import Training

FREE = ("idfree", "threads", "save_every", "validation")  # settings that a run may change on its way


def save(training: Training, path: Path) -> None:
    """Write the whole state of a run to `path`, whole or not at all. Raises UserError where it cannot be written."""
    state = {
        "network": training.network.state_dict(),
        "ema": None if training.ema is None else training.ema.network.state_dict(),
        "objective": training.objective.state_dict(),
        "optimiser": training.optimiser.state_dict(),
        "scaler": training.scaler.state_dict(),
        "step": training.step,
        "best": training.best,
        "settings": training.settings,
        "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],  # of layers that draw, such as dropout
    }
    write(state, path)


def save_product(training: Training, path: Path, figures: Mapping[str, float]) -> None:
    """Write the network as it is to be used, and what was found of it, in the same way."""
    state = {
        "network": training.product.state_dict(),
        "step": training.step,
        "settings": training.settings,
        "figures": dict(figures),
    }
    write(state, path)


def write(state: Mapping[str, Any], path: Path) -> None:
    """Write a state to `path`, whole or not at all. Raises UserError where it cannot be written."""
    try:
        with whole(path) as partial:
            torch.save(state, partial)
    except (OSError, RuntimeError) as error:  # PyTorch's writer raises the latter where the disc is full
        kept = ": what was there before is as it was" if path.exists() else ""
        raise UserError(f"cannot write {path}, is the disc full?{kept} ({str(error).splitlines()[0]})") from error


def load(path: Path) -> dict[str, Any]:
    """What `save` or `save_product` wrote. Raises UserError where `path` is no such file."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except Exception as error:  # pickle, zip and torch each raise their own
        raise UserError(f"{path}: cannot be read as a checkpoint: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict) or not {"network", "step", "settings"} <= state.keys():
        raise UserError(f"{path}: expected a checkpoint of idfree, with a network, its settings and a step")
    return state


def product(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights that are to be used: the running mean where there is one."""
    return state.get("ema") or state["network"]


def restore(training: Training, state: dict[str, Any], path: Path) -> None:
    """Put a run back to where it was saved. Raises UserError where it is another run: the settings that differ."""
    then, now = state["settings"], training.settings
    names = [n for n in {**then, **now} if n not in FREE and then.get(n) != now.get(n)]
    if names:
        differing = "; ".join(f"{name} was {then.get(name)!r}, now {now.get(name)!r}" for name in names)
        raise UserError(f"{path}: is of another run: {differing}")
    if "optimiser" not in state:
        raise UserError(f"{path}: holds a network, but not the rest of a run: go on from a last.pt")
    training.network.load_state_dict(state["network"])
    training.objective.load_state_dict(state["objective"])
    training.optimiser.load_state_dict(state["optimiser"])
    training.step = state["step"]
    training.best = state.get("best")
    training.scaler.load_state_dict(state.get("scaler", {}))
    if training.ema is not None:
        training.ema.network.load_state_dict(state["ema"])
    processor, *accelerators = state["random"]
    torch.set_rng_state(processor)
    if len(accelerators) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(accelerators)
