"""Validation: detectors that know the truth, held against the truth."""

from dataclasses import replace

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Detections, View
from idfree.datasets.footage import Footage
from idfree.pipelines.validate import calibration_of, truth_of, validate, video_of
from idfree.sequences.motchallenge import write_truth


def walkers(frames=12, id_of=lambda person: person + 1):
    """Three people who walk side by side, 100 px high."""
    number, person = np.repeat(np.arange(1, frames + 1), 3), np.tile(np.arange(3), frames)
    left = 20.0 + 150 * person + 3 * number
    xyxy = np.stack([left, np.full(len(left), 50.0), left + 40, np.full(len(left), 150.0)], axis=1)
    ones = np.ones(len(number))
    return Annotation(number, id_of(person), xyxy, ones, np.zeros(len(number), np.int64), ones)


def footage(truth, **changes):
    black = np.zeros((200, 600, 3), np.uint8)
    length = int(truth.frame.max())
    return Footage("walk", truth, length, lambda number: black, **{"moving": True, "frame_rate": 20.0, **changes})


class Knowing:
    """Sees what `truth` says, each person in an embedding of its own with a little noise."""

    needs_images = has_embeddings = True
    name = "knowing"

    def __init__(self, truth):
        self.truth, self.random = truth, np.random.default_rng(0)

    def __call__(self, frame):
        at = self.truth[self.truth.frame == frame.number]
        embedding = np.eye(8)[at.id % 8] + self.random.normal(0, 0.05, (len(at), 8))
        return View(Detections(at.xyxy, np.full(len(at), 0.9), embedding=embedding), frame, frame.image.shape[:2])


def test_who_knows_the_truth_tracks_it():
    truth = walkers()
    said = validate(Knowing(truth), [footage(truth)], "fairmot")
    assert said.keys() == {"HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN", "limit", "farthest"}
    assert (said["MOTA"], said["IDF1"], said["IDSW"], said["CLR_FP"]) == (1, 1, 0, 0)
    assert 0 < said["limit"] <= said["farthest"] < 0.9  # one person's embeddings lie about 0.02 apart, two people's 1


def test_several_footages_count_together():
    truth = walkers()
    blind = truth[truth.id != 2]
    both = validate(Knowing(blind), [footage(truth), footage(blind)], "fairmot")
    assert both["CLR_FN"] == 12
    assert both["MOTA"] == pytest.approx(1 - 12 / 60)


def test_who_sees_nothing_has_no_limit():
    truth = walkers()
    said = validate(Knowing(truth[:0]), [footage(truth)], "fairmot")
    assert "limit" not in said
    assert (said["MOTA"], said["CLR_FN"]) == (0, 36)


def test_one_person_alone_gives_no_limit():
    truth = walkers()
    alone = truth[truth.id == 1]
    seen = replace(alone, embedding=np.ones((len(alone), 4)))
    assert calibration_of([video_of(footage(truth))], [seen]) is None


def test_a_half_is_measured_by_its_part_of_the_truth(tmp_path):
    """MOTChallenge's own rows count, whatever is learnt from them: here a distractor, and a pedestrian hardly seen."""
    truth = walkers(frames=9, id_of=lambda person: person + 1)
    hidden, distractor = truth.id == 2, truth.id == 3
    told = replace(truth, visibility=np.where(hidden, 0.1, 1.0), class_id=np.where(distractor, 12, 1))
    write_truth(tmp_path / "gt" / "gt.txt", replace(told, score=np.where(distractor, 0.0, 1.0)))
    whole = footage(truth[truth.id == 1], source=tmp_path / "gt" / "gt.txt")
    half = whole.half("val")
    found = truth_of(half)
    assert half.length == 4
    assert found.frame.tolist() == np.repeat([1, 2, 3, 4], 3).tolist()
    np.testing.assert_allclose(found.xyxy, truth.xyxy[truth.frame > 5])
    seen = replace(truth, frame=truth.frame - 5)[truth.frame > 5]
    said = validate(Knowing(seen), [half], "fairmot")
    assert (said["MOTA"], said["CLR_FN"], said["CLR_FP"]) == (1, 0, 0)  # the tracked distractor does not count


def test_without_identities_there_is_nothing_to_validate():
    with pytest.raises(UserError, match="walk: has boxes of which nobody says whose they are"):
        truth_of(footage(walkers(id_of=lambda person: np.where(person == 1, -1, person))))
    with pytest.raises(UserError, match="walk: is no video"):
        truth_of(footage(walkers(), moving=False))
    ignored = walkers(id_of=lambda person: np.where(person == 1, -1, person))
    ignored = replace(ignored, score=np.where(ignored.id < 0, 0.0, 1.0))
    assert len(truth_of(footage(ignored))) == 24
