"""Faster R-CNN learns a few frames by heart: what it detects, and how its box head regresses given boxes."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.boxes import paired_iou
from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.core.types import Annotation, Frame
from idfree.datasets.footage import Footage
from idfree.detectors import open_detector
from idfree.learn.checkpoint import load
from idfree.learn.data.warp import NO_AUGMENTATION
from idfree.learn.methods import one_shot, registry
from idfree.learn.methods.fasterrcnn import FASTERRCNN, FasterRcnnSettings
from idfree.learn.torch_session import make_session
from idfree.trackers.registry import make_tracker

HW, FRAMES = (64, 96), 2
COLOURS = (20, 230)  # of the objects of classes 0 and 1
NARROW = {"channels": 16, "hidden": 32, "anchor": 12, "proposals": 60, "anchors": 32, "regions": 48}


@pytest.fixture(scope="module")
def blocks():
    """A dark and a bright block, of two classes, that move a little, on grey."""
    frame = np.repeat(np.arange(1, FRAMES + 1), 2)
    corner = np.array([[10, 8], [56, 26]] * FRAMES) + 3 * (frame[:, None] - 1)
    boxes = np.concatenate([corner, corner + [14, 28]], axis=1).astype(np.float64)
    count = len(frame)
    columns = {"id": np.full(count, -1), "score": np.ones(count), "class_id": np.tile([0, 1], FRAMES)}
    truth = Annotation(frame, columns["id"], boxes, columns["score"], columns["class_id"], np.ones(count))

    def image(number):
        canvas = np.full((*HW, 3), 127, np.uint8)
        for (left, top, right, bottom), colour in zip(boxes[frame == number].astype(int), COLOURS, strict=True):
            canvas[top:bottom, left:right] = colour
        return canvas

    return Footage("blocks", truth, FRAMES, image, is_sequence=False, size_hw=HW)


@pytest.fixture(scope="module")
def tiny(narrow):
    shared = {"backbone": "narrow", "size": "96x64", "precision": "fp32", "threads": 1, "augmentation": NO_AUGMENTATION}
    settings = FasterRcnnSettings(**shared, **NARROW, lr=3e-3, optimiser="adam", batch=2, epochs=200, warm_up=10)
    return replace(settings, schedule="cosine")


@pytest.fixture(scope="module")
def detector(narrow, tiny, blocks, tmp_path_factory):
    """A network that learnt the frames by heart, as a detector, before its export."""
    run = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_shot, "export", lambda *arguments: None)
        one_shot.train(FASTERRCNN, [blocks], tiny, run, device=narrow.CPU, classes=("dark", "bright"))
    network, _, metadata = one_shot.restore_network(FASTERRCNN, load(run / "best.pt"))
    return open_detector("it", session=make_session(network, metadata))


def test_it_detects_what_it_learnt(detector, blocks):
    assert detector.names == {0: "dark", 1: "bright"}
    for number in (1, 2):
        found, truth = detector(Frame(number, blocks.image(number))).detections, blocks.boxes
        truth = truth[truth.rows_at(number)]
        found = found[found.score > 0.6]
        found = found[np.argsort(found.class_id)]
        assert found.class_id.tolist() == [0, 1]
        assert (paired_iou(found.xyxy, truth.xyxy) > 0.7).all()


def test_its_box_head_moves_shifted_boxes_back(detector, blocks):
    view, truth = detector(Frame(1, blocks.image(1))), blocks.boxes
    truth = truth[truth.rows_at(1)]
    shifts = np.array([[3, 0], [-3, 0], [0, 6], [0, -6], [2, -4]])
    shifted = (truth.xyxy[:, None] + np.tile(shifts, 2)).reshape(-1, 4)
    target, class_id = np.repeat(truth.xyxy, len(shifts), axis=0), np.repeat(truth.class_id, len(shifts))
    boxes, scores = view.refine(shifted, class_id)
    before, after = paired_iou(shifted, target), paired_iou(boxes, target)
    assert after.mean() > before.mean() + 0.04  # 0.07 on a CPU with AMX, more on others: rounding differs
    assert (after > before).mean() > 0.6
    _, (elsewhere,) = view.refine(np.array([[0.0, 40, 12, 64]]), np.array([0]))
    assert elsewhere < scores.mean() / 2


def test_tracktor_follows_a_still_image(detector, blocks):
    tracker, ids = make_tracker("tracktor"), []
    for number in (1, 2, 3):
        tracks = tracker.update(detector(Frame(number, blocks.image(1))))
        ids.append(sorted(tracks.id.tolist()))
    assert ids == [[1, 2]] * 3


def test_a_run_resumes_to_the_same_network(narrow, tiny, blocks, tmp_path, monkeypatch, one_thread):
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)
    constant = replace(tiny, epochs=4, schedule="steps", first_drop=1, second_drop=1)

    def train(name, settings, resume=False):
        one_shot.train(FASTERRCNN, [blocks], settings, tmp_path / name, device=narrow.CPU, resume=resume)
        return load(tmp_path / name / "last.pt")["network"]

    whole = train("whole", constant)
    train("parts", replace(constant, epochs=2))
    parts = train("parts", constant, resume=True)
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    lines = [json.loads(line) for line in (tmp_path / "parts" / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4]
    assert {"objectness", "anchor_box", "class", "region_box"} < lines[0].keys()


def test_gradients_of_a_batch_in_parts_are_those_of_the_whole(narrow, tiny, blocks):
    """`accumulate`: each part is computed again in the backward pass, with the same sampled regions."""
    from idfree.learn.accumulation import forward_in_parts

    dataset = FASTERRCNN.dataset([blocks], ("dark", "bright"))
    batch = FASTERRCNN.batches(tiny, dataset, (0, 1))(0)
    network, objective = FASTERRCNN.network(tiny, 2).eval(), FASTERRCNN.objective(tiny, dataset)
    gradients = []
    for parts in (1, 2):
        network.zero_grad()
        sum(objective(forward_in_parts(network, batch, parts), batch).values()).backward()
        gradients.append([parameter.grad.clone() for parameter in network.parameters()])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)


def test_a_backbone_comes_from_a_one_shot_tracker(narrow, tiny, tmp_path, monkeypatch, caplog):
    from idfree.learn.networks.faster_rcnn import BODIES
    from idfree.learn.networks.resnet import BasicBlock, ResNet

    class Tracker(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = ResNet(BasicBlock, (1, 1, 1, 1))

    monkeypatch.setitem(BODIES, "small", lambda: ResNet(BasicBlock, (1, 1, 1, 1)))
    weights = Tracker().state_dict()
    torch.save({"network": weights, "settings": {}, "step": 1}, tmp_path / "best.pt")
    settings = replace(tiny, backbone="small", init=str(tmp_path / "best.pt"))
    network = one_shot.initial_network(FASTERRCNN, settings, 1)
    assert torch.equal(network.backbone.body.layer1[0].conv1.weight, weights["backbone.layer1.0.conv1.weight"])
    assert "has no rpn.head of these sizes, which begins untrained" in caplog.text
    with pytest.raises(UserError, match="not the weights of narrow"):
        one_shot.check_network(FASTERRCNN, replace(settings, backbone="narrow"))


@pytest.mark.parametrize("name", ["channels", "hidden", "anchor", "proposals", "anchors", "regions"])
def test_sizes_of_nothing_are_refused(name):
    with pytest.raises(UserError, match=f"{name} is 0, expected 1 or more"):
        override(FasterRcnnSettings(), [f"{name}=0"])


def test_an_unknown_backbone_is_refused():
    with pytest.raises(UserError, match="backbone dla34: unknown to fasterrcnn, expected one of resnet18-fpn"):
        one_shot.check_network(FASTERRCNN, FasterRcnnSettings(backbone="dla34"))


def test_defaults_are_those_of_torchvision():
    settings = FasterRcnnSettings()
    assert (settings.anchors, settings.regions, settings.channels, settings.hidden) == (256, 512, 256, 1024)
    assert registry.METHODS["fasterrcnn"] is FASTERRCNN
