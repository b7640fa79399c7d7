"""The match threshold of a network that was trained without validation data; threads that prepare batches."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.training import train_tracker
from idfree.pipelines.training.train_crops import train_crops
from idfree.pipelines.training.validate import calibrate_on_tracklets, footage_as_sequence

FRAMES = 40


@pytest.fixture
def street(narrow, monkeypatch):
    """A video, whose objects are detected with an embedding by identity."""
    footage = narrow.make_footage(seed=3, people=6, frames=FRAMES, size_hw=(120, 200))
    random = np.random.default_rng(0)
    directions = random.normal(size=(footage.boxes.id.max() + 1, 8))
    embedding = directions[footage.boxes.id] + random.normal(0, 0.2, (len(footage.boxes), 8))
    boxes = replace(footage.boxes, embedding=embedding.astype(np.float32))
    detector = PrecomputedDetector(boxes, score_range=None)
    monkeypatch.setattr(train_tracker, "make_session", lambda *arguments: None)
    monkeypatch.setattr(train_tracker, "open_detector", lambda name, session: detector)
    return replace(footage, boxes=boxes)


def thresholds(*footages):
    return train_tracker.calibrate_on_training(None, {}, footages, "fp32")


def test_the_match_threshold_is_of_tracklets_in_the_training_videos(street, caplog):
    expected = calibrate_on_tracklets([footage_as_sequence(street)], [street.boxes])
    still = replace(street, is_sequence=False)
    found = thresholds(still, street)
    assert found == {"limit": expected.match_threshold, "farthest": expected.upper_threshold}
    assert f"match threshold {found['limit']:.3f} is of tracklets in the training videos" in caplog.text


def test_number_of_threads():
    assert [train_tracker.count_workers(None, "cpu"), train_tracker.count_workers(0, "cuda")] == [1, 0]
    with pytest.raises(UserError, match="--workers -1: expected 0 or more"):
        train_tracker.count_workers(-1, "cpu")


def test_encoders_refuse_a_negative_number_of_threads_before_crops_are_cut(street, tmp_path):
    with pytest.raises(UserError, match="--workers -1: expected 0 or more"):
        train_crops([street], tmp_path / "run", workers=-1)
    assert not (tmp_path / "run").exists()


def test_still_images_give_none_and_that_is_said(street, caplog):
    assert thresholds(replace(street, is_sequence=False)) == {}
    assert "the model has no match threshold" in caplog.text
