"""Looks where motion leaves a doubt, and a long memory for faces: what serves best here of FairMOT and ByteTrack.

Ours: what overlap leaves no doubt about; FairMOT's first pass (Zhang et al. 2020, sec. 4.4); ByteTrack's (Zhang et al.
2022). Overlap may not contradict looks that are to be relied on. Without embeddings it is ByteTrack with other
thresholds.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers
from idfree.trackers.association import Mask, Matches
from idfree.trackers.bytetrack import ByteTrack, ByteTrackSettings
from idfree.trackers.embeddings import Embedding, cosine_distance
from idfree.trackers.jde import TRACKED, UNCONFIRMED


@dataclass(frozen=True)
class FusedSettings(ByteTrackSettings):
    """ByteTrack's and FairMOT's; scores, `memory` and `veto` are ours, chosen on MOT17-04, 09, PETS09 and TUD-Campus.

    Where looks decide, weak boxes help: 0.5 in place of ByteTrack's 0.6 and 0.7 gains a point or two of IDF1 and MOTA.

    Whom one knows by looks one can wait for: of 30, 60, 90, 130 and 200 frames, 90 to 130 are best at every frame and
    at every third and fifth, 5 to 10 points of IDF1 above 30. Without looks, waiting gains nothing (DanceTrack: −2).
    """

    undisputed: float = 0.7  # IoU distance, at most, of two who have nobody else that near
    high_score: float = 0.5
    new_score: float = 0.5
    max_cosine: float = 0.4  # of appearance fused with motion
    appearance_weight: float = 0.98
    veto: float = 1.5  # times the limit: two whose looks are farther apart are not matched by overlap; see strangers
    memory: int = 120  # frames at 30 frames a second that a lost track is kept where looks are known
    distinct: float = 0.8  # of the runner-up's cost, at most, to recognise whom ByteTrack would have forgotten by now


class Fused(ByteTrack):
    """ByteTrack with eyes."""

    settings: FusedSettings
    published_threshold = FusedSettings.max_cosine

    def __init__(self, settings: FusedSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or FusedSettings(), frame_rate)

    @property
    def least_embedded(self) -> float:
        return self.settings.high_score

    @property
    def patience(self) -> int:
        knows_looks = self.tracks.embedding.shape[1] > 0
        return int(self.frame_rate / 30 * (self.settings.memory if knows_looks else self.settings.buffer))

    def associate(self, detections: Detections, embedding: Embedding) -> Matches:
        """Those who overlap with nobody else; by looks within the motion gate; by overlap, high scores before low.

        The first need no looks, and poor ones would part some of them: it gains 1 to 4 points of IDF1 for networks that
        have not learnt anything, 1 to 2 for those that have learnt little, and nothing, either way, for good ones.

        Looks confirm a track, too: at few frames a second people do not overlap with where they were (PETS09-S2L1 at
        every third and fifth frame: MOTA +3.4, +6.5).
        """
        if not embedding.shape[1]:
            return super().associate(detections, embedding)
        tracks, settings = self.tracks, self.settings
        matching = self.matching(tracks, detections)
        high = detections.score > settings.high_score
        tracked, unconfirmed = tracks.status == TRACKED, tracks.status == UNCONFIRMED

        i, j, distance = self.overlaps(matching, detections)
        clear = undisputed(i, j, (distance <= settings.undisputed) & high[j])
        i, j, distance = i[clear], j[clear], distance[clear]
        distance[self.strangers(i, j, embedding)] = np.inf
        matching.match(i, j, distance, settings.undisputed, by="overlap", among=tracked, using=high)
        i, j, cost = self.resemblances(detections, embedding, settings.appearance_weight)
        cost[self.mistakable(i, j, cost)] = np.inf
        matching.match(i, j, cost, settings.max_cosine, by="appearance", among=~unconfirmed, using=high)
        matching.match(i, j, cost, settings.max_cosine, by="appearance", among=unconfirmed, using=high)

        i, j, distance = self.overlaps(matching, detections)
        fused = 1 - (1 - distance) * np.minimum(detections.score[j], 1)
        fused[self.strangers(i, j, embedding) & high[j]] = np.inf
        matching.match(i, j, fused, settings.max_distance, by="overlap", among=tracked, using=high)
        matching.match(i, j, distance, settings.max_iou_distance_low, by="overlap", among=tracked, using=~high)
        limit = settings.max_iou_distance_unconfirmed
        matching.match(i, j, fused, limit, by="overlap", among=unconfirmed, using=high)
        return matching

    def mistakable(self, i: Integers, j: Integers, cost: Floats) -> Mask:
        """(K,) whether track i was lost long ago, and another one resembles detection j nearly as much.

        The more people are remembered, the likelier somebody resembles whoever comes: a limit cannot know, a runner-up
        can (Lowe 2004, Distinctive Image Features, sec. 7.1, whose 0.8 is as good as any from 0.7). Colour gains 0 to
        1.5 points of IDF1, learnt looks 1 to 2, poor looks 2 to 3, as they tire of the long memory first.
        """
        long_ago = (self.now - self.tracks.last > self.frame_rate / 30 * self.settings.buffer)[i]
        if not long_ago.any():  # as in most frames: nobody's rivals are looked for
            return long_ago
        return np.asarray(long_ago & (cost > self.settings.distinct * rivals(cost, j)))

    def strangers(self, i: Integers, j: Integers, embedding: Embedding) -> Mask:
        """(K,) whether tracks i look too different from embedding[j] to be one with them; unknown looks never do.

        Good looks are believed: without a veto, an oracle's lose 4 to 6 points of IDF1, colour's 1 on whole videos. Of
        poor ones, which their own people often exceed, only what hardly anybody does is: with 1.5 times the limit for
        all, networks that had just begun to learn had IDF1 57 to 60, with theirs 61 to 63, with no looks at all 63.6.
        """
        if not embedding.shape[1]:
            return super().strangers(i, j, embedding)
        looks = self.scale * cosine_distance(self.tracks.embedding, embedding, i, j)
        known = np.any(self.tracks.embedding, axis=1)[i] & np.any(embedding, axis=1)[j]
        believed = max(self.settings.veto * self.settings.max_cosine, self.scale * (self.upper_threshold or 0))
        return np.asarray(known & (looks > believed))


def undisputed(i: Integers, j: Integers, near: Mask) -> Mask:
    """(K,) which of the pairs that are `near` (K,) are the only such ones of their track i and of their detection j."""
    tracks, detections = (np.bincount(each[near], minlength=each.max(initial=0) + 1) for each in (i, j))
    return near & (tracks[i] == 1) & (detections[j] == 1)


def rivals(cost: Floats, j: Integers) -> Floats:
    """(K,) for each pair of a track and detection j, the least cost of another track for it; infinite without any."""
    order = np.lexsort((cost, j))
    ranked = cost[order]
    first = np.diff(j[order], prepend=-1) > 0  # of the pairs of a detection, the cheapest
    last = np.append(first, True)[1:]
    second = np.where(last, np.inf, np.append(ranked, np.inf)[1:])
    result = np.empty_like(cost)
    result[order] = np.where(first, second, ranked[first][np.cumsum(first) - 1])
    return result
