"""Fine-tuning: settings for training the network of a run on other data, at a lower learning rate, for less time."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from idfree.core.errors import UserError, first_line
from idfree.learn.checkpoint import load
from idfree.learn.data.warp import ImageAugmentation
from idfree.learn.methods.catalogue import methods_of
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.methods.simplereid import SimpleReidSettings

EPOCHS, RATE = 10, 0.1  # epochs of a tracker; factor of the learning rate
NETWORK = ("backbone", "size", "stride", "sides", "pixels", "dimension")  # settings taken over from any method
OWN = ("seed", "threads", "precision", "save_every", "init", "freeze", "accumulate", "sync_norm")  # never taken over

S = TypeVar("S", OneShotSettings, SimpleReidSettings)


def read_run(path: Path, method: str) -> dict[str, Any]:
    """Settings of the run of a best.pt or last.pt. Raises UserError if `method` cannot be trained from its network."""
    config: dict[str, Any] = load(path)["settings"]
    trackers = methods_of("one-shot")
    suitable = tuple(trackers) if method in trackers else (method,)
    if config.get("method") not in suitable:
        raise UserError(
            f"--fine-tune {path}: is a run of {config.get('method')}; for {method}, expected one of"
            f" {', '.join(suitable)}"
        )
    return config


def fine_tuning_settings(defaults: S, method: str, config: Mapping[str, Any], path: Path) -> S:
    """Settings that start from the network of a run: those of the run or, if it is of another method, of its network.

    The learning rate is RATE times that of the run (for another method: of the defaults), without warm-up, and trackers
    are trained for EPOCHS. Raises UserError if the run's settings are of another version.
    """
    is_same = config["method"] == method
    names = [each.name for each in fields(defaults) if each.name in config and each.name not in OWN]
    taken = {name: config[name] for name in names if is_same or name in NETWORK}
    if isinstance(defaults, OneShotSettings):
        taken |= {"epochs": EPOCHS, "warm_up": 0}
    else:
        taken.pop("iterations", None)  # by the number of videos
    try:
        if "augmentation" in taken:
            taken["augmentation"] = ImageAugmentation(**taken["augmentation"])
        taken["lr"] = RATE * taken.get("lr", defaults.lr)
        return replace(defaults, **taken, init=str(path))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: has other settings than those of {method} here: {first_line(error)}") from error
