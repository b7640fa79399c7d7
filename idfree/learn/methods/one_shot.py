"""Training of one-shot trackers: set-up, training loop and export, common to fairmot, clmot, outrack and tdt.

A one-shot tracker is a detector with an embedding head. A `Method` holds what differs between the papers.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import nn

from idfree.core.errors import UserError, first_line
from idfree.core.version import __version__
from idfree.datasets.footage import Footage
from idfree.learn.checkpoint import inference_weights, load, save_inference_network
from idfree.learn.data.labelled_images import NO_LABEL, LabelledImages
from idfree.learn.data.prefetch import BatchPrefetcher
from idfree.learn.data.teacher_labels import TeacherLabels
from idfree.learn.data.warp import ImageAugmentation
from idfree.learn.devices import use_threads
from idfree.learn.export_tracker import export_tracker
from idfree.learn.fit import Progress, Validation, fit
from idfree.learn.log import recent_mean
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.freezing import freeze_parts
from idfree.learn.networks.heads import tracker_heads
from idfree.learn.networks.synchronised_norm import synchronise_norms
from idfree.learn.networks.tracker import TrackerNetwork
from idfree.learn.networks.tracker_weights import load_tracker
from idfree.learn.networks.weights import read_weights
from idfree.learn.parallel import Distributed
from idfree.learn.tensors import Tensors
from idfree.learn.training import Metrics, Training

LOG = logging.getLogger("idfree")

DEFAULT_CLASSES = ("person",)
BEST, MODEL = "best.pt", "model.onnx"
COLLAPSED = 0.95  # mean cosine of different objects; 0.5 for untrained networks, below 0.3 for trained ones
THRESHOLDS = ("limit", "farthest")  # metrics of a validation that are copied to the metadata of the model

S = TypeVar("S", bound=OneShotSettings)
Evaluate = Callable[[nn.Module, dict[str, str]], Metrics]  # of a TrackerNetwork and its metadata


class BatchSource(Protocol):
    """Batch n of a run; `per_epoch` batches contain every image once."""

    @property
    def per_epoch(self) -> int: ...
    def __call__(self, step: int) -> Tensors: ...


@dataclass(frozen=True)
class Method(Generic[S]):
    """A training method of one-shot trackers.

    network: from settings and the number of categories. batches: the third argument is (rank, world): each process
    makes its part of every batch. uses_identities: otherwise identity labels are removed. needs_teacher: of
    LabelledImages.teacher.
    """

    name: str
    settings: type[S]
    network: Callable[[S, int], TrackerNetwork]
    objective: Callable[[S, LabelledImages], nn.Module]
    batches: Callable[[S, LabelledImages, tuple[int, int]], BatchSource]
    uses_identities: bool = False
    needs_teacher: bool = False

    def dataset(self, footages: Sequence[Footage], classes: Sequence[str]) -> LabelledImages:
        """The images of the footages, without identity labels if the method does not use them. Raises UserError."""
        dataset = LabelledImages.from_footages(footages, tuple(range(len(classes))) if len(classes) > 1 else ())
        return dataset if self.uses_identities else replace(dataset, identity=np.full_like(dataset.identity, NO_LABEL))


@dataclass(frozen=True)
class ValidationPlan:
    """Validation during training.

    evaluate: metrics of a network (a TrackerNetwork) and its metadata (see `model_metadata`); those named in THRESHOLDS
    are written to the model. metric: the one by which the best network is selected, higher is better. epochs: between
    two validations.
    """

    evaluate: Evaluate
    metric: str = "IDF1"
    epochs: int = 1

    def in_iterations(self, metadata: dict[str, str], batches_per_epoch: int) -> Validation:
        """The same with the interval in iterations, for a network with this metadata."""
        return Validation(
            lambda network: self.evaluate(network, metadata), self.metric, self.epochs * batches_per_epoch
        )


def centre_network(settings: OneShotSettings, categories: int) -> CentreNetwork:
    """The network of Zhang 2020, fig. 1."""
    heads = tracker_heads(categories, settings.dimension, settings.sides)
    return CentreNetwork(make_backbone(settings.backbone, settings.stride), heads, settings.pixels)


def train(
    method: Method[S],
    footages: Sequence[Footage],
    settings: S,
    run: Path,
    *,
    device: torch.device,
    resume: bool = False,
    progress: Progress | None = None,
    validation: ValidationPlan | None = None,
    classes: Sequence[str] = DEFAULT_CLASSES,
    trained_on: str = "",
    workers: int = 0,
    distributed: Distributed | None = None,
    calibration: Evaluate | None = None,
    teacher: TeacherLabels | None = None,
) -> Path:
    """Train on labelled images; returns the path of RUN/model.onnx, which only the main process writes.

    Writes RUN/settings.json, metrics.jsonl, events.out.tfevents.…, last.pt, best.pt and model.onnx; without validation
    the last network is the best. classes: names of the footages' class ids. trained_on: a notice about the data for the
    metadata. workers: threads that prepare batches. calibration: THRESHOLDS of the last network without validation.
    teacher: embeddings of the boxes of the footages, for methods that need them. Raises UserError as `fit`, if there is
    nothing to train on, and if the teacher is missing.
    """
    distributed = distributed or Distributed()
    if method.needs_teacher and teacher is None:
        raise UserError(f"{method.name} distils a teacher: name a crop Re-ID network (--teacher MODEL.onnx)")
    dataset = replace(method.dataset(footages, classes), teacher=teacher)
    batches = method.batches(settings, dataset, (distributed.rank, distributed.world))
    config = run_config(method, settings, dataset, classes, trained_on)
    config["validation"] = None if validation is None else {"by": validation.metric, "epochs": validation.epochs}
    with use_threads(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = initial_network(method, settings, dataset.category_count)
        objective = method.objective(settings, dataset)
        schedule = settings.make_schedule(batches.per_epoch)
        if settings.sync_norm and distributed.world > 1:
            synchronise_norms(network)
        freeze_parts(network, settings.frozen_parts)
        training = Training(network, objective, schedule, config, device, distributed, settings.accumulate)
        plan = validation.in_iterations(model_metadata(config), batches.per_epoch) if validation else None
        with BatchPrefetcher(batches, workers, schedule.iterations) as prefetched:
            fit(training, prefetched, run, resume, progress, plan, events=True)
        if distributed.is_main and validation is None:
            save_inference_network(training, run / BEST, calibrated(training, calibration))
    if distributed.is_main:
        warn_if_collapsed(run)
        export(*restore_network(method, load(run / BEST)), run / MODEL)
    return run / MODEL


def calibrated(training: Training, calibration: Evaluate | None) -> Metrics:
    """THRESHOLDS of the network of a run that has come to its end; {} without calibration, and if it finds none."""
    if calibration is None:
        return {}
    return calibration(training.inference_network.eval(), model_metadata(training.config))


def warn_if_collapsed(run: Path) -> None:
    """Warn if all embeddings are alike, the trivial solution of the triplet loss (Hermans 2017, sec. 3)."""
    similarity = recent_mean(run, "similarity_other")
    if similarity is not None and similarity > COLLAPSED:
        LOG.warning(
            "%s: embeddings of different objects have a mean cosine similarity of %.3f, of at most 1: the network has"
            " collapsed, its embeddings are worthless; a lower lr, objective=triplet-all or objective=nt-xent may help"
            " (Hermans 2017)",
            run,
            similarity,
        )


def run_config(
    method: Method[S], settings: S, dataset: LabelledImages, classes: Sequence[str], trained_on: str
) -> dict[str, Any]:
    """Settings and data of a run, as stored in checkpoints and settings.json."""
    config = {"idfree": __version__, "method": method.name, **asdict(settings), "classes": list(classes)}
    teacher = {} if dataset.teacher is None else {"teacher": dataset.teacher.name}
    return config | {"data": dataset.fingerprint(), "trained_on": trained_on} | teacher


def initial_network(method: Method[S], settings: S, categories: int) -> TrackerNetwork:
    """The network before the first iteration. Raises UserError if the initial weights are of another backbone."""
    network = method.network(settings, categories)
    for message in load_initial_weights(network, settings):
        LOG.warning("%s", message)
    return network


def load_initial_weights(network: TrackerNetwork, settings: OneShotSettings) -> list[str]:
    """Load `settings.init` if there is one; what to warn of. Raises UserError if it is of another backbone."""
    if not settings.init:
        return []
    return load_tracker(network, settings.backbone, read_weights(settings.init), settings.init)


def check_network(method: Method[S], settings: S) -> None:
    """Raises UserError for an unknown backbone or frozen part, and if initial weights are of another backbone.

    For the time before data are prepared, which may take long.
    """
    with torch.random.fork_rng(devices=[]):
        network = method.network(settings, len(DEFAULT_CLASSES))
    load_initial_weights(network, settings)
    freeze_parts(network, settings.frozen_parts)


def model_metadata(config: Mapping[str, Any], metrics: Mapping[str, float] | None = None) -> dict[str, str]:
    """Metadata of a model: method, size HEIGHTxWIDTH, class names, training data; THRESHOLDS if among the metrics."""
    metadata = {
        "method": config["method"],
        "size": "x".join(config["size"].split("x")[::-1]),
        "names": repr(dict(enumerate(config["classes"]))),
        "trained_on": config["trained_on"],
    }
    metadata |= {name: config[name] for name in ("teacher",) if name in config}
    return metadata | {name: repr(metrics[name]) for name in THRESHOLDS if metrics and name in metrics}


def restore_network(method: Method[S], state: Mapping[str, Any]) -> tuple[TrackerNetwork, S, dict[str, str]]:
    """Network, settings and metadata from a loaded checkpoint. Raises UserError if settings or weights do not fit."""
    try:
        return restore_unchecked(method, state)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"the checkpoint has other settings than those of {method.name} here: {first_line(error)}"
        ) from error


def restore_unchecked(method: Method[S], state: Mapping[str, Any]) -> tuple[TrackerNetwork, S, dict[str, str]]:
    """As `restore_network`. Raises all kinds of exceptions if the settings are not those of the method."""
    config = state["settings"]
    values = {each.name: config[each.name] for each in fields(method.settings) if each.name in config}
    settings = method.settings(**{**values, "augmentation": ImageAugmentation(**config["augmentation"])})
    network = method.network(settings, len(config["classes"]))
    try:
        network.load_state_dict(inference_weights(state))
    except RuntimeError as error:
        version = config["idfree"]
        raise UserError(
            f"the checkpoint of idfree {version} has other weights than {settings.backbone} here"
        ) from error
    return network.eval(), settings, model_metadata(config, state.get("figures"))


def export(network: TrackerNetwork, settings: OneShotSettings, metadata: Mapping[str, str], path: Path) -> None:
    """Write a tracker as an ONNX file. Raises as `export_tracker`."""
    export_tracker(network, path, metadata, settings.batch_shape().size_hw)
