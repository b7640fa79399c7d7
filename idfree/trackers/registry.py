"""Registry of the trackers by name. A tracker is made with no arguments (published defaults) or with its settings."""

from dataclasses import dataclass, fields
from typing import Any

from idfree.core.arrays import describe
from idfree.core.errors import UserError
from idfree.core.settings import Assignments, override, parse_assignments, split_assignments
from idfree.trackers import botsort, bytetrack, centertrack, deepsort, fairmot, fused, iou, ocsort, sort, tracktor
from idfree.trackers.botsort import BotSort, BotSortSettings
from idfree.trackers.bytetrack import ByteTrack, ByteTrackSettings
from idfree.trackers.centertrack import CenterTrack, CenterTrackSettings
from idfree.trackers.deepsort import DeepSort, DeepSortSettings
from idfree.trackers.fairmot import FairMOT, FairMOTSettings
from idfree.trackers.fused import Fused, FusedSettings
from idfree.trackers.iou import Iou, IouSettings
from idfree.trackers.lost_tracks import KeepPredicting
from idfree.trackers.ocsort import OCSort, OCSortSettings
from idfree.trackers.refinding import Refinding, RefindingSettings
from idfree.trackers.sort import Sort, SortSettings
from idfree.trackers.tracker import SearchRanges, Tracker
from idfree.trackers.tracktor import Tracktor, TracktorSettings

__all__ = [  # the public names of idfree.trackers
    "TRACKERS",
    "BotSort",
    "BotSortSettings",
    "ByteTrack",
    "ByteTrackSettings",
    "CenterTrack",
    "CenterTrackSettings",
    "DeepSort",
    "DeepSortSettings",
    "Entry",
    "FairMOT",
    "FairMOTSettings",
    "Fused",
    "FusedSettings",
    "Iou",
    "IouSettings",
    "KeepPredicting",
    "OCSort",
    "OCSortSettings",
    "Refinding",
    "RefindingSettings",
    "Sort",
    "SortSettings",
    "Tracker",
    "Tracktor",
    "TracktorSettings",
    "make_tracker",
]

DEFAULT_TRACKER = "fused"


@dataclass(frozen=True)
class LostSettings:
    """What is reported of lost tracks: for how many seconds their predictions, and whether they are found again."""

    predict: float = 0.0
    refind: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.predict < float("inf"):
            raise ValueError(f"predict={self.predict} must be 0 or more seconds")


@dataclass(frozen=True)
class Entry:
    """A tracker class (called with settings and frame rate), its settings class, what `idfree tune` searches, help."""

    tracker: type[Any]
    settings: type[Any]
    search: SearchRanges
    summary: str


TRACKERS: dict[str, Entry] = {
    "sort": Entry(Sort, SortSettings, sort.SEARCH, "motion and overlap"),
    "iou": Entry(Iou, IouSettings, iou.SEARCH, "overlap alone"),
    "deepsort": Entry(DeepSort, DeepSortSettings, deepsort.SEARCH, "motion and the last embeddings"),
    "bytetrack": Entry(ByteTrack, ByteTrackSettings, bytetrack.SEARCH, "motion, low scores too"),
    "ocsort": Entry(OCSort, OCSortSettings, ocsort.SEARCH, "motion of the observations"),
    "botsort": Entry(BotSort, BotSortSettings, botsort.SEARCH, "bytetrack with embeddings of overlapping boxes"),
    "fairmot": Entry(FairMOT, FairMOTSettings, fairmot.SEARCH, "motion and smoothed embeddings"),
    "centertrack": Entry(CenterTrack, CenterTrackSettings, centertrack.SEARCH, "displacements told by the network"),
    "tracktor": Entry(Tracktor, TracktorSettings, tracktor.SEARCH, "boxes regressed by the detector, and embeddings"),
    "fused": Entry(Fused, FusedSettings, fused.SEARCH, "motion, overlap and embeddings in one cost, the default"),
}


def tracker_help() -> str:
    """The names and summaries of all trackers, for the help of `--tracker`."""
    return "; ".join(f"{name}: {entry.summary}" for name, entry in TRACKERS.items())


def tracker_name(tracker: str | type[Tracker]) -> str:
    """The name of a tracker, given its name or class. Raises UserError for anything else."""
    names = [name for name, entry in TRACKERS.items() if entry.tracker is tracker]
    if not names and not isinstance(tracker, str):
        raise UserError(f"tracker is {describe(tracker)}, expected one of {', '.join(TRACKERS)}, or a tracker")
    return names[0] if names else str(tracker)


def make_tracker(name: str, assignments: Assignments = (), frame_rate: float = 30.0) -> Tracker:
    """Make the tracker `name`, with `name=value` overrides of its settings. Raises UserError for an unknown name.

    Also `predict=SECONDS` (KeepPredicting), `refind=true` (Refinding) and `refind.NAME=VALUE` (RefindingSettings), of
    trackers with a motion model.
    """
    if name not in TRACKERS:
        raise UserError(f"unknown tracker {name!r}; there are: {', '.join(TRACKERS)}")
    entry = TRACKERS[name]
    groups = split_assignments(parse_assignments(assignments), ("refind",))
    names = {each.name for each in fields(LostSettings)}
    is_lost = [text.partition("=")[0].strip() in names for text in groups[""]]
    lost = override(LostSettings(), [text for text, mine in zip(groups[""], is_lost, strict=True) if mine])
    own = [text for text, mine in zip(groups[""], is_lost, strict=True) if not mine]
    tracker: Any = entry.tracker(override(entry.settings(), own), frame_rate)
    if lost.refind or groups["refind"]:
        tracker = Refinding(tracker, override(RefindingSettings(), groups["refind"], "--set refind:"))
    return KeepPredicting(tracker, lost.predict) if lost.predict > 0 else tracker  # type: ignore[return-value]
