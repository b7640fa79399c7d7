"""Occlusions: the regions in which two boxes overlap enough (Liu et al. 2021, OUTrack, sec. 3.3)."""

import numpy as np

from idfree.core.boxes import Floats, area, overlapping_pairs, paired_intersection

MIN_SHARE = 0.7  # τ: the region is an occlusion if it covers more than this share of the smaller box


def occlusion_regions(xyxy: Floats, min_share: float = MIN_SHARE) -> Floats:
    """The intersections (K, 4), xyxy, of all unordered pairs of boxes (N, 4) that are occlusions."""
    i, j = overlapping_pairs(xyxy, xyxy)
    i, j = i[i < j], j[i < j]
    size = area(xyxy)
    is_occlusion = paired_intersection(xyxy[i], xyxy[j]) > min_share * np.minimum(size[i], size[j])
    return intersections(xyxy[i[is_occlusion]], xyxy[j[is_occlusion]])


def intersections(a: Floats, b: Floats) -> Floats:
    """The intersection (K, 4) of each a[k] with b[k]; its sides are negative if there is none."""
    return np.concatenate([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])], axis=1)
