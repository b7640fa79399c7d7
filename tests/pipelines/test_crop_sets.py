"""Crop sets of pseudo-labels, their split, the evaluation of an encoder on them, and advice to the user."""

import tracemalloc

import numpy as np
import pytest

from idfree.appearance.calibrate import calibrate, labelled_pairs
from idfree.appearance.colour import ColourHistogram, ColourSettings
from idfree.appearance.concatenated import concatenate
from idfree.core.cropset import COLUMNS, CropSet
from idfree.core.errors import UserError
from idfree.pipelines.adaptation.report import give_advice
from idfree.pipelines.labelling.calibration import (
    calibrate_on_crops,
    calibration_metadata,
    evaluate_on_crops,
    true_positive_rate,
)
from idfree.pipelines.labelling.crop_sets import concatenate_crops, split_crops


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
    for hint in (
        "Only 2 tracklets",
        "under 50 px",
        "one tracklet contains 60 %",
        "90 % of the boxes",
        "No two tracklets",
    ):
        assert hint in advice


def street(video: int, tracklets: int, size_hw: tuple[int, int] = (64, 32)) -> CropSet:
    """Tracklets of 10 frames, each beside the one before and the one after, in clothes of one colour."""
    random = np.random.default_rng(video)
    tracklet, nth = np.divmod(np.arange(10 * tracklets), 10)
    colours = random.integers(0, 256, (tracklets, 1, 1, 3))
    noise = random.integers(-20, 20, (len(nth), *size_hw, 3))
    crops = np.clip(colours[tracklet] + noise, 0, 255).astype(np.uint8)
    boxes = np.tile([0.0, 0, 32, 64], (len(nth), 1))
    return CropSet(crops, tracklet, 5 * tracklet + nth, np.zeros_like(nth), boxes)


def test_videos_are_embedded_one_by_one_with_the_same_result():
    crops = concatenate_crops([street(video, 4) for video in range(3)])
    encoder = ColourHistogram()
    expected = calibrate(encoder.embed_crops(crops.crops), crops.tracklet, crops.frame, crops.video)
    sizes = []
    found = calibrate_on_crops(lambda some: (sizes.append(len(some)), encoder.embed_crops(some))[1], crops)
    assert sizes == [40, 40, 40]
    assert found is not None
    assert (found.match_threshold, found.equal_error_rate) == (expected.match_threshold, expected.equal_error_rate)
    assert found.same.tolist() == expected.same.tolist()
    shuffled = np.random.default_rng(0).permutation(len(crops))
    mixed = CropSet(*(getattr(crops, name)[shuffled] for name in COLUMNS))
    again = calibrate_on_crops(encoder.embed_crops, mixed)
    assert again is not None
    assert again.match_threshold == pytest.approx(found.match_threshold, abs=1e-6)


def test_with_colour_the_distances_are_those_of_the_concatenated_encoder():
    crops = concatenate_crops([street(video, 4) for video in range(2)])
    small = ColourHistogram(ColourSettings(stripes=2, hues=4))
    metadata = calibration_metadata(small.embed_crops, crops, 0.5)
    weight = float(metadata["colour"])
    embedding = concatenate(small.embed_crops(crops.crops), ColourHistogram().embed_crops(crops.crops), weight)
    expected = calibrate(embedding, crops.tracklet, crops.frame, crops.video)
    assert float(metadata["limit"]) == pytest.approx(expected.match_threshold, abs=1e-6)
    assert float(metadata["farthest"]) == pytest.approx(expected.upper_threshold, abs=1e-6)


def test_many_videos_need_no_more_memory_than_one(tmp_path, monkeypatch):
    """Twenty videos, 49 MB of crops, from their files to batches, thresholds and metrics."""
    torch = pytest.importorskip("torch", reason="batches are tensors")
    from idfree.learn.data.crop_batches import CropBatches, CropBatchShape

    files = [tmp_path / f"{video}.npz" for video in range(20)]
    for video, file in enumerate(files):
        street(video, 40).save(file)
    monkeypatch.setattr("idfree.appearance.calibrate.MAX_PAIRS", 2**14)
    encoder = ColourHistogram()
    encoder.embed_crops(np.zeros((1, 64, 32, 3), np.uint8))  # imports
    tracemalloc.start()
    crops = concatenate_crops([CropSet.open(file) for file in files])
    parts = split_crops(crops, seed=0)
    batches = CropBatches(parts.train, CropBatchShape(tracklets=8))
    assert batches.fingerprint()
    assert batches(0)["crops"].dtype == torch.float32
    assert set(calibration_metadata(encoder.embed_crops, crops, 0.5)) == {"limit", "farthest", "colour"}
    assert evaluate_on_crops(encoder.embed_crops, parts.held_out)["pairs"][1] > 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert crops.crops.shape == (8000, 64, 32, 3)
    assert peak < 8000 * 64 * 32 * 3 / 3


def test_no_array_grows_with_the_square_of_crops_or_tracklets():
    """10,000 tracklets of two crops in 10 frames: 300 million pairs of crops, of which a sample is compared."""
    count = 10_000
    tracklet, frame = np.divmod(np.arange(2 * count), 2)
    tracemalloc.start()
    i, j, is_same = labelled_pairs(tracklet, frame, np.zeros_like(frame), max_gap=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(i) == len(j) == len(is_same) > 2**19
    assert not is_same.all()
    assert peak < 200_000_000
