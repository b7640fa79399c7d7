"""Training of one-shot trackers by any `Method`: set-up, training loop, checkpoints and export."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from idfree.core.errors import UserError, first_line
from idfree.core.version import __version__
from idfree.datasets.footage import Footage
from idfree.learn.checkpoint import inference_weights, load, save_inference_network
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.prefetch import BatchPrefetcher
from idfree.learn.data.teacher_labels import TeacherLabels
from idfree.learn.data.warp import ImageAugmentation
from idfree.learn.devices import use_threads
from idfree.learn.export_tracker import export_tracker
from idfree.learn.export_two_stage import export_two_stage
from idfree.learn.fit import Progress, Validation, fit
from idfree.learn.log import recent_mean
from idfree.learn.methods.method import Method, S
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.faster_rcnn import FasterRcnn
from idfree.learn.networks.freezing import freeze_parts
from idfree.learn.networks.synchronised_norm import synchronise_norms
from idfree.learn.networks.tracker import TrackerNetwork
from idfree.learn.networks.weights import read_weights
from idfree.learn.parallel import Distributed
from idfree.learn.training import Metrics, Training

LOG = logging.getLogger("idfree")

DEFAULT_CLASSES = ("person",)
BEST, MODEL = "best.pt", "model.onnx"
COLLAPSED = 0.95  # mean cosine similarity of different objects above which training has failed (docs/training.md)
THRESHOLDS = ("limit", "farthest")  # validation metrics that are copied to the model's metadata

Evaluate = Callable[[nn.Module, dict[str, str]], Metrics]  # from a TrackerNetwork and its metadata


@dataclass(frozen=True)
class ValidationPlan:
    """Validation during training.

    evaluate: computes the metrics of a TrackerNetwork, given its metadata (see `model_metadata`); those named in
    THRESHOLDS are written to the model. metric: the one that selects the best network; higher is better. epochs:
    interval between validations.
    """

    evaluate: Evaluate
    metric: str = "IDF1"
    epochs: int = 1

    def in_iterations(self, metadata: dict[str, str], batches_per_epoch: int) -> Validation:
        """The same for a network with this metadata, with the interval in iterations."""
        return Validation(
            lambda network: self.evaluate(network, metadata), self.metric, self.epochs * batches_per_epoch
        )


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
    the last network is the best. classes: names of the footages' class ids. trained_on: notice about the data for the
    metadata. workers: threads that prepare batches. calibration: measures THRESHOLDS of the last network if there is no
    validation. teacher: embeddings of the footages' boxes, for methods that need them. Raises UserError as `fit`, and
    if there is nothing to train on.
    """
    distributed = distributed or Distributed()
    dataset = replace(method.dataset(footages, classes), teacher=teacher)
    batches = method.batches(settings, dataset, (distributed.rank, distributed.world))
    config = run_config(method, settings, dataset, classes, trained_on, validation)
    with use_threads(settings.threads), torch.random.fork_rng(devices=[]):
        training = make_training(method, settings, dataset, batches.per_epoch, config, device, distributed)
        plan = validation.in_iterations(model_metadata(config), batches.per_epoch) if validation else None
        with BatchPrefetcher(batches, workers, training.schedule.iterations) as prefetched:
            fit(training, prefetched, run, resume, progress, plan, events=True)
        if distributed.is_main and validation is None:
            save_inference_network(training, run / BEST, calibrate(training, calibration))
    if distributed.is_main:
        warn_if_collapsed(run)
        export(*restore_network(method, load(run / BEST)), run / MODEL)
    return run / MODEL


def make_training(
    method: Method[S],
    settings: S,
    dataset: LabelledImages,
    batches_per_epoch: int,
    config: dict[str, Any],
    device: torch.device,
    distributed: Distributed,
) -> Training:
    """A run before its first iteration, with weights by `settings.seed`. Raises UserError as `initial_network`."""
    torch.manual_seed(settings.seed)
    network = initial_network(method, settings, dataset.category_count)
    objective = method.objective(settings, dataset)
    if settings.sync_norm and distributed.world > 1:
        synchronise_norms(network)
    freeze_parts(network, settings.frozen_parts)
    schedule = settings.make_schedule(batches_per_epoch)
    return Training(network, objective, schedule, config, device, distributed, settings.accumulate)


def calibrate(training: Training, calibration: Evaluate | None) -> Metrics:
    """THRESHOLDS of the network of a finished run; {} without calibration, or if it cannot measure them."""
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
    method: Method[S],
    settings: S,
    dataset: LabelledImages,
    classes: Sequence[str],
    trained_on: str,
    validation: ValidationPlan | None,
) -> dict[str, Any]:
    """Settings and data of a run, as stored in checkpoints and settings.json."""
    config = {"idfree": __version__, "method": method.name, **asdict(settings), "classes": list(classes)}
    config |= {"data": dataset.fingerprint(), "trained_on": trained_on}
    config |= {} if dataset.teacher is None else {"teacher": dataset.teacher.name}
    return config | {"validation": validation and {"by": validation.metric, "epochs": validation.epochs}}


def initial_network(method: Method[S], settings: S, categories: int) -> TrackerNetwork:
    """The network before the first iteration. Raises UserError if the initial weights are of another backbone."""
    network = method.network(settings, categories)
    for message in load_initial_weights(method, network, settings):
        LOG.warning("%s", message)
    return network


def load_initial_weights(method: Method[S], network: TrackerNetwork, settings: S) -> list[str]:
    """Load the weights file `settings.init`, if given; returns warnings. Raises UserError if they do not fit."""
    if not settings.init:
        return []
    return method.load_weights(network, settings.backbone, read_weights(settings.init), settings.init)


def check_network(method: Method[S], settings: S) -> None:
    """Raises UserError for an unknown backbone or frozen part, and if initial weights are of another backbone.

    Called before the data are prepared, which may take long.
    """
    with torch.random.fork_rng(devices=[]):
        network = method.network(settings, len(DEFAULT_CLASSES))
    load_initial_weights(method, network, settings)
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
    """Write a tracker as an ONNX file. Raises as `export_tracker` and `export_two_stage`."""
    if isinstance(network, FasterRcnn):
        return export_two_stage(network, path, metadata)
    export_tracker(network, path, metadata, settings.batch_shape().size_hw)
