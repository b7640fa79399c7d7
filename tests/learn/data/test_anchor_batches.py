"""Batches with the anchors that a region proposal network learns from."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.data.anchor_batches import AnchorBatches
from idfree.learn.data.image_batches import ImageBatches, ImageBatchShape
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.networks.proposals import all_anchors
from idfree.learn.networks.suppression import pairwise_iou
from idfree.learn.objectives.anchors import IGNORED, NEGATIVE

SIZE_HW, SIDE, COUNT = (64, 96), 16, 40


@pytest.fixture(scope="module")
def images(narrow):
    return ImageBatches(LabelledImages.from_footages([narrow.make_footage()]), ImageBatchShape(2, SIZE_HW))


def test_sampled_anchors_are_of_objects_or_background(images):
    batch = AnchorBatches(images, SIDE, COUNT)(0)
    anchors, matched = all_anchors(SIZE_HW, SIDE), batch["matched_anchor"]
    assert matched.shape == (2, len(anchors))
    assert ((matched != IGNORED).sum(dim=1) == COUNT).all()
    for xyxy, mask, of_image in zip(batch["xyxy"], batch["mask"], matched, strict=True):
        iou = pairwise_iou(anchors, xyxy)
        positive = of_image >= 0
        assert 0 < positive.sum() <= COUNT / 2
        assert mask[of_image[positive]].all()
        assert torch.equal(of_image[positive], iou.argmax(dim=1)[positive])
        assert (iou[of_image == NEGATIVE] < 0.3).all()


def test_boxes_are_within_the_image_and_padding_is_empty(images):
    batch = AnchorBatches(images, SIDE, COUNT)(0)
    assert (batch["xyxy"][~batch["mask"]] == 0).all()
    assert (batch["xyxy"] >= 0).all()
    assert (batch["xyxy"] <= torch.tensor([96, 64, 96, 64])).all()
    assert "heat" not in batch


def test_batches_are_a_function_of_their_number(images):
    batches = AnchorBatches(images, SIDE, COUNT)
    one, same, other = batches(3), AnchorBatches(images, SIDE, COUNT)(3), batches(4)
    assert one.keys() == same.keys()
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert not torch.equal(one["seed"], other["seed"])
    assert batches.per_epoch == images.per_epoch


def test_two_processes_share_a_batch(narrow, images):
    parts = [
        AnchorBatches(ImageBatches(images.dataset, images.shape, rank_world=(rank, 2)), SIDE, COUNT)(1)
        for rank in (0, 1)
    ]
    whole = AnchorBatches(images, SIDE, COUNT)(1)
    for name in ("seed", "matched_anchor"):
        assert torch.equal(torch.cat([part[name] for part in parts]), whole[name])
