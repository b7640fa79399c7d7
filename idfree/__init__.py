"""Multi-object trackers that learn who is who without identity labels."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["Detections", "Tracks", "UserError", "View", "track", "trackers"]

HOMES = {"Detections": "types", "Tracks": "types", "View": "types", "UserError": "errors", "track": "run"}


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first asked for: `import idfree` itself loads nothing heavy."""
    from importlib import import_module

    if name == "trackers":
        return import_module("idfree.trackers")
    if name in HOMES:
        return getattr(import_module(f"idfree.{HOMES[name]}"), name)
    raise AttributeError(f"module 'idfree' has no attribute {name!r}")
