"""Batches with a teacher's embeddings, and boxes matched to the anchors of a pyramid."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dataclasses import replace

from idfree.core.boxes import iou
from idfree.core.errors import UserError
from idfree.learn.data.image_batches import ImageBatches, ImageBatchShape
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.teacher_batches import TeacherBatches, match_pyramid
from idfree.learn.data.teacher_labels import TeacherLabels
from idfree.learn.networks.pyramid_anchors import ANCHORS, map_sizes, pyramid_anchors, to_corners

SIZE_HW = (64, 96)
NOWHERE = torch.zeros(8, 12, dtype=torch.bool)


def anchor_boxes():
    return to_corners(pyramid_anchors(map_sizes(SIZE_HW)))


def test_anchors_match_the_box_of_highest_iou():
    random = np.random.default_rng(0)
    corner = random.uniform(-10, 50, (6, 2))
    boxes = np.concatenate([corner, corner + random.uniform(15, 60, (6, 2))], axis=1)
    matched_box = match_pyramid(torch.from_numpy(boxes), NOWHERE, SIZE_HW)
    pairwise = iou(anchor_boxes().double().numpy(), boxes)
    best = pairwise.max(axis=1)
    expected = np.where(best >= 0.5, pairwise.argmax(axis=1), np.where(best < 0.4, -1, -2))
    assert (matched_box.numpy() == expected).all()
    assert {-2, -1} < set(expected.tolist())


def test_iou_of_half_is_positive_and_of_two_fifths_is_ignored():
    """Anchor 2 of each cell is 32×32: parts of it of a half, and of two fifths of its area."""
    number = ANCHORS * (3 * 12 + 4) + 2
    left, top, right, _ = anchor_boxes()[number].tolist()
    half = torch.tensor([[left, top, right, top + 16.0]])
    two_fifths = torch.tensor([[left, top, right, top + 12.8 + 1e-4]])
    less = torch.tensor([[left, top, right, top + 12.7]])
    assert [int(match_pyramid(box, NOWHERE, SIZE_HW)[number]) for box in (half, two_fifths, less)] == [0, -2, -1]


def test_negative_anchors_in_regions_to_ignore_are_left_out():
    ignore = NOWHERE.clone()
    ignore[:, 6:] = True
    number = ANCHORS * (3 * 12 + 7) + 2  # of the ignored half
    matched_box = match_pyramid(anchor_boxes()[number][None], ignore, SIZE_HW)
    right = pyramid_anchors(map_sizes(SIZE_HW))[:, 0] >= 48
    assert matched_box[number] == 0
    assert not (matched_box[right] == -1).any()
    assert (matched_box[~right] != -2).any()
    assert (matched_box[~right] == -1).any()


@pytest.fixture
def footages(narrow):
    return [narrow.make_footage(frames=3), narrow.make_footage(4, frames=2)]


def make_batches(narrow, footages, dimension=8, for_anchors=True, **changes):
    dataset = LabelledImages.from_footages(footages)
    shape = ImageBatchShape(2, SIZE_HW, 8 if for_anchors else 4)
    return TeacherBatches(ImageBatches(dataset, shape), narrow.make_teacher(footages), dimension, for_anchors)


def test_objects_get_the_first_elements_of_their_rows_embedding(narrow, footages):
    batches = make_batches(narrow, footages, for_anchors=False)
    parts = batches.teacher.parts
    rows = np.concatenate([part.rows for part in parts])[:, :8]
    is_known = np.concatenate([part.is_known for part in parts])
    seen = 0
    for step in range(4):
        batch = batches(step)
        mask, row = batch["mask"], batch["row"]
        assert (batch["teacher"][mask].numpy() == rows[row[mask]]).all()
        assert (batch["has_teacher"][mask].numpy() == is_known[row[mask]]).all()
        assert not batch["has_teacher"][~mask].any()
        seen += int((row[mask] >= len(parts[0])).sum())
    assert seen, "no object of the second footage"
    assert {"heat", "index", "offset", "size"} < batch.keys()


def test_batches_for_anchors(narrow, footages):
    batch = make_batches(narrow, footages)(0)
    assert batch["matched_box"].shape == (2, len(anchor_boxes()))
    assert batch["teacher"].shape == (*batch["mask"].shape, 8)
    assert not {"heat", "index", "offset", "size", "ignore"} & batch.keys()
    positive = batch["matched_box"].clamp(min=0)
    assert batch["mask"].gather(1, positive)[batch["matched_box"] >= 0].all()


def test_a_batch_is_a_function_of_its_number(narrow, footages):
    one, two = (make_batches(narrow, footages)(3) for _ in range(2))
    assert one.keys() == two.keys()
    assert all(torch.equal(each, two[name]) for name, each in one.items())


def test_a_student_has_no_more_elements_than_its_teacher(narrow, footages):
    with pytest.raises(UserError, match="dimension=16: the teacher made-up gives embeddings of 12 elements"):
        make_batches(narrow, footages, dimension=16)


def test_embeddings_of_other_data_are_refused(narrow, footages):
    batches = make_batches(narrow, footages)
    other = replace(batches.teacher, parts=batches.teacher.parts[:1])
    with pytest.raises(UserError, match=r"has embeddings of \d+ boxes, the data have \d+"):
        TeacherBatches(batches.images, other, 8, True)


def test_rows_without_a_footage_are_unknown(narrow, footages):
    teacher = narrow.make_teacher(footages)
    embedding, is_known = teacher.read(np.array([-1, 0, len(teacher.parts[0])]))
    assert is_known.tolist() == [False, True, True]
    assert not embedding[0].any()
    assert (embedding[2] == teacher.parts[1].rows[0]).all()
    assert isinstance(teacher, TeacherLabels)
