"""The crops of a report, grouped by person as the encoder sees it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.encoder import Encoder
from idfree.appearance.grouping import group_tracklets
from idfree.core.cropset import CropSet
from idfree.core.tracklet_spans import TrackletSpans
from idfree.core.types import Crops, Integers

MAX_GROUPED = 500  # tracklets, a random sample of more: grouping needs T³ time
MAX_SHOWN = 24  # tracklets
CROPS_SHOWN = 8  # of a tracklet, which also are those it is grouped by

Rows = list[tuple[str, Crops]]  # caption and crops of each tracklet


def group_people(encoder: Encoder, crops: CropSet, videos: Sequence[str]) -> list[tuple[str, Rows]]:
    """Headings ("Person 1: tracklet 3, frames 12–80"), and the tracklets below each; those with most tracklets first.

    Tracklets within the match threshold are one person, those that coexist or are of different videos never. Without a
    threshold, each is a person. videos: their names. At most MAX_SHOWN tracklets.
    """
    spans = crops.spans()
    tracklets = np.sort(np.random.default_rng(0).permutation(len(spans))[:MAX_GROUPED])
    rows = [crop_rows(crops, tracklet) for tracklet in tracklets.tolist()]
    mean = np.stack([encoder.embed_crops(crops.crops[each]).mean(axis=0) for each in rows])
    threshold = -1.0 if encoder.match_threshold is None else encoder.match_threshold
    group = group_tracklets(mean, cannot_link(spans, tracklets), threshold)
    people: list[tuple[str, Rows]] = []
    shown = 0
    for members in by_size(group):
        if shown + len(members) > MAX_SHOWN and people:
            break
        members = members[:MAX_SHOWN]
        shown += len(members)
        captions = [describe(spans, tracklet) for tracklet in tracklets[members].tolist()]
        video = f" ({videos[spans.video[tracklets[members[0]]]]})" if len(videos) > 1 else ""
        title = f"Person {len(people) + 1}{video}: " + (
            captions[0] if len(members) == 1 else f"{len(members)} tracklets"
        )
        strips = [crops.crops[rows[member]] for member in members.tolist()]
        people.append((title, list(zip(captions if len(members) > 1 else [""], strips, strict=True))))
    return people


def crop_rows(crops: CropSet, tracklet: int) -> Integers:
    """Rows of at most CROPS_SHOWN crops of a tracklet, evenly over time."""
    rows = np.flatnonzero(crops.tracklet == tracklet)
    rows = rows[np.argsort(crops.frame[rows], kind="stable")]
    return rows[np.linspace(0, len(rows) - 1, min(CROPS_SHOWN, len(rows))).astype(int)]


def cannot_link(spans: TrackletSpans, tracklets: Integers) -> NDArray[np.bool_]:
    """(T, T) mask of the pairs of these tracklets (T,) that coexist, or are of different videos."""
    i, j = np.meshgrid(tracklets, tracklets, indexing="ij")
    return (spans.coexist(i.ravel(), j.ravel()) | (spans.video[i] != spans.video[j]).ravel()).reshape(i.shape)


def by_size(group: Integers) -> list[Integers]:
    """The members of each group, the largest group first, of equal ones that with the lower number."""
    return sorted(
        (np.flatnonzero(group == number) for number in range(group.max(initial=-1) + 1)), key=lambda m: -len(m)
    )


def describe(spans: TrackletSpans, tracklet: int) -> str:
    """Number, from 1, and frames of a tracklet."""
    first, last = spans.first[tracklet], spans.last[tracklet]
    return f"tracklet {tracklet + 1}" + (f", frames {first}–{last}" if first >= 0 else "")
