"""Log-likelihood ratio of a cosine distance, one object against two, estimated on-line without labels.

Encoders differ widely in their distances, and videos in how much people resemble each other, so that no fixed threshold
suits all. Two kinds of pairs are certain in any video: two detections of one frame are two objects, and a track and a
detection that overlap, far more than either overlaps with any other, are one. The distances of each kind are modelled
as a normal distribution. Of an encoder that does not separate objects the two are equal, and the ratio is 1.

A few of these boxes hold something else: part of a neighbour, a wall in front. So one object is a mixture of its normal
distribution and, with the weight ε, that of two objects, and no distance speaks against a pair by more than log ε. The
weight is the equal error rate of embeddings SPAN seconds apart, OUTLIERS at least: certain pairs are easy ones, and
embeddings seem to distinguish objects better in them than they do where it matters.

Two objects are mostly neighbours: tracks are confused with those, and one-shot networks, which see more of the image
than the box, give them similar embeddings. Pairs of a frame that are far apart count for no more than assumptions.

The distance of one object grows with time. So it is estimated twice: of a track's embedding to its next detection's,
and, for tracks that were not detected for a while, to that of SPAN seconds before.
"""

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np

from idfree.core.types import Floats
from idfree.trackers.association import Mask
from idfree.trackers.embeddings import Embeddings

# Until pairs are observed (chosen with the settings of `fused`, see docs/association.md):
DIFFERENT = (0.7, 0.2)  # mean and standard deviation of the distances of two objects
SAME_OF_DIFFERENT = 0.35  # mean distance of one object, relative to that of two
SAME_OF_THRESHOLD = 0.6  # the same, at most, relative to the encoder's match threshold
SPREAD = 0.6  # standard deviation, relative to the mean, of one object
PRIOR = 20.0  # number of pairs that these assumptions count for
FADING = 10.0  # number of observed pairs at which they count for half, if the encoder is not calibrated
FRAME_PAIRS = 200.0  # greatest number that neighbours in one frame count for: tracks' embeddings are smoother
FAR_PAIRS = 20.0  # the same for all pairs of a frame, which stand in for neighbours where there are few
WINDOW = 2000.0  # number of pairs that older ones count for, so that light may change
MIN_VARIANCE = 1e-4
MAX_EVIDENCE = 8.0  # greatest ratio of the two normal distributions, for and against
FIRST_AGAINST = 2.0  # greatest ratio against "same" before any pair of one object was observed …
TRUSTED = 50.0  # … and the number of such pairs that brings it half-way to MAX_EVIDENCE
OUTLIERS = 0.05  # least share of one object's distances that are as those of two (docs/association.md)
MIN_SENSITIVITY = 1.0  # least sensitivity index d′ of an encoder that finds anybody again (of 0.7 to 1.5, all the same)
SPAN = 2.0  # s between two embeddings of one track that are learnt from (4: the same; 1: worse at low frame rates)
ABSENT = 0.1  # s after its last detection from which a track is judged by them, unless that was the frame before
FEWEST_LATER = 20.0  # number of such pairs from which on they are used
SAMPLE = 64  # greatest number of detections of a frame that are compared with each other


@dataclass(frozen=True)
class Moments:
    """Number, mean and variance of distances."""

    count: float = 0.0
    mean: float = 0.0
    variance: float = 0.0

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both together."""
        count = self.count + other.count
        if not count:
            return self
        weight = other.count / count
        mean = self.mean + weight * (other.mean - self.mean)
        within = (1 - weight) * (self.variance + (self.mean - mean) ** 2)
        return Moments(count, mean, within + weight * (other.variance + (other.mean - mean) ** 2))

    def limited(self, count: float) -> "Moments":
        """The same, counting for at most `count` pairs."""
        return Moments(min(self.count, count), self.mean, self.variance)

    def add(self, distance: Floats, window: float) -> "Moments":
        """With the new distances (K,); older ones count for at most `window`."""
        if not len(distance):
            return self
        return self.limited(window).merge(Moments(len(distance), float(distance.mean()), float(distance.var())))


class AppearanceLikelihood:
    """Distributions of the distances of one and of two objects, and their log-likelihood ratio."""

    def __init__(self) -> None:
        self.same = self.later = self.different = self.within_frame = self.neighbours = Moments()

    def observe_frame(self, embedding: Embeddings, is_apart: Mask, is_near: Mask) -> None:
        """Learn from unit embeddings (N, D) of one frame. Masks (N, N): of pairs that hardly overlap, and near ones."""
        distance = 1 - (embedding @ embedding.T).astype(np.float64)
        self.within_frame = self.within_frame.add(distance[is_apart], WINDOW)
        self.neighbours = self.neighbours.add(distance[is_apart & is_near], WINDOW)

    def observe_pairs(self, same: Floats, different: Floats) -> None:
        """Learn from distances (K,) of tracks to their own detections, and (M,) to those of other tracks."""
        self.same = self.same.add(same, WINDOW)
        self.different = self.different.add(different, 2 * WINDOW)

    def observe_later(self, same: Floats) -> None:
        """Learn from distances (K,) of detections to embeddings of their tracks of SPAN seconds before."""
        self.later = self.later.add(same, WINDOW)

    def distributions(self, match_threshold: float | None) -> tuple[Moments, Moments]:
        """Moments of one and of two objects. match_threshold: of a calibrated encoder; its prior does not fade."""
        different = self.within_frame.limited(FAR_PAIRS).merge(self.neighbours.limited(FRAME_PAIRS))
        if not different.count:
            mean, deviation = (2 * match_threshold, match_threshold / 2) if match_threshold else DIFFERENT
            different = Moments(1.0, mean, deviation**2)
        different = different.merge(self.different)
        mean = SAME_OF_DIFFERENT * different.mean
        if match_threshold:
            mean = min(mean, SAME_OF_THRESHOLD * match_threshold)
        count = PRIOR if match_threshold else PRIOR * FADING / (FADING + self.same.count)
        return Moments(count, mean, (SPREAD * mean) ** 2).merge(self.same), different

    def log_ratio(self, distance: Floats, match_threshold: float | None, is_absent: Mask | None = None) -> Floats:
        """Log-likelihood ratios (K,) of "same" against "different". is_absent: mask (K,) of tracks that are lost."""
        same, different = self.distributions(match_threshold)
        ratio = self.normal_log_ratio(distance, same, different)
        if is_absent is None or self.later.count < FEWEST_LATER:
            return ratio
        later = same.limited(FEWEST_LATER).merge(self.later)
        return np.where(is_absent, self.normal_log_ratio(distance, later, different), ratio)

    def normal_log_ratio(self, distance: Floats, same: Moments, different: Moments) -> Floats:
        """Log-likelihood ratios (K,) of two normal distributions; constant beyond both means, so that it falls.

        With the share ε of outliers: log((1 − ε) exp(ratio) + ε), between log ε and MAX_EVIDENCE.
        """
        if same.mean >= different.mean:
            return np.zeros(len(distance))
        between = np.clip(distance, same.mean, different.mean)
        ratio = log_density(between, same) - log_density(between, different)
        trust = self.same.count / (self.same.count + TRUSTED)
        ratio = np.clip(ratio, -(FIRST_AGAINST + trust * (MAX_EVIDENCE - FIRST_AGAINST)), MAX_EVIDENCE)
        outliers = self.outliers(different)
        return np.logaddexp(ratio + np.log1p(-outliers), np.log(outliers))

    def outliers(self, different: Moments) -> float:
        """The share ε of outliers: the equal error rate Φ(−d′ / 2) of normal distributions, OUTLIERS at least."""
        if self.later.count < FEWEST_LATER:
            return OUTLIERS
        return max(OUTLIERS, erfc(sensitivity(self.later, different) / sqrt(8)) / 2)  # Φ(−x) = erfc(x / √2) / 2

    def separates(self, match_threshold: float | None) -> bool:
        """Whether one and two objects differ enough, as far as is known, to find an object again after seconds."""
        return sensitivity(*self.distributions(match_threshold)) > MIN_SENSITIVITY


def sensitivity(same: Moments, different: Moments) -> float:
    """Sensitivity index d′: the difference of the means, in root mean square standard deviations."""
    variance = max((same.variance + different.variance) / 2, MIN_VARIANCE)
    return float((different.mean - same.mean) / np.sqrt(variance))


def log_density(distance: Floats, moments: Moments) -> Floats:
    """Logarithm (K,) of the normal density, without its constant."""
    variance = max(moments.variance, MIN_VARIANCE)
    return np.asarray(-0.5 * (np.log(variance) + (distance - moments.mean) ** 2 / variance))
