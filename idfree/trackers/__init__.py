"""Trackers: View in, Tracks out, on arrays. Made with no arguments or with a settings object.

Reading order: `sort` (a whole tracker), `tracker` (its base class), `track_table`, `motion` and `kalman`,
`association`; then `jde` with `bytetrack` and `fairmot`, which share its track management; `fused`, the default, with
`appearance_likelihood`. Each tracker's file has its settings and their search ranges; `registry` lists them by name.
"""

from idfree.trackers.registry import *  # noqa: F403 - its __all__ is the one list of public names
from idfree.trackers.registry import __all__ as __all__
