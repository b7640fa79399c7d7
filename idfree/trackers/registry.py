"""The trackers by name. Each is made with no arguments (published defaults) or with its settings object."""

from collections.abc import Iterable
from typing import Any

from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.trackers.botsort import BotSort, BotSortSettings
from idfree.trackers.bytetrack import ByteTrack, ByteTrackSettings
from idfree.trackers.deepsort import DeepSort, DeepSortSettings
from idfree.trackers.fairmot import FairMOT, FairMOTSettings
from idfree.trackers.fused import Fused, FusedSettings
from idfree.trackers.iou import Iou, IouSettings
from idfree.trackers.ocsort import OCSort, OCSortSettings
from idfree.trackers.sort import Sort, SortSettings
from idfree.trackers.tracker import Tracker

TRACKERS: dict[str, tuple[type[Any], type[Any]]] = {
    "sort": (Sort, SortSettings),
    "iou": (Iou, IouSettings),
    "deepsort": (DeepSort, DeepSortSettings),
    "bytetrack": (ByteTrack, ByteTrackSettings),
    "ocsort": (OCSort, OCSortSettings),
    "botsort": (BotSort, BotSortSettings),
    "fairmot": (FairMOT, FairMOTSettings),
    "fused": (Fused, FusedSettings),
}

__all__ = [
    "TRACKERS",
    "BotSort",
    "BotSortSettings",
    "ByteTrack",
    "ByteTrackSettings",
    "DeepSort",
    "DeepSortSettings",
    "FairMOT",
    "FairMOTSettings",
    "Fused",
    "FusedSettings",
    "Iou",
    "IouSettings",
    "OCSort",
    "OCSortSettings",
    "Sort",
    "SortSettings",
    "Tracker",
    "make_tracker",
]


def make_tracker(name: str, assignments: Iterable[str] = (), frame_rate: float = 30.0) -> Tracker:
    """The tracker `name` with `name=value` overrides of its settings. Raises UserError for what is unknown."""
    if name not in TRACKERS:
        raise UserError(f"unknown tracker {name!r}; there are: {', '.join(TRACKERS)}")
    kind, settings = TRACKERS[name]
    tracker: Tracker = kind(override(settings(), assignments), frame_rate)
    return tracker
