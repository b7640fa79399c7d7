"""What `idfree train` does for one-shot trackers: networks that learn boxes and looks at once, judged on their way."""

import argparse
import logging
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.train_options import notice, quiet, settings_of
from idfree.core.errors import UserError
from idfree.core.progress import training

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idfree.datasets.footage import Footage, FootageSettings
    from idfree.learn.methods.one_shot import OneShotSettings, ValidationPlan
    from idfree.learn.parallel import Distributed
    from idfree.learn.schedule import Precision

LOG = logging.getLogger("idfree")
MOST_WORKERS = 8


def train_tracker(footages: "list[Footage]", data: "FootageSettings", options: argparse.Namespace) -> dict[str, Any]:
    """Train a one-shot tracker."""
    from idfree.learn.devices import open_device
    from idfree.learn.methods import one_shot
    from idfree.learn.methods.registry import METHODS
    from idfree.learn.parallel import own_device, together
    from idfree.pipelines.check_data import SOME_ONLY

    method = METHODS[options.method]
    settings = settings_of(method.settings(seed=options.seed), options)
    device = open_device(own_device(options.device))
    with together(device) as share:
        for footage in footages:
            if share.first and not footage.everybody:
                LOG.warning("%s %s", footage.source, SOME_ONLY)
        judging = judging_of(options, data, settings.precision, share)
        model = one_shot.train(
            method,
            ready(footages, settings, options, share),
            settings,
            options.out,
            device=device,
            resume=options.resume,
            progress=None if quiet(options, share) else training,
            judging=judging,
            classes=data.names,
            trained_on=notice(footages),
            workers=workers_of(options, device.type),
            share=share,
        )
    if not share.first:
        options.json = False  # the first process says it
        return {}
    return reported(model, options)


def judging_of(
    options: argparse.Namespace, data: "FootageSettings", precision: "Precision", share: "Distributed"
) -> "ValidationPlan | None":
    """How networks are judged on their way; None where there is nothing to judge them by. Raises UserError."""
    from idfree.datasets.open_footage import open_all
    from idfree.learn.methods.one_shot import ValidationPlan
    from idfree.pipelines.train import judge_on
    from idfree.pipelines.validate import truth_of
    from idfree.trackers.registry import TRACKERS

    if options.tracker not in TRACKERS:
        raise UserError(f"--tracker {options.tracker}: expected one of {', '.join(TRACKERS)}")
    if options.val_every < 1:
        raise UserError(f"--val-every {options.val_every}: expected 1 or more")
    if not options.val and options.half == "none":
        return None
    found = open_all(options.val or options.data, "none" if options.val else "val", options.images, data)
    for footage in found:
        truth_of(footage)  # mistakes come to light before anything is trained
    judge = judge_on(found, options.tracker, precision)

    def judged(network: Any, known: dict[str, str]) -> dict[str, float]:
        figures = judge(network, known)
        if not quiet(options, share):
            print(sentence(figures))
        return figures

    return ValidationPlan(judged, options.best, options.val_every) if found else None


def ready(
    footages: "list[Footage]", settings: "OneShotSettings", options: argparse.Namespace, share: "Distributed"
) -> "list[Footage]":
    """The footages with all their pictures at hand: the first process sees to that, the others wait."""
    from idfree.core.progress import progress
    from idfree.pipelines.train import at_hand

    def watch(name: str, numbers: list[int]) -> "Iterable[int]":
        return progress(numbers, f"{name}: keeping frames", len(numbers), quiet(options, share))

    folder = options.cache or options.out / "frames"
    height = math.ceil(settings.shape().size_hw[0] * max(1.0, settings.augmentation.largest))
    if not share.first:
        share.wait()
    found = at_hand(footages, folder, height, watch)
    if share.first:
        share.wait()
    return found


def workers_of(options: argparse.Namespace, device: str) -> int:
    """How many threads prepare batches. Raises UserError."""
    if options.workers is not None and options.workers < 0:
        raise UserError(f"--workers {options.workers}: expected 0 or more")
    usual = 1 if device == "cpu" else min(os.cpu_count() or 1, MOST_WORKERS)
    return usual if options.workers is None else int(options.workers)


def reported(model: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What came of it, told."""
    from idfree.learn.checkpoint import load

    best = load(model.with_name("best.pt"))
    if not options.json:
        found = f", the network of iteration {best['step']}: {sentence(best['figures'])}" if best["figures"] else ""
        print(f"{model}{found}")
    return {"model": str(model), "iteration": best["step"], "figures": best["figures"]}


def sentence(figures: dict[str, float]) -> str:
    """The figures of a validation, for a person."""
    ratios = " ".join(f"{name} {100 * figures[name]:.1f}" for name in ("HOTA", "MOTA", "IDF1"))
    return f"{ratios} IDSW {figures['IDSW']:.0f}"
