"""Synthetic street: reproducible, ground truth consistent with the pixels, detector errors at the configured rates."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from idfree.core.boxes import clip, iou, overlap, xyxy_to_cxcywh
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Image
from idfree.synthetic.scene import SyntheticSequence, make_street
from idfree.synthetic.simulated_detections import jitter_boxes
from idfree.synthetic.street import StreetSettings

SIZE_HW = (180, 320)
PERFECT = StreetSettings(miss_clear=0, miss_hidden=0, jitter=0, false_positives=0)


@pytest.fixture(scope="module")
def crowd() -> SyntheticSequence:
    return make_street(3, people=20, frames=80, size_hw=SIZE_HW)


@pytest.fixture(scope="module")
def perfect() -> SyntheticSequence:
    """The same street with a perfect detector, whose rows correspond to those of the ground truth."""
    return make_street(3, people=20, frames=80, size_hw=SIZE_HW, settings=PERFECT)


def images_of(street: SyntheticSequence, start: int = 0, stop: int | None = None, step: int = 1) -> list[Image]:
    return [frame.image for frame in islice(street.sequence, start, stop, step) if frame.image is not None]


def are_equal(a: Annotation, b: Annotation) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in vars(a) if getattr(a, name) is not None)


def test_the_seed_determines_the_street(crowd: SyntheticSequence) -> None:
    again = make_street(3, people=20, frames=80, size_hw=SIZE_HW)
    other = make_street(4, people=20, frames=80, size_hw=SIZE_HW)
    assert are_equal(crowd.truth, again.truth)
    assert are_equal(crowd.detections, again.detections)
    for a, b, c in zip(*(images_of(street, 0, 80, 40) for street in (crowd, again, other)), strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)
    assert not np.array_equal(crowd.truth.xyxy, other.truth.xyxy)


def test_sequence_can_be_iterated_repeatedly_from_frame_one(crowd: SyntheticSequence) -> None:
    frames = list(islice(crowd.sequence, 3))
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert [frame.time for frame in frames] == [0, 0.05, 0.1]
    assert frames[0].image is not None
    assert frames[0].image.shape == (*SIZE_HW, 3)
    assert frames[0].image.dtype == np.uint8
    assert np.array_equal(frames[1].image, images_of(crowd, 1, 2)[0])
    assert crowd.sequence.length == 80
    assert sum(1 for _ in crowd.sequence.without_images()) == 80


def test_ground_truth_is_sorted_and_inside_the_image_and_has_all_people(crowd: SyntheticSequence) -> None:
    truth = crowd.truth
    assert (np.diff(truth.frame) >= 0).all()
    assert np.array_equal(np.unique(truth.id), np.arange(1, 21))
    assert len(np.unique(np.stack([truth.frame, truth.id], axis=1), axis=0)) == len(truth)
    assert np.array_equal(truth.xyxy, clip(truth.xyxy, SIZE_HW))
    assert truth.detections_at(40).valid_mask(SIZE_HW).all()
    assert (truth.class_id == 1).all()
    assert (truth.score == 1).all()
    assert truth.visibility.min() >= 0
    assert truth.visibility.max() <= 1


def test_motion_is_smooth_and_distant_people_are_smaller(crowd: SyntheticSequence) -> None:
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
def test_boxes_tightly_contain_the_drawn_person(seed: int) -> None:
    settings = StreetSettings(shadows=False)
    alone = make_street(seed, people=1, frames=40, size_hw=(270, 480), settings=settings)
    empty = images_of(make_street(seed, people=0, frames=1, size_hw=(270, 480), settings=settings))[0]
    compared = 0
    for n, image in enumerate(images_of(alone, 0, 40, 4)):
        rows = np.flatnonzero(alone.truth.frame == 4 * n + 1)
        y, x = np.nonzero((image != empty).any(axis=2))
        if len(rows) == 0:
            assert len(x) <= 8  # less than one pixel of a person at the edge
            continue
        box, visibility = alone.truth.xyxy[rows[0]], alone.truth.visibility[rows[0]]
        assert len(x) == 0 or (x.min() >= box[0] - 2 and x.max() + 1 <= box[2] + 2)
        assert len(y) == 0 or (y.min() >= box[1] - 2 and y.max() + 1 <= box[3] + 2)
        if visibility == 1:
            drawn = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])
            np.testing.assert_allclose(drawn, box, atol=2)
            compared += 1
    assert compared > 0 or (alone.truth.visibility < 1).all()


def test_people_behind_others_have_low_visibility(crowd: SyntheticSequence) -> None:
    """Of two overlapping people, the one with the lower feet is in front."""
    behind = []
    for frame in range(1, 81):
        rows = np.flatnonzero(crowd.truth.frame == frame)
        xyxy, visibility = crowd.truth.xyxy[rows], crowd.truth.visibility[rows]
        whole = (xyxy[:, 0] > 0) & (xyxy[:, 2] < SIZE_HW[1])
        for front, back in np.argwhere((overlap(xyxy, xyxy) > 0.6) & whole[:, None] & whole):
            if xyxy[front, 3] > xyxy[back, 3] + 2 and visibility[front] == 1:
                behind.append(visibility[back])
    assert len(behind) > 20
    assert np.mean(np.array(behind) < 1) > 0.95  # boxes may overlap even if the people do not
    assert np.mean(behind) < 0.7


def test_people_at_the_image_edge_are_partly_visible(crowd: SyntheticSequence) -> None:
    at_edge = crowd.truth.xyxy[:, 0] == 0
    assert at_edge.any()
    assert (crowd.truth.visibility[at_edge] < 1).all()


def test_occlusions_occur_from_slight_to_full(crowd: SyntheticSequence) -> None:
    visibility = crowd.truth.visibility
    assert (visibility > 0.9).mean() > 0.3
    assert 0.05 < (visibility < 0.5).mean() < 0.5
    assert (visibility == 0).any()


def test_perfect_detections_equal_the_ground_truth(perfect: SyntheticSequence) -> None:
    truth, detections = perfect.truth, perfect.detections
    assert np.array_equal(detections.frame, truth.frame)
    np.testing.assert_allclose(detections.xyxy, truth.xyxy, atol=1e-9)
    clear, hidden = truth.visibility == 1, truth.visibility < 0.3
    assert detections.score[clear].min() > detections.score[hidden].max()


def test_detections_are_valid(crowd: SyntheticSequence) -> None:
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
    best = [iou(crowd.truth.detections_at(n).xyxy, detections.detections_at(n).xyxy).max(axis=1) for n in range(1, 81)]
    assert np.median(np.concatenate(best)) > 0.8


def test_miss_rate_grows_with_occlusion_as_configured(perfect: SyntheticSequence) -> None:
    visibility = perfect.truth.visibility
    settings = replace(PERFECT, miss_clear=0.2, miss_hidden=0.8)
    detected = len(make_street(3, people=20, frames=80, size_hw=SIZE_HW, settings=settings).detections)
    miss = 0.2 + 0.6 * (1 - visibility) ** 2
    assert abs(detected - (1 - miss).sum()) < 4 * np.sqrt((miss * (1 - miss)).sum())
    only_hidden = replace(PERFECT, miss_hidden=1)
    remaining = make_street(3, people=20, frames=80, size_hw=SIZE_HW, settings=only_hidden).detections
    assert len(remaining) <= (visibility > 0).sum()


def test_false_positives_have_the_configured_rate(perfect: SyntheticSequence) -> None:
    settings = replace(PERFECT, false_positives=2.5)
    more = make_street(3, people=20, frames=80, size_hw=SIZE_HW, settings=settings).detections
    assert abs(len(more) - len(perfect.detections) - 200) < 4 * np.sqrt(200)


def test_jitter_has_the_configured_deviation() -> None:
    box = np.tile([[100.0, 50.0, 140.0, 150.0]], (4000, 1))
    moved = xyxy_to_cxcywh(jitter_boxes(np.random.default_rng(0), box, 0.05))
    np.testing.assert_allclose(moved[:, :2].std(axis=0), [2, 5], rtol=0.05)
    np.testing.assert_allclose(np.log(moved[:, 2:] / [40, 100]).std(axis=0), 0.05, rtol=0.05)
    np.testing.assert_allclose(moved.mean(axis=0), [120, 100, 40, 100], atol=0.5)


def test_embeddings_identify_people_unless_occluded(perfect: SyntheticSequence) -> None:
    truth, embedding = perfect.truth, perfect.detections.embedding
    assert embedding is not None
    clear = truth.visibility > 0.95
    people = np.unique(truth.id[clear])
    centre = np.stack([embedding[clear & (truth.id == person)].mean(axis=0) for person in people])
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    nearest = people[(embedding @ centre.T).argmax(axis=1)]
    is_correct = nearest == truth.id
    assert is_correct[clear].mean() > 0.9
    hidden = (truth.visibility < 0.3) & np.isin(truth.id, people)
    assert is_correct[hidden].mean() < is_correct[clear].mean() - 0.2
    similarity = centre @ centre.T - 2 * np.eye(len(people))
    assert similarity.max() > 0.6  # lookalikes
    assert np.median(similarity) < 0.3


@pytest.mark.parametrize("size_hw", [(128, 256), (256, 256), (320, 180), (64, 400)])
def test_any_image_size(size_hw: tuple[int, int]) -> None:
    street = make_street(1, people=6, frames=2, size_hw=size_hw)
    assert [image.shape for image in images_of(street)] == [(*size_hw, 3)] * 2
    assert len(street.truth) > 0


def test_street_without_people() -> None:
    street = make_street(0, people=0, frames=3, size_hw=(90, 160), settings=PERFECT)
    assert len(street.truth) == len(street.detections) == 0
    assert street.truth.xyxy.shape == (0, 4)
    assert street.detections.embedding is not None
    assert street.detections.embedding.shape == (0, 32)
    assert len(images_of(street)) == 3


@pytest.mark.parametrize("arguments", [{"frames": 0}, {"people": -1}, {"size_hw": (20, 100)}, {"frame_rate": 0}])
def test_invalid_arguments_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"street: .* expected"):
        make_street(**arguments)  # type: ignore[arg-type]
