"""What anchor boxes are told: worked by hand, and against the definition of IoU."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.core.boxes import iou
from idfree.learn.networks.anchors import SIZES, moved
from idfree.learn.objectives.anchors import AnchorDetectionLoss, AnchorTargets, moves_to, owners

STRIDE, HEIGHT, WIDTH = 8, 6, 8
TWO = ((16.0, 24.0), (32.0, 16.0))  # sizes of two anchors


class Told(nn.Module):
    """An objective that keeps what it is told."""

    def forward(self, output, batch):
        self.batch = batch
        return {"nothing": output["objectness"].sum() * 0}


def anchors(sizes=TWO):
    """(A·h·w, 4) all anchors of a map."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] * STRIDE + STRIDE / 2
    boxes = [np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=-1) for w, h in sizes]
    return np.stack(boxes).reshape(-1, 4)


def batch(*pictures):
    """Pictures of objects, each xyxy and identity; none is (0, …) and not there."""
    most = max(1, *map(len, pictures))
    mask = torch.tensor([[k < len(objects) for k in range(most)] for objects in pictures])
    xyxy, identity = torch.full((len(pictures), most, 4), 7.0), torch.full((len(pictures), most), -1)
    for b, objects in enumerate(pictures):
        for k, (box, person) in enumerate(objects):
            xyxy[b, k], identity[b, k] = torch.tensor(box), person
    image = torch.zeros(len(pictures), 3, HEIGHT * STRIDE, WIDTH * STRIDE, dtype=torch.uint8)
    return {"image": image, "xyxy": xyxy, "mask": mask, "identity": identity, "class": 0 * identity}


def output(pictures, sizes=TWO):
    return {
        "objectness": torch.zeros(pictures, len(sizes), HEIGHT, WIDTH),
        "box": torch.zeros(pictures, 4 * len(sizes), HEIGHT, WIDTH),
        "embedding": torch.randn(pictures, 5, HEIGHT, WIDTH),
    }


def told(found, given, sizes=TWO):
    objective = Told()
    AnchorTargets(objective, sizes)(found, given)
    return objective.batch


EXACT = ((20.0, 16.0, 36.0, 40.0), 4)  # the first anchor of cell (3, 3), to the pixel


def test_owners_are_by_iou():
    random = np.random.default_rng(0)
    corner = random.uniform(-5, 50, (7, 2))
    boxes = np.concatenate([corner, corner + random.uniform(5, 40, (7, 2))], axis=1).astype(np.float32)
    found, overlap = owners(torch.from_numpy(boxes), torch.tensor(TWO), (HEIGHT, WIDTH), STRIDE)
    pairs = iou(anchors(), boxes.astype(float))
    best = pairs.max(axis=1)
    expected = np.where(best > 0.5, pairs.argmax(axis=1), np.where(best < 0.4, -1, -2))
    assert np.allclose(overlap.flatten(), best, atol=1e-5)
    assert (found.flatten().numpy() == expected).all()
    assert set(np.sign(expected + 0.5)) == {-1, 1}
    assert -2 in expected


def test_the_box_of_an_anchor():
    """Those beside it overlap by a third, those above and below by a half: the latter neither empty nor found."""
    first, second = told(output(1), batch([EXACT]))["owner"][0]
    assert first[3, 3] == 0
    assert first[2, 3] == first[4, 3] == -2
    assert (first == -1).sum() == HEIGHT * WIDTH - 3
    assert second[3].tolist() == [-1, -1, -2, -2, -2, -1, -1, -1]  # 2/5


def test_identity_learns_where_the_anchors_are():
    given = told(output(2), batch([], [((0.0, 0.0, 1.0, 1.0), 2), EXACT]))
    assert given["mask"].tolist() == [[False], [True]]
    assert given["index"][1].tolist() == [3 * WIDTH + 3]
    assert given["identity"][1].tolist() == [4]


def test_of_two_boxes_the_better_anchor_has_the_cell():
    wide = ((12.0, 20.0, 44.0, 36.0), 9)  # the second anchor of the same cell
    near = ((20.0, 18.0, 36.0, 40.0), 4)  # the first, not quite
    given = told(output(1), batch([near, wide]))
    assert given["owner"][0, :, 3, 3].tolist() == [0, 1]
    assert given["identity"][given["index"] == 3 * WIDTH + 3].tolist() == [9]


def test_losses_by_hand():
    """Logits of 0 cost ln 2 each; the box is half a width further right and e times as high."""
    box = (20.0 + 1, 16.0, 36.0 + 1, 40.0)
    losses = AnchorTargets(AnchorDetectionLoss(), TWO)(output(1), batch([(box, 1)]))
    asked = 2 * HEIGHT * WIDTH - int((told(output(1), batch([(box, 1)]))["owner"] == -2).sum())
    assert losses["objectness"].item() == pytest.approx(asked * math.log(2), rel=1e-5)
    assert losses["box"].item() == pytest.approx((1 / 16) ** 2 / 2, rel=1e-4)  # smooth L1 is a square near 0


def test_unknown_regions_are_not_asked():
    given = batch([EXACT])
    ignored = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool)
    ignored[0, :, 3:5] = True
    owner = told(output(1), {**given, "ignore": ignored})["owner"][0]
    assert owner[0, 3, 3] == 0
    assert (owner[:, :, 3:5] == -1).sum() == 0
    assert (owner[:, :, 5:] == -1).all()


def test_no_box_at_all():
    found = {name: value.requires_grad_() for name, value in output(2).items()}
    losses = AnchorTargets(AnchorDetectionLoss(), TWO)(found, batch([], []))
    sum(losses.values()).backward()
    assert losses["box"] == 0
    assert losses["objectness"].item() == pytest.approx(2 * 2 * HEIGHT * WIDTH * math.log(2), rel=1e-5)
    assert told(output(2), batch([], []))["index"].shape == (2, 0)


def test_moves_invert():
    random = torch.Generator().manual_seed(0)
    corner = 100 * torch.rand(20, 2, generator=random)
    boxes = torch.cat([corner, corner + 1 + 80 * torch.rand(20, 2, generator=random)], dim=1)
    centre, size = 100 * torch.rand(20, 2, generator=random), torch.tensor(SIZES).repeat(2, 1)[:20]
    assert torch.allclose(moved(centre, size, moves_to(boxes, centre, size)), boxes, atol=1e-3)


def test_it_learns_its_boxes():
    """What the losses ask for, decoding gives: descended freely, the maps show the boxes."""
    from idfree.learn.networks.anchors import AnchorNetwork, anchor_heads

    class Nothing(nn.Module):
        channels, stride = 1, STRIDE

    scene = batch([((18.0, 2.0, 34.0, 44.0), 0), ((41.0, 4.0, 60.0, 47.0), 1)])
    found = {name: value.requires_grad_() for name, value in output(1, SIZES).items()}
    objective, descent = AnchorTargets(AnchorDetectionLoss(), SIZES), torch.optim.Adam(found.values(), lr=0.3)
    for _ in range(60):
        descent.zero_grad()
        sum(objective(found, scene).values()).backward()
        descent.step()
    with torch.no_grad():
        boxes = AnchorNetwork(Nothing(), anchor_heads(5)).decode(found)
    sure = boxes["scores"][0] > 0.5
    assert sure.sum() == 2
    assert torch.allclose(boxes["boxes"][0][sure].sort(dim=0)[0], scene["xyxy"][0], atol=0.5)
