"""Validation by tracking: detectors that return the ground truth, scored against it."""

from dataclasses import replace

import numpy as np
import pytest

from idfree.appearance.colour import ColourHistogram
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Detections, View
from idfree.datasets.footage import Footage
from idfree.pipelines.training.validate import (
    COLOUR,
    calibrate_on_tracklets,
    detect_with_colour,
    footage_as_sequence,
    ground_truth_of,
    validate,
)
from idfree.sequences.motchallenge import write_ground_truth


def walkers(frames=12, id_of=lambda person: person + 1):
    """Three people who walk side by side, 100 px high."""
    number, person = np.repeat(np.arange(1, frames + 1), 3), np.tile(np.arange(3), frames)
    left = 20.0 + 150 * person + 3 * number
    xyxy = np.stack([left, np.full(len(left), 50.0), left + 40, np.full(len(left), 150.0)], axis=1)
    ones = np.ones(len(number))
    return Annotation(number, id_of(person), xyxy, ones, np.zeros(len(number), np.int64), ones)


BLACK = np.zeros((200, 600, 3), np.uint8)


def footage(truth, read=lambda number: BLACK, **changes):
    length = int(truth.frame.max())
    return Footage("walk", truth, length, read, **{"is_sequence": True, "frame_rate": 20.0, **changes})


class OracleDetector:
    """Detects the boxes of `truth`; each person has an embedding of its own with a little noise."""

    needs_images = has_embeddings = True
    name = "oracle"

    def __init__(self, truth):
        self.truth, self.random = truth, np.random.default_rng(0)

    def __call__(self, frame):
        rows = self.truth[self.truth.frame == frame.number]
        embedding = np.eye(8)[rows.id % 8] + self.random.normal(0, 0.05, (len(rows), 8))
        return View(Detections(rows.xyxy, np.full(len(rows), 0.9), embedding=embedding), frame, frame.image.shape[:2])


def test_an_oracle_detector_has_perfect_scores():
    truth = walkers()
    metrics = validate(OracleDetector(truth), [footage(truth)], "fairmot")
    assert metrics.keys() == {"HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN", "limit", "farthest", COLOUR}
    assert (metrics["MOTA"], metrics["IDF1"], metrics["IDSW"], metrics["CLR_FP"]) == (1, 1, 0, 0)
    assert 0 < metrics["limit"] <= metrics["farthest"] < 0.9  # distances: about 0.02 within a person, 1 between


def test_colour_histograms_are_scored_on_the_same_boxes():
    """Black images: all histograms are equal, so that only overlap associates, which suffices for these walkers."""
    truth = walkers()
    detected, coloured = detect_with_colour(OracleDetector(truth), [footage(truth)])
    (boxes,) = coloured.boxes
    np.testing.assert_array_equal(boxes.xyxy, detected.boxes[0].xyxy)
    assert np.ptp(boxes.embedding, axis=0).max() == 0
    assert validate(OracleDetector(truth), [footage(truth)], "fused")[COLOUR] == 1


def test_histograms_belong_to_their_boxes():
    """The image's colour changes with x; a detection of NaN in each frame is dropped, and does not shift the rows."""
    truth, shades = walkers(), np.zeros((200, 600, 3), np.uint8)
    shades[..., 0] = np.arange(600) % 256

    class WithInvalid(OracleDetector):
        def __call__(self, frame):
            view = super().__call__(frame)
            xyxy = np.vstack([np.full((1, 4), np.nan), view.detections.xyxy])
            embedding = np.vstack([np.zeros((1, 8)), view.detections.embedding])
            return View(Detections(xyxy, np.full(len(xyxy), 0.9), embedding=embedding), frame, view.size_hw)

    _, coloured = detect_with_colour(WithInvalid(truth), [footage(truth, read=lambda number: shades)])
    (boxes,) = coloured.boxes
    assert len(boxes) == len(truth)
    np.testing.assert_allclose(boxes.embedding, ColourHistogram()(shades, boxes.xyxy), atol=1e-6)


@pytest.mark.parametrize(
    ("tracker", "has_colour"), [("fused", True), ("fairmot", True), ("sort", False), ("iou", False)]
)
def test_each_image_is_read_once_and_colour_is_for_trackers_that_use_embeddings(tracker, has_colour, monkeypatch):
    truth, read, coloured = walkers(), [], []
    encode = ColourHistogram.encode
    monkeypatch.setattr(ColourHistogram, "encode", lambda self, crops: coloured.append(crops) or encode(self, crops))
    watched = footage(truth, read=lambda number: read.append(number) or BLACK)
    metrics = validate(OracleDetector(truth), [watched], tracker)
    assert read == list(range(1, 13))
    assert (COLOUR in metrics, bool(coloured)) == (has_colour, has_colour)
    assert "limit" in metrics  # of the detector's embeddings, for the model's metadata


def test_errors_add_over_footages():
    truth = walkers()
    partial = truth[truth.id != 2]
    metrics = validate(OracleDetector(partial), [footage(truth), footage(partial)], "fairmot")
    assert metrics["CLR_FN"] == 12
    assert metrics["MOTA"] == pytest.approx(1 - 12 / 60)


def test_without_detections_there_is_no_match_threshold():
    truth = walkers()
    metrics = validate(OracleDetector(truth[:0]), [footage(truth)], "fairmot")
    assert "limit" not in metrics
    assert (metrics["MOTA"], metrics["CLR_FN"]) == (0, 36)


def test_one_person_alone_gives_no_match_threshold():
    truth = walkers()
    alone = truth[truth.id == 1]
    detected = replace(alone, embedding=np.ones((len(alone), 4)))
    assert calibrate_on_tracklets([footage_as_sequence(footage(truth))], [detected]) is None


def test_a_half_is_scored_by_its_part_of_the_ground_truth(tmp_path):
    """All rows of gt.txt are used, also those not trained on: here a distractor and a hardly visible pedestrian."""
    truth = walkers(frames=9, id_of=lambda person: person + 1)
    hidden, distractor = truth.id == 2, truth.id == 3
    changed = replace(truth, visibility=np.where(hidden, 0.1, 1.0), class_id=np.where(distractor, 12, 1))
    write_ground_truth(tmp_path / "gt" / "gt.txt", replace(changed, score=np.where(distractor, 0.0, 1.0)))
    whole = footage(truth[truth.id == 1], source=tmp_path / "gt" / "gt.txt")
    half = whole.half("val")
    ground_truth = ground_truth_of(half)
    assert half.length == 4
    assert ground_truth.frame.tolist() == np.repeat([1, 2, 3, 4], 3).tolist()
    np.testing.assert_allclose(ground_truth.xyxy, truth.xyxy[truth.frame > 5])
    detected = replace(truth, frame=truth.frame - 5)[truth.frame > 5]
    metrics = validate(OracleDetector(detected), [half], "fairmot")
    assert (metrics["MOTA"], metrics["CLR_FN"], metrics["CLR_FP"]) == (1, 0, 0)  # the tracked distractor does not count


def test_footage_without_identities_cannot_be_validated():
    with pytest.raises(UserError, match="walk: has boxes without an identity"):
        ground_truth_of(footage(walkers(id_of=lambda person: np.where(person == 1, -1, person))))
    with pytest.raises(UserError, match="walk: is not a video"):
        ground_truth_of(footage(walkers(), is_sequence=False))
    ignored = walkers(id_of=lambda person: np.where(person == 1, -1, person))
    ignored = replace(ignored, score=np.where(ignored.id < 0, 0.0, 1.0))
    assert len(ground_truth_of(footage(ignored))) == 24
