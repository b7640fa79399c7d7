"""Calibrate the match threshold of an appearance encoder on crops by tracklet, and evaluate it on held-out ones."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.calibrate import Calibration, calibrate_distances, labelled_pairs, pair_distances
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import balanced_weight
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.stored_crops import CropArray, select
from idfree.core.types import Floats, Integers

if TYPE_CHECKING:
    from idfree.appearance.encoder import Embedding

LOG = logging.getLogger("idfree")
FALSE_ACCEPT_RATES = (0.1, 0.01)

Embed = Callable[[CropArray], "Embedding"]  # crops (K, H, W, 3) → unit embeddings (K, D)


@dataclass(frozen=True)
class CropPairs:
    """Pairs of crops at most MAX_GAP frames apart: rows i (P,) and j (P,), and whether a pair is of one person (P,)."""

    crops: CropSet
    i: Integers
    j: Integers
    is_same: NDArray[np.bool_]

    @classmethod
    def of(cls, crops: CropSet, identities: bool = False) -> "CropPairs":
        """Pairs of one tracklet and of two that coexist; with identities, of one and of any two."""
        return cls(crops, *labelled_pairs(crops.tracklet, crops.frame, crops.video, identities))

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of pairs of one person and of two."""
        same = int(np.count_nonzero(self.is_same))
        return same, len(self.is_same) - same

    def distances(self, embed: Embed) -> Floats:
        """Cosine distances (P,). The crops are embedded video by video, so that memory does not grow with videos."""
        order = np.argsort(self.crops.video, kind="stable")
        videos, first = np.unique(self.crops.video[order], return_index=True)
        by_video = np.argsort(self.crops.video[self.i], kind="stable")
        pair_edges = np.searchsorted(self.crops.video[self.i[by_video]], np.append(videos, videos[-1:] + 1))
        distance = np.empty(len(self.i))
        for n, rows in enumerate(np.split(order, first[1:])):
            pairs = by_video[pair_edges[n] : pair_edges[n + 1]]
            if len(pairs):
                embedding = embed(select(self.crops.crops, slice_of(rows)))
                i, j = (np.searchsorted(rows, ends[pairs]) for ends in (self.i, self.j))
                distance[pairs] = pair_distances(embedding, i, j)
        return distance

    def calibrate(self, distance: Floats) -> Calibration:
        """Thresholds of the distances (P,). Raises UserError if all pairs are of one kind."""
        return calibrate_distances(distance[self.is_same], distance[~self.is_same])


def slice_of(rows: Integers) -> slice | Integers:
    """A slice in place of ascending row numbers (N,) without a gap: it gives a view of an array instead of a copy."""
    return slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] == len(rows) - 1 else rows


def pairs_to_calibrate(crops: CropSet) -> CropPairs:
    """Pairs of crops; of identities, of which there are few crops each, those that do not coexist count if need be."""
    pairs = CropPairs.of(crops)
    return CropPairs.of(crops, identities=True) if crops.identities and not all(pairs.counts) else pairs


def calibrate_on_crops(embed: Embed, crops: CropSet) -> Calibration | None:
    """Match threshold of an encoder on crops; None, with a warning, if no two tracklets coexist."""
    return calibrate_pairs(pairs := pairs_to_calibrate(crops), pairs.distances(embed))


def calibrate_pairs(pairs: CropPairs, distance: Floats) -> Calibration | None:
    """Match threshold of distances (P,); None, with a warning, if all pairs are of one kind."""
    try:
        return pairs.calibrate(distance)
    except UserError as error:
        LOG.warning("the limit is not calibrated: %s", error)
        return None


def calibration_metadata(embed: Embed, crops: CropSet, colour_share: float = 0.0) -> dict[str, str]:
    """Metadata of an encoder: the match threshold `limit`, the upper threshold `farthest`, the weight `colour`.

    colour_share: of the colour histogram in the distance, 0…1; if it is not 0, the thresholds are of the encoder
    concatenated with the histogram (see ConcatenatedEncoder), and `colour` is the histogram's weight. Empty if no two
    tracklets coexist.
    """
    pairs = pairs_to_calibrate(crops)
    colour = pairs.distances(ColourHistogram().embed_crops) if colour_share and all(pairs.counts) else np.zeros(0)
    return pairs_metadata(pairs, pairs.distances(embed), colour, colour_share)


def pairs_metadata(pairs: CropPairs, distance: Floats, colour: Floats, colour_share: float) -> dict[str, str]:
    """As `calibration_metadata`, from the distances (P,) of the encoder and of the colour histogram."""
    calibration = calibrate_pairs(pairs, distance)
    if calibration is None:
        return {}
    if not colour_share:
        return calibration.metadata()
    weight = balanced_weight(colour_share, calibration.match_threshold, pairs.calibrate(colour).match_threshold)
    concatenated = pairs.calibrate((1 - weight) * distance + weight * colour)
    return {**concatenated.metadata(), "colour": repr(weight)}


def evaluate_on_crops(embed: Embed, crops: CropSet) -> dict[str, Any]:
    """How well embeddings separate tracklets, from pairs of crops at most MAX_GAP frames apart.

    Positive pairs are of one tracklet, negative pairs of two that coexist. Returns the number of both ("pairs"), the
    true positive rate at each of FALSE_ACCEPT_RATES ("TPR@0.1"), the match threshold ("limit"), the equal error rate
    ("error"), and the sensitivity index ("d_prime"); only "pairs" if there are none of one kind.
    """
    pairs = CropPairs.of(crops)
    if not all(pairs.counts):
        return {"pairs": list(pairs.counts)}
    distance = pairs.distances(embed)
    same, different = distance[pairs.is_same], distance[~pairs.is_same]
    calibration = calibrate_distances(same, different)
    return {
        "pairs": [len(same), len(different)],
        **{f"TPR@{far}": round(true_positive_rate(same, different, far), 4) for far in FALSE_ACCEPT_RATES},
        "limit": round(calibration.match_threshold, 4),
        "error": round(calibration.equal_error_rate, 4),
        "d_prime": round(sensitivity_index(same, different), 2),
    }


def sensitivity_index(same: Floats, different: Floats) -> float:
    """Sensitivity index d′: the difference of the mean distances over their pooled standard deviation.

    Unlike rates of errors, it still tells embeddings apart that make none. 0 if all distances of each kind are equal.
    """
    deviation = np.sqrt((same.var() + different.var()) / 2)
    return float((different.mean() - same.mean()) / deviation) if deviation > 0 else 0.0


def true_positive_rate(same: Floats, different: Floats, far: float) -> float:
    """Fraction of the distances `same` that are accepted at the threshold where a fraction `far` of `different` is."""
    k = int(far * len(different))
    return float((same < np.partition(different, k)[k]).mean())
