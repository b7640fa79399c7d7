"""Which tracklets are held out, so that both parts can be used: one to train on, the other to evaluate on."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from idfree.core.tracklet_spans import TrackletSpans

MIN_PART = 2  # tracklets to train on, and to evaluate on
ANCHORS, PARTNERS = 64, 8  # tracklets, and those that coexist with each, that are tried in search of two disjoint pairs


def choose_held_out(spans: TrackletSpans, seed: int, fraction: float) -> list[int]:
    """Numbers of about a `fraction` of the tracklets, four or more, at random, in coexisting pairs if there are any.

    At least MIN_PART are held out, and at least MIN_PART are not. If there is any cannot-link pair (tracklets that
    coexist, or of different videos), training keeps one, as its losses need negatives; if it can spare one that
    coexists, one is held out, as metrics need negatives, too.
    """
    order = np.random.default_rng(seed).permutation(len(spans)).tolist()
    count = max(MIN_PART, round(fraction * len(spans)))
    held_out = draw(spans, order, count)
    if is_usable(spans, held_out):
        return held_out
    held_pair, kept_pair = disjoint_pairs(spans, order)
    return draw(spans, [*held_pair, *order], count, kept_pair)


def draw(spans: TrackletSpans, order: list[int], count: int, kept: list[int] | None = None) -> list[int]:
    """Draw tracklets in an order, but for `kept`, each with the first that coexists with it; `count`, or one more."""
    held_out: list[int] = []
    excluded = set(kept or ())
    for tracklet in order:
        if tracklet not in excluded and len(held_out) < count:
            partner = [other for other in spans.partners(tracklet)[:1].tolist() if other not in excluded]
            held_out += [tracklet, *partner][: len(spans) - MIN_PART - len(held_out)]
            excluded.update(held_out)
    return held_out


def is_usable(spans: TrackletSpans, held_out: list[int]) -> bool:
    """Whether training has a cannot-link pair and the rest a coexisting one, unless there is none in all tracklets."""
    is_held_out = mask_of(spans, held_out)
    can_train = not cannot_link_pair(spans, range(len(spans)), []) or cannot_link_pair(
        spans, np.flatnonzero(~is_held_out).tolist(), held_out
    )
    can_evaluate = spans.have_partner(is_held_out).any() or not spans.have_partner().any()
    return bool(can_train) and bool(can_evaluate)


def disjoint_pairs(spans: TrackletSpans, order: list[int]) -> tuple[list[int], list[int]]:
    """A coexisting pair and a cannot-link pair without common tracklets; [] and a cannot-link pair if none is found."""
    for pair in coexisting_pairs(spans, order):
        if kept := cannot_link_pair(spans, order, pair):
            return pair, kept
    return [], cannot_link_pair(spans, order, [])


def coexisting_pairs(spans: TrackletSpans, order: list[int]) -> Iterator[list[int]]:
    """Yield coexisting pairs, at most ANCHORS · PARTNERS."""
    has_partner = spans.have_partner()
    anchors = [tracklet for tracklet in order if has_partner[tracklet]]
    for anchor in anchors[:ANCHORS]:
        for partner in spans.partners(anchor)[:PARTNERS].tolist():
            yield [anchor, partner]


def cannot_link_pair(spans: TrackletSpans, order: Iterable[int], excluded: list[int]) -> list[int]:
    """The first pair that coexists, or else is of different videos, without `excluded` tracklets; [] if none is."""
    among = ~mask_of(spans, excluded)
    has_partner = spans.have_partner(among)
    candidates = [tracklet for tracklet in order if among[tracklet]]
    for tracklet in candidates:
        if has_partner[tracklet]:
            return [tracklet, next(other for other in spans.partners(tracklet).tolist() if among[other])]
    others = [tracklet for tracklet in candidates if spans.video[tracklet] != spans.video[candidates[0]]]
    return [candidates[0], others[0]] if others else []


def mask_of(spans: TrackletSpans, tracklets: list[int]) -> NDArray[np.bool_]:
    """Mask (T,) of tracklets."""
    mask = np.zeros(len(spans), dtype=bool)
    mask[tracklets] = True
    return mask
