"""Anchor targets and losses: scenes calculated by hand, and the definition of IoU."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.core.boxes import iou
from idfree.learn.networks.anchors import decode_boxes
from idfree.learn.networks.jde import ANCHOR_SIZES
from idfree.learn.objectives.anchors import encode_boxes
from idfree.learn.objectives.jde import JdeDetectionLoss, JdeTargets, match_anchors

STRIDE, HEIGHT, WIDTH = 8, 6, 8
TWO_SIZES = ((16.0, 24.0), (32.0, 16.0))  # of anchors


class RecordBatch(nn.Module):
    """An objective that stores the batch that it receives."""

    def forward(self, output, batch):
        self.batch = batch
        return {"nothing": output["objectness"].sum() * 0}


def anchors(sizes=TWO_SIZES):
    """(A·h·w, 4) boxes of all anchors of a map."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] * STRIDE + STRIDE / 2
    boxes = [np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=-1) for w, h in sizes]
    return np.stack(boxes).reshape(-1, 4)


def batch(*images):
    """A batch of images, each a list of (xyxy, identity)."""
    count = max(1, *map(len, images))
    mask = torch.tensor([[k < len(objects) for k in range(count)] for objects in images])
    xyxy, identity = torch.full((len(images), count, 4), 7.0), torch.full((len(images), count), -1)
    for b, objects in enumerate(images):
        for k, (box, person) in enumerate(objects):
            xyxy[b, k], identity[b, k] = torch.tensor(box), person
    image = torch.zeros(len(images), 3, HEIGHT * STRIDE, WIDTH * STRIDE, dtype=torch.uint8)
    return {"image": image, "xyxy": xyxy, "mask": mask, "identity": identity, "class": 0 * identity}


def output(images, sizes=TWO_SIZES):
    return {
        "objectness": torch.zeros(images, len(sizes), HEIGHT, WIDTH),
        "box": torch.zeros(images, 4 * len(sizes), HEIGHT, WIDTH),
        "embedding": torch.randn(images, 5, HEIGHT, WIDTH),
    }


def targets_of(maps, labels, sizes=TWO_SIZES):
    """The batch as `JdeTargets` completes it."""
    objective = RecordBatch()
    JdeTargets(objective, sizes)(maps, labels)
    return objective.batch


EXACT = ((20.0, 16.0, 36.0, 40.0), 4)  # the first anchor of cell (3, 3), to the pixel


def test_anchors_match_the_box_of_highest_iou():
    random = np.random.default_rng(0)
    corner = random.uniform(-5, 50, (7, 2))
    boxes = np.concatenate([corner, corner + random.uniform(5, 40, (7, 2))], axis=1).astype(np.float32)
    matched_box, overlap = match_anchors(torch.from_numpy(boxes), torch.tensor(TWO_SIZES), (HEIGHT, WIDTH), STRIDE)
    pairwise = iou(anchors(), boxes.astype(float))
    best = pairwise.max(axis=1)
    expected = np.where(best > 0.5, pairwise.argmax(axis=1), np.where(best < 0.4, -1, -2))
    assert np.allclose(overlap.flatten(), best, atol=1e-5)
    assert (matched_box.flatten().numpy() == expected).all()
    assert set(np.sign(expected + 0.5)) == {-1, 1}
    assert -2 in expected


def test_a_box_equal_to_an_anchor():
    """Horizontal neighbours have IoU 1/3, vertical ones 1/2: the latter are neither negative nor positive."""
    first, second = targets_of(output(1), batch([EXACT]))["matched_box"][0]
    assert first[3, 3] == 0
    assert first[2, 3] == first[4, 3] == -2
    assert (first == -1).sum() == HEIGHT * WIDTH - 3
    assert second[3].tolist() == [-1, -1, -2, -2, -2, -1, -1, -1]  # 2/5


def test_identity_targets_are_at_cells_with_positive_anchors():
    targets = targets_of(output(2), batch([], [((0.0, 0.0, 1.0, 1.0), 2), EXACT]))
    assert targets["mask"].tolist() == [[False], [True]]
    assert targets["index"][1].tolist() == [3 * WIDTH + 3]
    assert targets["identity"][1].tolist() == [4]


def test_of_two_boxes_in_a_cell_the_one_of_higher_iou_counts():
    wide = ((12.0, 20.0, 44.0, 36.0), 9)  # the second anchor of the same cell
    near = ((20.0, 18.0, 36.0, 40.0), 4)  # almost the first
    targets = targets_of(output(1), batch([near, wide]))
    assert targets["matched_box"][0, :, 3, 3].tolist() == [0, 1]
    assert targets["identity"][targets["index"] == 3 * WIDTH + 3].tolist() == [9]


def test_losses_by_hand():
    """Logits of 0 cost ln 2 each; the box is 1/16 of the anchor's width to the right of it."""
    box = (20.0 + 1, 16.0, 36.0 + 1, 40.0)
    losses = JdeTargets(JdeDetectionLoss(), TWO_SIZES)(output(1), batch([(box, 1)]))
    matched_box = targets_of(output(1), batch([(box, 1)]))["matched_box"]
    valid = 2 * HEIGHT * WIDTH - int((matched_box == -2).sum())
    assert losses["objectness"].item() == pytest.approx(valid * math.log(2), rel=1e-5)
    assert losses["box"].item() == pytest.approx((1 / 16) ** 2 / 2, rel=1e-4)  # smooth L1 is quadratic near 0


def test_negative_anchors_in_ignored_regions_are_left_out():
    labels = batch([EXACT])
    ignored = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool)
    ignored[0, :, 3:5] = True
    matched_box = targets_of(output(1), {**labels, "ignore": ignored})["matched_box"][0]
    assert matched_box[0, 3, 3] == 0
    assert (matched_box[:, :, 3:5] == -1).sum() == 0
    assert (matched_box[:, :, 5:] == -1).all()


def test_images_without_boxes():
    maps = {name: value.requires_grad_() for name, value in output(2).items()}
    losses = JdeTargets(JdeDetectionLoss(), TWO_SIZES)(maps, batch([], []))
    sum(losses.values()).backward()
    assert losses["box"] == 0
    assert losses["objectness"].item() == pytest.approx(2 * 2 * HEIGHT * WIDTH * math.log(2), rel=1e-5)
    assert targets_of(output(2), batch([], []))["index"].shape == (2, 0)


def test_decoding_inverts_encoding():
    random = torch.Generator().manual_seed(0)
    corner = 100 * torch.rand(20, 2, generator=random)
    boxes = torch.cat([corner, corner + 1 + 80 * torch.rand(20, 2, generator=random)], dim=1)
    centre, size = 100 * torch.rand(20, 2, generator=random), torch.tensor(ANCHOR_SIZES).repeat(2, 1)[:20]
    assert torch.allclose(decode_boxes(centre, size, encode_boxes(boxes, centre, size)), boxes, atol=1e-3)


def test_minimising_the_losses_gives_the_boxes():
    """Gradient descent on free maps: decoding them returns the ground truth."""
    from idfree.learn.networks.jde import JdeNetwork, jde_heads

    class NoBackbone(nn.Module):
        channels, stride = 1, STRIDE

    scene = batch([((18.0, 2.0, 34.0, 44.0), 0), ((41.0, 4.0, 60.0, 47.0), 1)])
    maps = {name: value.requires_grad_() for name, value in output(1, ANCHOR_SIZES).items()}
    objective, optimiser = JdeTargets(JdeDetectionLoss(), ANCHOR_SIZES), torch.optim.Adam(maps.values(), lr=0.3)
    for _ in range(60):
        optimiser.zero_grad()
        sum(objective(maps, scene).values()).backward()
        optimiser.step()
    with torch.no_grad():
        boxes = JdeNetwork(NoBackbone(), jde_heads(5)).decode(maps)
    confident = boxes["scores"][0] > 0.5
    assert confident.sum() == 2
    assert torch.allclose(boxes["boxes"][0][confident].sort(dim=0)[0], scene["xyxy"][0], atol=0.5)
