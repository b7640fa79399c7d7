"""Export of Faster R-CNN: parity with PyTorch, whole and cut in two, in ONNX Runtime and OpenVINO, and in tracktor."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from torch import nn

from idfree.cli import main
from idfree.core.boxes import clip
from idfree.core.errors import UserError
from idfree.core.onnx_session import open_session
from idfree.core.types import Frame
from idfree.detectors import open_detector
from idfree.detectors.two_stage import open_parts
from idfree.learn.export_tracker import output_differences
from idfree.learn.export_two_stage import COLUMNS, LEVELS, REFINED, ExportedTwoStage, check_parity, make_inputs
from idfree.learn.networks import suppression
from idfree.learn.networks.faster_rcnn import FasterRcnn
from idfree.learn.networks.resnet import BasicBlock, ResNet
from idfree.learn.networks.weights import check_keys
from idfree.pipelines.export import export
from idfree.trackers.tracktor import Tracktor, TracktorSettings

IMAGE = np.random.default_rng(1).integers(0, 256, (45, 80, 3), dtype=np.uint8).repeat(2, axis=0).repeat(2, axis=1)
SMALL = ["shorter=96", "longer=160"]


@pytest.fixture(scope="module", autouse=True)
def few_rounds():
    """Few rounds of suppression, as exporting takes long for graphs of many nodes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suppression, "ROUNDS", 3)
        yield


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A narrow network with random weights and norms, and its file, as `idfree export` writes it."""
    torch.manual_seed(0)
    network = FasterRcnn(ResNet(BasicBlock, (1, 1, 1, 1)), 3, 8, 16)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 1, 2)
    predictor = network.roi_heads.box_predictor
    nn.init.normal_(predictor.cls_score.weight, std=2)
    folder = tmp_path_factory.mktemp("export")
    weights = {key: value for key, value in network.state_dict().items() if not key.startswith("standardise.")}
    torch.save(weights, folder / "weights.pth")
    return network.eval(), export(folder / "weights.pth", folder / "faster_rcnn.onnx")


def outputs_of_pytorch(network, image, boxes):
    with torch.inference_mode():
        outputs = ExportedTwoStage(network)(image, boxes)
    return dict(zip((*COLUMNS, *LEVELS, *REFINED), (each.numpy() for each in outputs), strict=True))


@pytest.mark.parametrize("device", ["cpu", "openvino"])
@pytest.mark.parametrize("size_hw", [(64, 64), (96, 160)])
def test_the_two_parts_give_the_outputs_of_pytorch(exported, device, size_hw):
    if device == "openvino":
        pytest.importorskip("openvino")
    network, path = exported
    image, boxes = make_inputs(size_hw)
    expected = outputs_of_pytorch(network, image, boxes)
    first, second = open_parts(open_session(path, device, threads=1), path)
    actual = dict(zip((*COLUMNS, *LEVELS), first.run(None, {"image": image.numpy()}), strict=True))
    levels = {name: actual[name] for name in LEVELS}
    refined = second.run(None, {"proposals": boxes.numpy(), **levels})
    for name in LEVELS:
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(refined[0], expected["refined_boxes"], atol=1e-2)
    np.testing.assert_allclose(refined[1], expected["refined_scores"], atol=1e-4)
    rows = [{name: each[name] for name in COLUMNS} for each in (actual, expected)]
    assert (actual["scores"] > 0).sum() > 100
    differences = output_differences(*rows)
    assert differences["boxes"] < 1e-2
    assert differences["scores"] < 1e-4


def test_the_backbone_is_in_the_first_part_alone(exported):
    _, path = exported
    first, second = open_parts(open_session(path, "cpu", threads=1), path)
    assert [port.name for port in first.get_inputs()] == ["image"]
    assert sorted(port.name for port in second.get_inputs()) == ["level2", "level3", "level4", "level5", "proposals"]
    assert {node.op_type for node in onnx.load(path).graph.node} >= {"Conv", "RoiAlign"}


def test_the_detector_answers_by_the_box_head(exported):
    network, path = exported
    detector = open_detector(path, assignments=SMALL, device="cpu", threads=1)
    view = detector(Frame(1, IMAGE))
    assert len(view.detections) > 0
    given = np.array([[10.0, 20, 60, 80], [100, 5, 150, 85]])
    boxes, scores = view.refine(given, np.array([0, 1]))
    geometry, image = detector.letterbox, torch.from_numpy(detector.image)
    proposals = torch.from_numpy(geometry.to_input(given)).float()
    expected = outputs_of_pytorch(network, image, proposals)
    picked = clip(geometry.to_image(expected["refined_boxes"][[0, 1], [0, 1]].astype(float)), IMAGE.shape[:2])
    np.testing.assert_allclose(boxes, picked, atol=1e-2)
    np.testing.assert_allclose(scores, expected["refined_scores"][[0, 1], [0, 1]], atol=1e-4)


def test_tracktor_follows_boxes_of_a_still_image(exported):
    """The box head moves them as the network's random weights say; the tracks go on as long as their scores allow."""
    detector = open_detector(exported[1], assignments=[*SMALL, "min_score=0.3"], device="cpu", threads=1)
    tracker = Tracktor(TracktorSettings(min_score=0.3, kill_score=0.0))
    first, *later = [tracker.update(detector(Frame(number, IMAGE))) for number in (1, 2, 3)]
    assert len(first) > 0
    assert all(np.isin(first.id, tracks.id).any() for tracks in later)


@pytest.mark.parametrize("tracker", ["tracktor", "iou"])
def test_the_command_tracks_with_it(exported, tmp_path, tracker):
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{number:06d}.png"), IMAGE)
    options = ["--tracker", tracker, "--device", "cpu", "--appearance", "none", "--camera", "none", "-q"]
    settings = [*(f"detector.{each}" for each in SMALL), "min_score=0.1"]
    settings += ["kill_score=0"] if tracker == "tracktor" else []
    options += [text for each in settings for text in ("--set", each)]
    assert main(["track", str(tmp_path), "--detector", str(exported[1]), *options, "-o", str(tmp_path / "out")]) == 0
    (results,) = (tmp_path / "out").glob("*.txt")
    rows = np.loadtxt(results, delimiter=",", ndmin=2)
    assert set(rows[:, 0]) == {1, 2, 3}


def test_the_file_says_what_it_is(exported):
    metadata = open_session(exported[1], "cpu").get_modelmeta().custom_metadata_map
    expected = {"idfree.kind": "two-stage", "shorter": "800", "longer": "1333", "names": "{}"}
    assert {key: metadata[key] for key in expected} == expected


def test_a_file_that_differs_is_refused(exported):
    network, path = exported
    other = FasterRcnn(ResNet(BasicBlock, (1, 1, 1, 1)), 3, 8, 16).eval()
    other.load_state_dict(network.state_dict())
    other.roi_heads.box_predictor.bbox_pred.bias.data += 1
    with pytest.raises(UserError, match=r"out\.onnx: not written, as ONNX Runtime and PyTorch differ by .* in boxes"):
        check_parity(ExportedTwoStage(other), make_inputs((64, 96)), path, path.with_name("out.onnx"))


def test_incomplete_weights_are_the_users_mistake(tmp_path, capsys):
    torch.save({"rpn.head.conv.weight": torch.zeros(256, 256, 3, 3)}, tmp_path / "weights.pth")
    assert main(["export", str(tmp_path / "weights.pth")]) == 2
    assert "backbone.body.conv1.weight is missing" in capsys.readouterr().err
    assert not (tmp_path / "weights.onnx").exists()


@pytest.mark.parametrize("classes", [0, 1])
def test_a_network_of_the_background_alone_is_refused(tmp_path, capsys, classes):
    weights = {"roi_heads.box_predictor.cls_score.weight": torch.zeros(classes, 16)}
    torch.save(weights, tmp_path / "weights.pth")
    assert main(["export", str(tmp_path / "weights.pth")]) == 2
    assert f"of {classes} classes, expected the background and 1" in capsys.readouterr().err


@pytest.mark.parametrize("weight", [torch.tensor([torch.nan]), torch.ones(1).to_sparse(), torch.ones(1, device="meta")])
def test_weights_without_finite_values_are_named(weight):
    with pytest.raises(UserError, match=r"a\.pth: not the weights of a head: bias is not an array of finite numbers$"):
        check_keys({"bias": torch.zeros(1)}, {"bias": weight}, "a head", "a.pth")
