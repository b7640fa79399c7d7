"""Checkpoints: one file with network, objective, optimiser, step, settings and random state of a run.

Learning rate and batches are functions of the step and the settings, so they need no state of their own.
"""

import logging
import sys
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from idfree.core.errors import UserError, first_line
from idfree.core.files import atomic_write
from idfree.core.reading import is_file, is_folder
from idfree.learn.training import Training

LOG = logging.getLogger("idfree")

MUTABLE = ("idfree", "threads", "save_every", "validation")  # settings that may differ when a run is resumed
LENGTHS = ("epochs", "iterations")  # settings that may differ, too, unless fewer iterations result than are done
HINT = (
    "a network of another program works as an ONNX file: export it there (Ultralytics: yolo export model=NAME.pt"
    " format=onnx; PyTorch: torch.onnx.export(network, image, 'NAME.onnx')) and name the .onnx"
)


def save(training: Training, path: Path) -> None:
    """Write the whole state of a run, atomically. Raises UserError if it cannot be written."""
    state = {
        "network": training.network.state_dict(),
        "ema": None if training.ema is None else training.ema.network.state_dict(),
        "objective": training.objective.state_dict(),
        "optimiser": training.optimiser.state_dict(),
        "scaler": training.scaler.state_dict(),
        "step": training.step,
        "best": training.best,
        "validated": training.validated,
        "settings": training.config,
        "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],  # for random layers, such as dropout
    }
    write(state, path)


def save_inference_network(training: Training, path: Path, metrics: Mapping[str, float]) -> None:
    """Write the network to be used after training and its validation metrics, atomically. Raises UserError."""
    state = {
        "network": training.inference_network.state_dict(),
        "step": training.step,
        "settings": training.config,
        "figures": dict(metrics),
    }
    write(state, path)


def write(state: Mapping[str, Any], path: Path) -> None:
    """Write a state dict atomically: equal states give equal bytes. Raises UserError if it cannot be written."""
    try:
        with atomic_write(path) as partial, partial.open("wb") as file:
            # A file, since torch.save would store the temporary file's name if it were given a path.
            torch.save(intern_strings(state), file)
    except (OSError, RuntimeError) as error:  # PyTorch's writer raises the latter if the disc is full
        unchanged = ": what was there before is as it was" if path.exists() else ""
        raise UserError(f"cannot write {path}, is the disc full?{unchanged} ({first_line(error)})") from error


def intern_strings(value: Any) -> Any:
    """A copy of nested dicts, lists and tuples in which equal strings are one object.

    Pickle stores one object once. Equal strings of a loaded state are separate objects, so that without this the file
    would differ after a run was resumed.
    """
    if type(value) is str:
        return sys.intern(value)
    if type(value) in (list, tuple):
        return type(value)(intern_strings(entry) for entry in value)
    if not isinstance(value, dict):
        return value
    result = copy(value)  # with the attributes of PyTorch's state dicts
    result.clear()
    result.update((intern_strings(key), intern_strings(entry)) for key, entry in value.items())
    return result


def load(path: Path) -> dict[str, Any]:
    """Read what `save` or `save_inference_network` wrote. Raises UserError if `path` is not such a file.

    No code of the file is executed.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except Exception as error:  # pickle, zip and torch each raise their own
        raise UserError(f"{path}: cannot be read as a checkpoint of idfree: {describe(error, path)}") from error
    if not is_checkpoint(state):
        raise UserError(f"{path}: expected a checkpoint of idfree, with a network, its settings and a step; {HINT}")
    return dict(state)


def describe(error: Exception, path: Path) -> str:
    """Why PyTorch cannot read a file, and what to do about it."""
    if is_folder(path):
        return "it is a folder; expected RUN/best.pt or RUN/last.pt"
    if is_file(path) and not path.stat().st_size:
        return "it is empty; expected RUN/best.pt or RUN/last.pt"
    line = first_line(error)
    if "weights_only" in str(error):  # PyTorch's advice to execute the file's code is not for users
        line = "it holds more than tensors and plain values"
    return f"{line}; {HINT}"


def is_checkpoint(state: Any) -> bool:
    """Whether a loaded object has the parts of a checkpoint, of the expected types."""
    if not isinstance(state, Mapping):
        return False
    kinds = {"network": Mapping, "settings": Mapping, "step": int}
    return all(isinstance(state.get(name), kind) for name, kind in kinds.items()) and (
        isinstance(state.get("figures", {}), Mapping)
        and all(isinstance(value, Tensor) for value in state["network"].values())
    )


def inference_weights(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights to be used after training: the moving average if there is one."""
    return state.get("ema") or state["network"]


def restore(training: Training, state: dict[str, Any], path: Path) -> None:
    """Load a checkpoint into a run. Raises UserError if it is of a run with other settings, which are named, or if
    parts of it are missing or do not fit.
    """
    refuse_other_run(training, state, path)
    check_length(training, state, path)
    try:
        load_state(training, state)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: is damaged or of another version, and cannot be continued: {first_line(error)}; delete it to"
            " begin again"
        ) from error


def load_state(training: Training, state: Mapping[str, Any]) -> None:
    """Set the state of a run. Raises PyTorch's exceptions if parts are missing or do not fit."""
    training.network.load_state_dict(state["network"])
    training.objective.load_state_dict(state["objective"])
    training.optimiser.load_state_dict(state["optimiser"])
    training.step = state["step"]
    training.best = state.get("best")
    training.validated = state.get("validated", state["step"])
    training.scaler.load_state_dict(state.get("scaler", {}))
    if training.ema is not None:
        training.ema.network.load_state_dict(state["ema"])
    cpu, *gpus = state["random"]
    torch.set_rng_state(cpu)
    if len(gpus) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(gpus)


def refuse_other_run(training: Training, state: Mapping[str, Any], path: Path) -> None:
    """Raises UserError if the settings of run and checkpoint differ, or if the checkpoint holds a network only."""
    then, now = state["settings"], training.config
    names = [n for n in {**then, **now} if n not in MUTABLE + LENGTHS and then.get(n) != now.get(n)]
    if names:
        differing = "; ".join(f"{name} was {then.get(name)!r}, now {now.get(name)!r}" for name in names)
        raise UserError(f"{path}: is of another run: {differing}")
    if "optimiser" not in state:
        raise UserError(f"{path}: holds a network, but not the rest of a run: go on from a last.pt")


def check_length(training: Training, state: Mapping[str, Any], path: Path) -> None:
    """Warn if a run is made longer or shorter, and what its learning rate then is.

    Raises UserError if more iterations are done than the shorter run has.
    """
    then, now = state["settings"], training.config
    names = [name for name in LENGTHS if then.get(name) != now.get(name)]
    if not names:
        return
    changed = "; ".join(f"{name} was {then.get(name)}, now {now.get(name)}" for name in names)
    step, iterations = state["step"], training.schedule.iterations
    if step > iterations:
        raise UserError(f"{path}: {changed}, which is {iterations} iterations, but {step} are done: ask for more")
    if training.distributed.is_main:
        LOG.warning(
            "%s: %s: from iteration %d on the learning rate (%.3g) is that of a run of %d iterations from the start",
            path,
            changed,
            step + 1,
            training.schedule.learning_rate(step),
            iterations,
        )
