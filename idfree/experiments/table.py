"""A published table as data: its rows, each with what is trained and judged, the paper's figures and its rankings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from idfree.experiments.protocol import Protocol

# Crop embeddings of a row: without, colour histograms, of an untrained network, of networks trained with identities on
# other data (the protocol's teachers), from pseudo-labels of the footage, from its identities, and the identities.
CropEmbedding = Literal["none", "colour", "random", "weaker", "better", "pseudo-labels", "identities", "oracle"]
TRAINED = ("pseudo-labels", "identities")  # on the protocol's videos
Data = Literal["all", "images", "videos"]

TRACKERS = ("fairmot", "fused")  # of most papers, and the default
METRICS = ("MOTA", "IDF1", "HOTA", "IDSW", "CLR_FN")

Figures = dict[str, float]


@dataclass(frozen=True)
class OneShot:
    """A one-shot network: `idfree train METHOD --set …`, judged on its own detections.

    settings: `name=value` of the method, beside the protocol's. data: "all" of the protocol's training data, its still
    "images" alone, or its "videos". identities: as the option of `train`. teacher: of tdt, a CropEmbedding. trackers:
    what it is judged with, the paper's first. tracker_settings: `name=value` of them. embeddings: "own" of the network,
    or a CropEmbedding in their place (tdt's two-stage pair). untrained: the shared detector alone, whose embedding head
    was never trained. same_detector: at the mini scale the embedding head alone is trained, so that all such rows have
    the boxes of the shared detector.
    """

    method: str
    settings: tuple[str, ...] = ()
    data: Data = "all"
    identities: Literal["labels", "tracklets"] = "labels"
    teacher: str | None = None
    trackers: tuple[str, ...] = TRACKERS
    tracker_settings: tuple[str, ...] = ()
    embeddings: CropEmbedding | Literal["own"] = "own"
    untrained: bool = False
    same_detector: bool = False

    @property
    def images_only(self) -> bool:
        """Whether it is trained on still images alone."""
        return self.data == "images"

    @property
    def needs_videos(self) -> bool:
        """Whether it cannot be trained, or its crop encoder cannot, on still images alone."""
        encoders = {self.teacher, self.embeddings} & {*TRAINED}
        return self.data == "videos" or self.identities == "tracklets" or bool(encoders)

    @property
    def network(self) -> str:
        """Name of the folder of its network: rows with the same training share it."""
        if self.untrained:
            return slug("untrained", *self.settings)
        where = () if self.data == "all" else (self.data,)
        linked = () if self.identities == "labels" else (self.identities,)
        taught = () if self.teacher is None else (self.teacher,)
        frozen = ("head",) if self.same_detector else ()
        return slug(self.method, *self.settings, *where, *linked, *taught, *frozen)

    @property
    def name(self) -> str:
        """Name of the file of its figures."""
        judged = () if self.embeddings == "own" else (self.embeddings,)
        trackers = () if self.trackers == TRACKERS else self.trackers
        return slug(self.network, *judged, *trackers, *self.tracker_settings)

    def settings_at(self, protocol: Protocol) -> tuple[str, ...]:
        """`name=value` at a scale, of which the last of a name counts: the protocol's, then the row's own."""
        return (
            *protocol.settings,
            *protocol.method_settings.get(self.method, ()),
            *(protocol.images_settings if self.images_only else ()),
            *(protocol.embedding_settings if self.same_detector else ()),
            *self.settings,
        )


@dataclass(frozen=True)
class CropReid:
    """A tracker on public detections with one kind of crop embedding (SimpleReID's tables).

    regressor: what regresses the boxes of tracktor, the people model of the package or a network trained on the
    protocol's data. tracker_settings: `name=value` of the tracker.
    """

    embedding: CropEmbedding
    tracker: str = "deepsort"
    tracker_settings: tuple[str, ...] = ()
    regressor: Literal["people", "fasterrcnn"] = "people"

    @property
    def name(self) -> str:
        """Name of the file of its figures."""
        trained = () if self.regressor == "people" else (self.regressor,)
        return slug(self.tracker, self.embedding, *self.tracker_settings, *trained)


Recipe = OneShot | CropReid


@dataclass(frozen=True)
class Row:
    """A row of a table. published: the paper's figures, MOTA, IDF1, IDSW, R1, … in percent, as far as it gives them."""

    title: str
    recipe: Recipe
    published: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranking:
    """A row that the paper ranks above another by a measure (of IDSW and FN: below)."""

    better: str
    worse: str
    measure: str = "IDF1"


@dataclass(frozen=True)
class Table:
    """A published table. name: what is typed. paper: authors, year, where. full: the paper's own protocol."""

    name: str
    title: str
    paper: str
    rows: tuple[Row, ...]
    rankings: tuple[Ranking, ...]
    full: Protocol
    note: str = ""

    def row(self, title: str) -> Row:
        """The row of a title."""
        return next(row for row in self.rows if row.title == title)

    def chosen_rows(self, titles: Sequence[str] | None) -> list[Row]:
        """The rows with these titles, all if None."""
        return [row for row in self.rows if titles is None or row.title in titles]


def slug(*words: str) -> str:
    """Words as one file name: letters, digits and `.=_+`, joined by "-"."""
    return "-".join(re.sub(r"[^\w.=+]+", "-", word).strip("-") for word in words)
