"""Trackers: View in, Tracks out, on arrays. Made with no arguments or with a settings object."""

from idfree.trackers.registry import *  # noqa: F403 - its __all__ is the one list of public names
from idfree.trackers.registry import __all__ as __all__
