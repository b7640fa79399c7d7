"""The head of a detector from planted features of tracklets, and its thresholds."""

from dataclasses import replace

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.pipelines.teaching.features import BoxFeatures, concatenate_features
from idfree.pipelines.teaching.head import describe_head, learn_head
from idfree.teaching.discriminant import DiscriminantSettings

TRACKLETS, FRAMES, FEATURES = 8, 20, 24
SETTINGS = DiscriminantSettings(dimension=6)


def make_boxes(tracklets=TRACKLETS, seed=0, apart=0):
    """Boxes of tracklets that coexist, or begin `apart` frames after each other; 5 features tell them apart."""
    random = np.random.default_rng(seed)
    tracklet = np.repeat(np.arange(tracklets), FRAMES)
    features = random.normal(0, 1, (len(tracklet), FEATURES))
    features[:, :5] += random.normal(0, 4, (tracklets, 5))[tracklet]
    colour = np.abs(random.normal(1, 0.3, (len(tracklet), 8)) + random.normal(0, 0.3, (tracklets, 8))[tracklet])
    return BoxFeatures(
        features.astype(np.float32),
        (colour / np.linalg.norm(colour, axis=1, keepdims=True)).astype(np.float32),
        np.zeros((len(tracklet), 0), np.float32),
        tracklet,
        np.tile(np.arange(1, FRAMES + 1), tracklets) + apart * tracklet,
        np.zeros(len(tracklet), np.int64),
        np.zeros((len(tracklet), 4)),
    )


def test_thresholds_are_of_tracklets_that_were_held_out():
    taught = learn_head(make_boxes(2 * TRACKLETS), SETTINGS, colour_share=0.5)
    assert taught.held_out
    assert taught.alone.equal_error_rate < 0.1
    assert 0 < taught.colour < 1
    assert taught.sensitivity[0] > 2
    assert describe_head(taught)["head"]["d_prime"] == round(taught.sensitivity[0], 2)
    metadata = taught.metadata()
    assert metadata["limit"] == repr(taught.mixed.match_threshold)
    assert metadata["limit.alone"] == repr(taught.alone.match_threshold)
    assert metadata["colour"] == repr(taught.colour)
    without = learn_head(make_boxes(), SETTINGS, colour_share=0)
    assert "colour" not in without.metadata()
    assert without.metadata()["limit"] == repr(without.alone.match_threshold)


def test_a_head_of_noise_is_seen_through():
    """Of nothing but noise, a head tells the tracklets apart that it learnt from, and no others."""
    boxes = make_boxes()
    noise = np.random.default_rng(1).normal(size=boxes.features.shape).astype(np.float32)
    taught = learn_head(replace(boxes, features=noise), replace(SETTINGS, shrinkage=1e-3), colour_share=0)
    assert taught.alone.equal_error_rate > 0.4


def test_tracklets_that_never_coexist_teach_nothing():
    with pytest.raises(UserError, match="no two of 8 tracklets exist at one time"):
        learn_head(make_boxes(apart=FRAMES + 5), SETTINGS, colour_share=0.5)
    with pytest.raises(UserError, match="tracklets worth learning from: 3, expected 4"):
        learn_head(make_boxes(3), SETTINGS, colour_share=0.5)


def test_one_pair_that_coexists_is_used_twice(caplog):
    boxes = make_boxes(apart=FRAMES + 5)
    frame = np.where(boxes.tracklet == 1, boxes.frame - FRAMES - 5, boxes.frame)
    taught = learn_head(replace(boxes, frame=frame), SETTINGS, colour_share=0.5)
    assert not taught.held_out
    assert "too few tracklets coexist to hold some out" in caplog.text


def test_videos_are_concatenated():
    boxes = concatenate_features([make_boxes(3), make_boxes(4)])
    assert boxes.tracklet_count == 7
    assert [len(np.unique(boxes.tracklet[boxes.video == n])) for n in (0, 1)] == [3, 4]
    nothing = replace(make_boxes(3), **{name: getattr(make_boxes(3), name)[:0] for name in vars(make_boxes(3))})
    assert concatenate_features([nothing, make_boxes(4)]).tracklet_count == 4
    assert len(concatenate_features([nothing])) == 0
