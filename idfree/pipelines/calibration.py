"""Calibrate the match threshold of an appearance encoder on crops by tracklet, and evaluate it on held-out ones."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from idfree.appearance.calibrate import Calibration, calibrate, close_pairs, pair_distances
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import balanced_weight, concatenate
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.types import Floats

if TYPE_CHECKING:
    from idfree.appearance.encoder import Embedding
    from idfree.core.types import Crops

LOG = logging.getLogger("idfree")
FALSE_ACCEPT_RATES = (0.1, 0.01)
MAX_GAP = 60  # frames between the crops of a pair, as in `calibrate`

Embed = Callable[["Crops"], "Embedding"]  # crops (K, H, W, 3) → unit embeddings (K, D)


def calibrate_on_crops(embedding: "Embedding", crops: CropSet) -> Calibration | None:
    """Match threshold of embeddings (K, D) of crops; None, with a warning, if no two tracklets coexist."""
    columns = crops.tracklet, crops.frame, crops.video
    try:
        try:
            return calibrate(embedding, *columns)
        except UserError:
            if not crops.identities:
                raise
            return calibrate(embedding, *columns, identities=True)  # few crops of each, which seldom coexist
    except UserError as error:
        LOG.warning("the limit is not calibrated: %s", error)
        return None


def calibration_metadata(embed: Embed, crops: CropSet, colour_share: float = 0.0) -> dict[str, str]:
    """Metadata of an encoder: the match threshold `limit`, the upper threshold `farthest`, the weight `colour`.

    colour_share: of the colour histogram in the distance, 0…1; if it is not 0, the thresholds are of the encoder
    concatenated with the histogram, and `colour` is the histogram's weight. Empty if no two tracklets coexist.
    """
    embedding = embed(crops.crops)
    calibration = calibrate_on_crops(embedding, crops)
    if calibration is None:
        return {}
    if not colour_share:
        return calibration.metadata()
    histogram = ColourHistogram().embed_crops(crops.crops)
    histogram_calibration = calibrate_on_crops(histogram, crops)
    if histogram_calibration is None:
        return {}
    colour = balanced_weight(colour_share, calibration.match_threshold, histogram_calibration.match_threshold)
    concatenated = calibrate_on_crops(concatenate(embedding, histogram, colour), crops)
    return {} if concatenated is None else {**concatenated.metadata(), "colour": repr(colour)}


def evaluate_on_crops(embed: Embed, crops: CropSet) -> dict[str, Any]:
    """How well embeddings separate tracklets, from pairs of crops at most MAX_GAP frames apart.

    Positive pairs are of one tracklet, negative pairs of two that coexist. Returns the number of both ("pairs"), the
    true positive rate at each of FALSE_ACCEPT_RATES ("TPR@0.1"), the match threshold ("limit"), and the equal error
    rate ("error"); only "pairs" if there are none of one kind.
    """
    i, j = close_pairs(crops.frame, crops.video, MAX_GAP)
    positive = crops.tracklet[i] == crops.tracklet[j]
    negative = crops.coexisting()[crops.tracklet[i], crops.tracklet[j]]
    if not positive.any() or not negative.any():
        return {"pairs": [int(positive.sum()), int(negative.sum())]}
    embedding = embed(crops.crops)
    same, different = (pair_distances(embedding, i[pairs], j[pairs]) for pairs in (positive, negative))
    calibration = calibrate(embedding, crops.tracklet, crops.frame, crops.video)
    return {
        "pairs": [len(same), len(different)],
        **{f"TPR@{far}": round(true_positive_rate(same, different, far), 4) for far in FALSE_ACCEPT_RATES},
        "limit": round(calibration.match_threshold, 4),
        "error": round(calibration.equal_error_rate, 4),
    }


def true_positive_rate(same: Floats, different: Floats, far: float) -> float:
    """Fraction of the distances `same` that are accepted at the threshold where a fraction `far` of `different` is."""
    k = int(far * len(different))
    return float((same < np.partition(different, k)[k]).mean())
