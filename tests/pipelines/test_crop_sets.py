"""Crop sets of pseudo-labels, their split, the evaluation of an encoder on them, and advice to the user."""

import numpy as np
import pytest

from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.pipelines.adapt_report import give_advice
from idfree.pipelines.calibration import true_positive_rate
from idfree.pipelines.crop_sets import concatenate_crops, split_crops


def crop_set(spans: list[tuple[int, int]], video: int = 0) -> CropSet:
    """A tracklet for each span of frames, with a crop in each of them."""
    frame = np.concatenate([np.arange(first, last + 1) for first, last in spans])
    tracklet = np.repeat(np.arange(len(spans)), [last - first + 1 for first, last in spans])
    boxes = np.tile([0.0, 0, 20, 50], (len(frame), 1))
    return CropSet(np.zeros((len(frame), 8, 4, 3), np.uint8), tracklet, frame, np.full(len(frame), video), boxes)


def test_held_out_tracklets_are_in_coexisting_pairs():
    crops = crop_set([(1, 10), (5, 15), (20, 30), (25, 35), (40, 50), (45, 55)])
    parts = split_crops(crops, seed=0, fraction=0.3)
    assert parts.train.tracklet_count + parts.held_out.tracklet_count == 6
    assert len(parts.train) + len(parts.held_out) == len(crops)
    assert parts.held_out.spans().have_partner().any()
    with pytest.raises(UserError, match="tracklets worth learning from: 3"):
        split_crops(crop_set([(1, 5), (1, 5), (1, 5)]), seed=0)


def test_concatenated_videos_stay_separate():
    both = concatenate_crops([crop_set([(1, 5), (3, 8)]), crop_set([(1, 5)])])
    assert both.tracklet_count == 3
    assert both.tracklet_video().tolist() == [0, 0, 1]
    assert [both.spans().partners(k).tolist() for k in range(3)] == [[1], [0], []]


def test_true_positive_rate_by_hand():
    different = np.arange(100) / 100
    assert true_positive_rate(np.array([0.05, 0.2]), different, 0.1) == 0.5
    assert true_positive_rate(np.array([0.0, 0.005]), different, 0.01) == 1.0


def test_advice():
    advice = " ".join(give_advice(crop_set([(1, 5), (10, 15)]), {"a": {"largest": 0.6, "kept": 0.1}}))
    for hint in ("Only 2 tracklets", "under 50 px", "one tracklet holds 60 %", "90 % of the boxes", "No two tracklets"):
        assert hint in advice
