"""CenterTrack learns a few frames by heart: its boxes, where objects were, and the tracks made of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.types import Annotation, Frame
from idfree.datasets.footage import Footage
from idfree.detectors import open_detector
from idfree.learn.checkpoint import load
from idfree.learn.data.warp import NO_AUGMENTATION
from idfree.learn.export_tracker import export_tracker
from idfree.learn.methods import one_shot
from idfree.learn.methods.centertrack import CENTERTRACK, CenterTrackSettings
from idfree.learn.networks.heads import occlusion_heads
from idfree.learn.torch_session import TorchSession
from idfree.trackers.registry import make_tracker

HW, FRAMES, SPEED = (64, 96), 4, 13  # px per frame, further than the 12 px that a box is wide
EXACT = {"frames": 2, "hm_disturb": 0.0, "fp_disturb": 0.0, "shift": 0.0, "scale": 0.0}


@pytest.fixture(scope="module")
def runners():
    """Two people who run towards and past each other, in plain clothes, on grey."""
    x = np.array([[6 + SPEED * n, 76 - SPEED * n] for n in range(FRAMES)])
    y = np.array([[8, 34]] * FRAMES)
    corner = np.stack([x, y], axis=2).reshape(-1, 2)
    frame, identity = np.repeat(np.arange(1, FRAMES + 1), 2), np.tile([1, 2], FRAMES)
    boxes = np.concatenate([corner, corner + [12, 22]], axis=1).astype(np.float64)
    count = len(frame)
    truth = Annotation(frame, identity, boxes, np.ones(count), np.ones(count, np.int64), np.ones(count))

    def image(number):
        canvas = np.full((*HW, 3), 127, np.uint8)
        for (left, top, right, bottom), colour in zip(boxes[frame == number].astype(int), (40, 220), strict=True):
            canvas[top:bottom, left:right] = colour
        return canvas

    return Footage("runners", truth, FRAMES, image, is_sequence=True, size_hw=HW)


@pytest.fixture(scope="module")
def tiny(narrow):
    shared = {"backbone": "narrow", "size": "96x64", "precision": "fp32", "threads": 1, "augmentation": NO_AUGMENTATION}
    return CenterTrackSettings(**shared, **EXACT, lr=5e-3, batch=4, epochs=110, schedule="cosine", warm_up=5)


@pytest.fixture(scope="module")
def learnt(narrow, tiny, runners, tmp_path_factory):
    """A network that learnt the frames by heart, and its metadata."""
    patch = pytest.MonkeyPatch()
    patch.setattr(one_shot, "export", lambda *arguments: None)
    run = tmp_path_factory.mktemp("run")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one_shot.train(CENTERTRACK, [runners], tiny, run, device=narrow.CPU)
    torch.set_num_threads(threads)
    patch.undo()
    network, _, metadata = one_shot.restore_network(CENTERTRACK, load(run / "best.pt"))
    return network, metadata


def watch(detector, footage):
    """The views of all frames."""
    return [detector(Frame(n, footage.image(n))) for n in range(1, footage.length + 1)]


def likely(view):
    """Detections of score 0.4 and more, the upper person first."""
    found = view.detections.select(view.detections.score >= 0.4)
    return found[np.argsort(found.xyxy[:, 1])]


def test_boxes_displacements_and_tracks(learnt, runners):
    network, metadata = learnt
    tracker, ids = make_tracker("centertrack"), []
    for number, view in enumerate(watch(open_detector("it", session=TorchSession(network, metadata)), runners), 1):
        found, truth = likely(view), runners.boxes[runners.boxes.rows_at(number)]
        np.testing.assert_allclose(found.xyxy, truth.xyxy, atol=3)
        moved = [0, 0] if number == 1 else [-SPEED, SPEED]
        np.testing.assert_allclose(found.displacement, np.stack([moved, [0, 0]], axis=1), atol=3)
        tracks = tracker.update(view)
        ids.append(tracks.id[np.argsort(tracks.xyxy[:, 1])].tolist())
    assert ids == [[1, 2]] * FRAMES or ids == [[2, 1]] * FRAMES


@pytest.fixture(scope="module")
def exported(learnt, tmp_path_factory):
    pytest.importorskip("onnxscript")
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    network, metadata = learnt
    export_tracker(network, path, metadata, HW)
    return path


@pytest.mark.parametrize("device", ["auto", "openvino"])
def test_exported_networks_see_the_same(learnt, exported, runners, device):
    """In ONNX Runtime and OpenVINO as in PyTorch, frame by frame, though each frame depends on those before."""
    if device == "openvino":
        pytest.importorskip("openvino", reason="needs the package openvino")
    network, metadata = learnt
    torch_views = watch(open_detector("it", session=TorchSession(network, metadata)), runners)
    for ours, theirs in zip(watch(open_detector(exported, device=device), runners), torch_views, strict=True):
        a, b = likely(ours), likely(theirs)
        np.testing.assert_allclose(a.xyxy, b.xyxy, atol=0.05)
        np.testing.assert_allclose(a.score, b.score, atol=1e-3)
        np.testing.assert_allclose(a.displacement, b.displacement, atol=0.05)


def test_still_images_occlusions_and_weights_of_detectors(narrow, tiny, runners, tmp_path, monkeypatch, one_thread):
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)
    still = replace(runners, is_sequence=False, boxes=replace(runners.boxes, id=np.full(len(runners.boxes), -1)))
    narrow.train_fairmot(tmp_path / "fairmot", replace(narrow.TINY, epochs=1))
    init = str(tmp_path / "fairmot" / "last.pt")
    settings = replace(tiny, epochs=1, occlusions="joint", views="images", init=init)
    one_shot.train(CENTERTRACK, [still], settings, tmp_path / "run", device=narrow.CPU)
    (line,) = (json.loads(text) for text in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert {"heat", "offset", "size", "displacement", "occlusion", "occlusion_offset"} < line.keys()
    network, _, _ = one_shot.restore_network(CENTERTRACK, load(tmp_path / "run" / "best.pt"))
    assert set(occlusion_heads()) < set(network.heads)
    assert "embedding" not in network.heads


def test_impossible_settings_are_refused():
    for wrong in ({"frames": 0}, {"lost_disturb": 1.5}, {"scale": 1.0}, {"hm_disturb": -0.1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            CenterTrackSettings(**wrong)
