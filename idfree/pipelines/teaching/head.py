"""Learn the embedding head of a detector from boxes of tracklets, and calibrate it on tracklets that are held out."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.calibrate import Calibration, calibrate_distances, labelled_pairs, pair_distances
from idfree.appearance.concatenated import balanced_weight
from idfree.core.errors import UserError
from idfree.core.types import Floats, Integers
from idfree.pipelines.labelling.calibration import sensitivity_index
from idfree.pipelines.teaching.features import BoxFeatures
from idfree.teaching.discriminant import DiscriminantSettings, LinearHead, learn_discriminant
from idfree.teaching.distillation import learn_distilled

LOG = logging.getLogger("idfree")

MIN_TRACKLETS = 4  # two to learn from and two to calibrate on
FOLDS = 2

Learn = Callable[[NDArray[np.bool_]], LinearHead]  # from a mask (K,) of the boxes to learn from


@dataclass(frozen=True)
class TaughtHead:
    """An embedding head with its thresholds.

    alone: of its distances. mixed: of the mean of its distances and of a colour histogram's, the latter with the weight
    `colour`. colour_alone: of the histogram. sensitivity: d′ of head, mixed and histogram. held_out: all of this is of
    tracklets that were not learnt from.
    """

    head: LinearHead
    alone: Calibration
    mixed: Calibration
    colour_alone: Calibration
    sensitivity: tuple[float, ...]
    colour: float
    held_out: bool

    def metadata(self) -> dict[str, str]:
        """Metadata of a taught file."""
        alone = {f"{key}.alone": value for key, value in self.alone.metadata().items()}
        mixed = self.mixed if self.colour else self.alone
        return {**mixed.metadata(), **alone, **({"colour": repr(self.colour)} if self.colour else {})}


@dataclass(frozen=True)
class Pairs:
    """Pairs of boxes at most so many frames apart: rows i, j (P,), and whether they are of one object (P,)."""

    i: Integers
    j: Integers
    is_same: NDArray[np.bool_]

    @classmethod
    def of(cls, boxes: BoxFeatures, max_gap: int) -> "Pairs":
        """Pairs of one tracklet, and of two that coexist."""
        return cls(*labelled_pairs(boxes.tracklet, boxes.frame, boxes.video, max_gap=max_gap))

    def within(self, rows: NDArray[np.bool_]) -> "Pairs":
        """The pairs of which both boxes are in a mask (K,)."""
        chosen = rows[self.i] & rows[self.j]
        return Pairs(self.i[chosen], self.j[chosen], self.is_same[chosen])


def learn_head(
    boxes: BoxFeatures,
    settings: DiscriminantSettings,
    colour_share: float,
    every: int = 1,
    max_gap: int = 60,
    seed: int = 0,
) -> TaughtHead:
    """The head of boxes, and thresholds by two-fold cross-validation over tracklets.

    From the teacher's embeddings if the boxes have any, else from pairs. colour_share: see `calibration_metadata`.
    every: frames from one processed frame to the next. max_gap: frames between the boxes of a pair to calibrate on.
    Raises UserError if there are too few tracklets, or if no two coexist.
    """
    check_tracklets(boxes)
    learn = learner(boxes, settings, every, seed)
    pairs = Pairs.of(boxes, max_gap * every)
    everything = np.ones(len(boxes), dtype=bool)
    if pairs.is_same.all() or not pairs.is_same.any():
        raise UserError(
            f"no two of {boxes.tracklet_count} tracklets exist at one time, so nothing shows how two objects differ:"
            " give footage in which several objects are seen at once"
        )
    head = learn(everything)
    pairs, distance, held_out = judged_pairs(boxes, pairs, head, learn, seed)
    colour_distance = pair_distances(boxes.colour, pairs.i, pairs.j)
    alone, colour_alone = calibrate_pairs(pairs, distance), calibrate_pairs(pairs, colour_distance)
    weight = colour_weight(colour_share, alone, colour_alone)
    mean_distance = (1 - weight) * distance + weight * colour_distance
    mixed = calibrate_pairs(pairs, mean_distance)
    sensitivity = [
        sensitivity_index(each[pairs.is_same], each[~pairs.is_same])
        for each in (distance, mean_distance, colour_distance)
    ]
    return TaughtHead(head, alone, mixed, colour_alone, tuple(sensitivity), weight, held_out)


def judged_pairs(
    boxes: BoxFeatures, pairs: Pairs, head: LinearHead, learn: Learn, seed: int
) -> tuple[Pairs, Floats, bool]:
    """The pairs to calibrate on, their cosine distances (P,), and whether these are of held-out tracklets.

    If too few tracklets coexist to hold some out: all pairs, by the head itself, with a warning.
    """
    distance = held_out_distances(boxes, pairs, learn, seed)
    known = ~np.isnan(distance)
    if (known & pairs.is_same).any() and (known & ~pairs.is_same).any():
        return Pairs(pairs.i[known], pairs.j[known], pairs.is_same[known]), distance[known], True
    LOG.warning("too few tracklets coexist to hold some out: the match threshold is of those learnt from")
    return pairs, pair_distances(head(boxes.features), pairs.i, pairs.j), False


def check_tracklets(boxes: BoxFeatures) -> None:
    """Raises UserError if there are fewer than MIN_TRACKLETS tracklets."""
    if boxes.tracklet_count < MIN_TRACKLETS:
        raise UserError(
            f"tracklets worth learning from: {boxes.tracklet_count}, expected {MIN_TRACKLETS} at the least: give more"
            " or longer videos with several objects, or ask for less (--set label.min_score=0.3 --set"
            " label.min_height=16)"
        )


def learner(boxes: BoxFeatures, settings: DiscriminantSettings, every: int, seed: int) -> Learn:
    """The function that learns a head from some of the boxes."""
    if boxes.teacher.shape[1]:
        return lambda rows: learn_distilled(boxes.features[rows], boxes.teacher[rows], settings.dimension)
    pairs = Pairs.of(boxes, max(settings.within_gap, settings.between_gap) * every)
    gap = np.abs(boxes.frame[pairs.i] - boxes.frame[pairs.j])
    used = gap <= every * np.where(pairs.is_same, settings.within_gap, settings.between_gap)
    pairs = Pairs(pairs.i[used], pairs.j[used], pairs.is_same[used])

    def learn(rows: NDArray[np.bool_]) -> LinearHead:
        chosen = pairs.within(rows)
        return learn_discriminant(boxes.features, chosen.i, chosen.j, chosen.is_same, settings, seed)

    return learn


def held_out_distances(boxes: BoxFeatures, pairs: Pairs, learn: Learn, seed: int) -> Floats:
    """(P,) cosine distances of pairs by heads that were learnt without their tracklets; NaN between two folds."""
    fold = np.random.default_rng(seed).permutation(boxes.tracklet.max() + 1)[boxes.tracklet] % FOLDS
    distance = np.full(len(pairs.i), np.nan)
    for number in range(FOLDS):
        judged = (fold[pairs.i] == number) & (fold[pairs.j] == number)
        try:
            head = learn(fold != number)
        except UserError:  # no pairs of one kind in the rest
            continue
        distance[judged] = pair_distances(head(boxes.features), pairs.i[judged], pairs.j[judged])
    return distance


def calibrate_pairs(pairs: Pairs, distance: Floats) -> Calibration:
    """Thresholds of distances (P,)."""
    return calibrate_distances(distance[pairs.is_same], distance[~pairs.is_same])


def colour_weight(share: float, alone: Calibration, colour: Calibration) -> float:
    """Weight of the colour histogram's distance with which it has a share of the mean at the match thresholds."""
    if not share:
        return 0.0
    return balanced_weight(share, alone.match_threshold, colour.match_threshold)


def describe_head(taught: TaughtHead) -> dict[str, Any]:
    """Equal error rates, match thresholds and sensitivity indices, ready for JSON."""
    named = {"head": taught.alone, "both": taught.mixed, "colour": taught.colour_alone}
    rates = {
        name: {
            "error": round(each.equal_error_rate, 4),
            "limit": round(each.match_threshold, 4),
            "d_prime": round(d_prime, 2),
        }
        for (name, each), d_prime in zip(named.items(), taught.sensitivity, strict=True)
    }
    return {**rates, "colour_weight": round(taught.colour, 4), "held_out": taught.held_out}
