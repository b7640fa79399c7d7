"""What training a one-shot tracker and training a crop encoder share: how options become settings."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.datasets.footage import Footage
    from idfree.learn.parallel import Distributed

METHODS = ("fairmot", "clmot", "outrack", "simplereid")
CROPS = "simplereid"
SETTINGS = ("backbone", "size", "stride", "epochs", "batch", "lr", "precision", "init")  # with options of their own
PARTS = ("data", "augmentation", "label")  # of what --set may change: --set PART.NAME=VALUE


def part(assignments: list[str], name: str) -> list[str]:
    """Those of a part, without its name; of "" those of no part."""
    if name:
        return [a.removeprefix(f"{name}.") for a in assignments if a.startswith(f"{name}.")]
    return [a for a in assignments if not a.startswith(tuple(f"{each}." for each in PARTS))]


def settings_of(settings: Any, options: argparse.Namespace) -> Any:
    """The settings of a method as the options change them. Raises UserError for one that it has not."""
    from idfree.core.settings import override

    names = {name: name for name in SETTINGS} | ({"backbone": "network"} if options.method == CROPS else {})
    given = [f"{names[name]}={value}" for name in SETTINGS if (value := getattr(options, name)) is not None]
    settings = override(settings, [*given, *part(options.set, "")])
    if varied := part(options.set, "augmentation"):
        if options.method == CROPS:
            raise UserError(f"--set augmentation.{varied[0]}: simplereid has no such setting")
        settings = replace(settings, augmentation=override(settings.augmentation, varied))
    return settings


def quiet(options: argparse.Namespace, share: "Distributed") -> bool:
    """Whether nothing is to be said on the way."""
    return bool(options.quiet or options.json or not share.first)


def notice(footages: "list[Footage]") -> str:
    """What a model says of what it was trained on."""
    return f"{', '.join(footage.name for footage in footages)}; terms of that footage apply"
