"""The made-up street: the same from the same seed, true to its own truth, wrong at the stated rates."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from idfree.core.boxes import clip, iou, overlap, xyxy_to_cxcywh
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Image
from idfree.synthetic.scene import StreetSettings, SyntheticSequence, jitter, street

SIZE_HW = (180, 320)
FAULTLESS = StreetSettings(miss_clear=0, miss_hidden=0, jitter=0, false_positives=0)


@pytest.fixture(scope="module")
def crowd() -> SyntheticSequence:
    return street(3, people=20, frames=80, size_hw=SIZE_HW)


@pytest.fixture(scope="module")
def faultless() -> SyntheticSequence:
    """The same street, seen by a detector that is never wrong: its rows are the truth's rows."""
    return street(3, people=20, frames=80, size_hw=SIZE_HW, settings=FAULTLESS)


def pictures(made: SyntheticSequence, start: int = 0, stop: int | None = None, step: int = 1) -> list[Image]:
    return [frame.image for frame in islice(made.sequence, start, stop, step) if frame.image is not None]


def same(a: Annotation, b: Annotation) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in vars(a) if getattr(a, name) is not None)


def test_same_seed_gives_the_same_street_and_another_seed_another(crowd: SyntheticSequence) -> None:
    again = street(3, people=20, frames=80, size_hw=SIZE_HW)
    other = street(4, people=20, frames=80, size_hw=SIZE_HW)
    assert same(crowd.truth, again.truth)
    assert same(crowd.detections, again.detections)
    for a, b, c in zip(*(pictures(made, 0, 80, 40) for made in (crowd, again, other)), strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)
    assert not np.array_equal(crowd.truth.xyxy, other.truth.xyxy)


def test_sequence_reads_anew_each_time_numbered_from_one(crowd: SyntheticSequence) -> None:
    frames = list(islice(crowd.sequence, 3))
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert [frame.time for frame in frames] == [0, 0.05, 0.1]
    assert frames[0].image is not None
    assert frames[0].image.shape == (*SIZE_HW, 3)
    assert frames[0].image.dtype == np.uint8
    assert np.array_equal(frames[1].image, pictures(crowd, 1, 2)[0])
    assert crowd.sequence.length == 80
    assert sum(1 for _ in crowd.sequence.without_images()) == 80


def test_truth_is_sorted_inside_the_picture_and_everybody_appears(crowd: SyntheticSequence) -> None:
    truth = crowd.truth
    assert (np.diff(truth.frame) >= 0).all()
    assert np.array_equal(np.unique(truth.id), np.arange(1, 21))
    assert len(np.unique(np.stack([truth.frame, truth.id], axis=1), axis=0)) == len(truth)
    assert np.array_equal(truth.xyxy, clip(truth.xyxy, SIZE_HW))
    assert truth.at(40).sane(SIZE_HW).all()
    assert (truth.class_id == 1).all()
    assert (truth.score == 1).all()
    assert truth.visibility.min() >= 0
    assert truth.visibility.max() <= 1


def test_people_move_smoothly_and_those_further_up_are_smaller(crowd: SyntheticSequence) -> None:
    truth = crowd.truth
    (_, y), (_, height) = xyxy_to_cxcywh(truth.xyxy).T[:2], xyxy_to_cxcywh(truth.xyxy).T[2:]
    feet = y + height / 2
    whole = (truth.xyxy[:, 3] < SIZE_HW[0]) & (truth.xyxy[:, 0] > 0) & (truth.xyxy[:, 2] < SIZE_HW[1])
    assert np.corrcoef(feet[whole], height[whole])[0, 1] > 0.8
    for person in (1, 10, 20):
        rows = whole & (truth.id == person)
        step = np.diff(feet[rows])[np.diff(truth.frame[rows]) == 1]
        assert (np.abs(step) < 0.1 * height[rows].max()).all()


@pytest.mark.parametrize("seed", [0, 1, 2, 5])
def test_boxes_tightly_contain_the_drawn_figure(seed: int) -> None:
    settings = StreetSettings(shadows=False)
    alone = street(seed, people=1, frames=40, size_hw=(270, 480), settings=settings)
    empty = pictures(street(seed, people=0, frames=1, size_hw=(270, 480), settings=settings))[0]
    compared = 0
    for n, image in enumerate(pictures(alone, 0, 40, 4)):
        rows = np.flatnonzero(alone.truth.frame == 4 * n + 1)
        y, x = np.nonzero((image != empty).any(axis=2))
        if len(rows) == 0:
            assert len(x) <= 8  # less than a pixel's breadth of somebody at the side
            continue
        box, seen = alone.truth.xyxy[rows[0]], alone.truth.visibility[rows[0]]
        assert len(x) == 0 or (x.min() >= box[0] - 2 and x.max() + 1 <= box[2] + 2)
        assert len(y) == 0 or (y.min() >= box[1] - 2 and y.max() + 1 <= box[3] + 2)
        if seen == 1:
            drawn = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])
            np.testing.assert_allclose(drawn, box, atol=2)
            compared += 1
    assert compared > 0 or (alone.truth.visibility < 1).all()


def test_visibility_is_the_share_of_pixels_that_others_leave(crowd: SyntheticSequence) -> None:
    """Of two who overlap much, the one whose feet are lower stands in front."""
    behind = []
    for frame in range(1, 81):
        rows = np.flatnonzero(crowd.truth.frame == frame)
        xyxy, seen = crowd.truth.xyxy[rows], crowd.truth.visibility[rows]
        whole = (xyxy[:, 0] > 0) & (xyxy[:, 2] < SIZE_HW[1])
        for front, back in np.argwhere((overlap(xyxy, xyxy) > 0.6) & whole[:, None] & whole):
            if xyxy[front, 3] > xyxy[back, 3] + 2 and seen[front] == 1:
                behind.append(seen[back])
    assert len(behind) > 20
    assert np.mean(np.array(behind) < 1) > 0.95  # boxes may overlap where figures do not
    assert np.mean(behind) < 0.7


def test_somebody_cut_by_the_side_is_seen_in_part(crowd: SyntheticSequence) -> None:
    at_side = crowd.truth.xyxy[:, 0] == 0
    assert at_side.any()
    assert (crowd.truth.visibility[at_side] < 1).all()


def test_occlusions_occur_from_slight_to_full(crowd: SyntheticSequence) -> None:
    seen = crowd.truth.visibility
    assert (seen > 0.9).mean() > 0.3
    assert 0.05 < (seen < 0.5).mean() < 0.5
    assert (seen == 0).any()


def test_faultless_detections_are_the_truth(faultless: SyntheticSequence) -> None:
    truth, detections = faultless.truth, faultless.detections
    assert np.array_equal(detections.frame, truth.frame)
    np.testing.assert_allclose(detections.xyxy, truth.xyxy, atol=1e-9)
    clear, hidden = truth.visibility == 1, truth.visibility < 0.3
    assert detections.score[clear].min() > detections.score[hidden].max()


def test_detections_are_sane(crowd: SyntheticSequence) -> None:
    detections = crowd.detections
    assert detections.embedding is not None
    assert (np.diff(detections.frame) >= 0).all()
    assert np.array_equal(detections.xyxy, clip(detections.xyxy, SIZE_HW))
    assert ((detections.xyxy[:, 2:] - detections.xyxy[:, :2]) >= 1).all()
    assert detections.score.min() > 0
    assert detections.score.max() <= 1
    assert (detections.id == -1).all()
    assert detections.embedding.shape == (len(detections), 32)
    np.testing.assert_allclose(np.linalg.norm(detections.embedding, axis=1), 1)
    best = [iou(crowd.truth.at(n).xyxy, detections.at(n).xyxy).max(axis=1) for n in range(1, 81)]
    assert np.median(np.concatenate(best)) > 0.8


def test_misses_are_as_frequent_as_stated_and_grow_with_hiding(faultless: SyntheticSequence) -> None:
    seen = faultless.truth.visibility
    settings = replace(FAULTLESS, miss_clear=0.2, miss_hidden=0.8)
    found = len(street(3, people=20, frames=80, size_hw=SIZE_HW, settings=settings).detections)
    miss = 0.2 + 0.6 * (1 - seen) ** 2
    assert abs(found - (1 - miss).sum()) < 4 * np.sqrt((miss * (1 - miss)).sum())
    only_hidden = replace(FAULTLESS, miss_hidden=1)
    missed = street(3, people=20, frames=80, size_hw=SIZE_HW, settings=only_hidden).detections
    assert len(missed) <= (seen > 0).sum()


def test_false_positives_are_as_frequent_as_stated(faultless: SyntheticSequence) -> None:
    settings = replace(FAULTLESS, false_positives=2.5)
    more = street(3, people=20, frames=80, size_hw=SIZE_HW, settings=settings).detections
    assert abs(len(more) - len(faultless.detections) - 200) < 4 * np.sqrt(200)


def test_jitter_has_the_stated_spread() -> None:
    box = np.tile([[100.0, 50.0, 140.0, 150.0]], (4000, 1))
    moved = xyxy_to_cxcywh(jitter(np.random.default_rng(0), box, 0.05))
    np.testing.assert_allclose(moved[:, :2].std(axis=0), [2, 5], rtol=0.05)
    np.testing.assert_allclose(np.log(moved[:, 2:] / [40, 100]).std(axis=0), 0.05, rtol=0.05)
    np.testing.assert_allclose(moved.mean(axis=0), [120, 100, 40, 100], atol=0.5)


def test_embeddings_tell_people_apart_until_they_are_hidden(faultless: SyntheticSequence) -> None:
    truth, embedding = faultless.truth, faultless.detections.embedding
    assert embedding is not None
    clear = truth.visibility > 0.95
    people = np.unique(truth.id[clear])
    centre = np.stack([embedding[clear & (truth.id == person)].mean(axis=0) for person in people])
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    nearest = people[(embedding @ centre.T).argmax(axis=1)]
    right = nearest == truth.id
    assert right[clear].mean() > 0.9
    hidden = (truth.visibility < 0.3) & np.isin(truth.id, people)
    assert right[hidden].mean() < right[clear].mean() - 0.2
    likeness = centre @ centre.T - 2 * np.eye(len(people))
    assert likeness.max() > 0.6  # some are dressed alike
    assert np.median(likeness) < 0.3


@pytest.mark.parametrize("size_hw", [(128, 256), (256, 256), (320, 180), (64, 400)])
def test_any_size_and_number_will_do(size_hw: tuple[int, int]) -> None:
    made = street(1, people=6, frames=2, size_hw=size_hw)
    assert [image.shape for image in pictures(made)] == [(*size_hw, 3)] * 2
    assert len(made.truth) > 0


def test_an_empty_street_is_legal() -> None:
    made = street(0, people=0, frames=3, size_hw=(90, 160), settings=FAULTLESS)
    assert len(made.truth) == len(made.detections) == 0
    assert made.truth.xyxy.shape == (0, 4)
    assert made.detections.embedding is not None
    assert made.detections.embedding.shape == (0, 32)
    assert len(pictures(made)) == 3


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"people": -1}, {"size_hw": (20, 100)}, {"frame_rate": 0}])
def test_impossible_streets_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"street: .* expected"):
        street(**wrong)  # type: ignore[arg-type]
