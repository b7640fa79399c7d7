"""Multi-object trackers that learn who is who without identity labels."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from idfree.core.version import __version__

if TYPE_CHECKING:
    from idfree import trackers
    from idfree.core.errors import UserError
    from idfree.core.types import Detections, Tracks, View
    from idfree.datasets.submission import pack
    from idfree.pipelines.adapt import adapt
    from idfree.pipelines.annotate import annotate
    from idfree.pipelines.check_data import check_data
    from idfree.pipelines.convert_data import convert_data
    from idfree.pipelines.count import count
    from idfree.pipelines.demo import run_demo
    from idfree.pipelines.detect import detect
    from idfree.pipelines.evaluate import evaluate, evaluate_detection
    from idfree.pipelines.evaluate_appearance import evaluate_appearance
    from idfree.pipelines.export import export
    from idfree.pipelines.label import label
    from idfree.pipelines.plot_embeddings import plot_embeddings
    from idfree.pipelines.plot_tracks import plot_tracks
    from idfree.pipelines.refine import refine
    from idfree.pipelines.teach import teach
    from idfree.pipelines.track import track, track_videos
    from idfree.pipelines.train import train
    from idfree.pipelines.tune import tune
    from idfree.pipelines.view import view

MODULES = {  # of the public names; each is imported at its first use, so that `import idfree` loads no other package
    "Detections": "core.types",
    "Tracks": "core.types",
    "UserError": "core.errors",
    "View": "core.types",
    "adapt": "pipelines.adapt",
    "annotate": "pipelines.annotate",
    "check_data": "pipelines.check_data",
    "convert_data": "pipelines.convert_data",
    "count": "pipelines.count",
    "detect": "pipelines.detect",
    "evaluate": "pipelines.evaluate",
    "evaluate_appearance": "pipelines.evaluate_appearance",
    "evaluate_detection": "pipelines.evaluate",
    "export": "pipelines.export",
    "label": "pipelines.label",
    "pack": "datasets.submission",
    "plot_embeddings": "pipelines.plot_embeddings",
    "plot_tracks": "pipelines.plot_tracks",
    "refine": "pipelines.refine",
    "run_demo": "pipelines.demo",
    "teach": "pipelines.teach",
    "track": "pipelines.track",
    "track_videos": "pipelines.track",
    "train": "pipelines.train",
    "tune": "pipelines.tune",
    "view": "pipelines.view",
}

__all__ = [
    "Detections",
    "Tracks",
    "UserError",
    "View",
    "__version__",
    "adapt",
    "annotate",
    "check_data",
    "convert_data",
    "count",
    "detect",
    "evaluate",
    "evaluate_appearance",
    "evaluate_detection",
    "export",
    "label",
    "pack",
    "plot_embeddings",
    "plot_tracks",
    "refine",
    "run_demo",
    "teach",
    "track",
    "track_videos",
    "trackers",
    "train",
    "tune",
    "view",
]

if not TYPE_CHECKING:  # hidden from type checkers, to which it would give every unknown name the type Any

    def __getattr__(name: str) -> Any:
        """Import a public name."""
        if name == "trackers":
            return import_module("idfree.trackers")
        if name in MODULES:
            return getattr(import_module(f"idfree.{MODULES[name]}"), name)
        raise AttributeError(f"module 'idfree' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
