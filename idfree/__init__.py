"""Multi-object trackers that learn who is who without identity labels."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from idfree.core.version import __version__

if TYPE_CHECKING:
    from idfree import trackers
    from idfree.core.errors import UserError
    from idfree.core.types import Detections, Tracks, View
    from idfree.pipelines.track import track

__all__ = ["Detections", "Tracks", "UserError", "View", "__version__", "track", "trackers"]

MODULE_OF = {
    "Detections": "idfree.core.types",
    "Tracks": "idfree.core.types",
    "UserError": "idfree.core.errors",
    "View": "idfree.core.types",
    "track": "idfree.pipelines.track",
}


def __getattr__(name: str) -> Any:
    """Public names, each imported at first use, so that `import idfree` alone loads no other package."""
    if name == "trackers":
        return import_module("idfree.trackers")
    if name in MODULE_OF:
        return getattr(import_module(MODULE_OF[name]), name)
    raise AttributeError(f"module 'idfree' has no attribute {name!r}")
