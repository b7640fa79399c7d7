"""Faster R-CNN: anchors, proposals, the box head, weights in torchvision's layout."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.networks.faster_rcnn import CANDIDATES, FasterRcnn, faster_rcnn
from idfree.learn.networks.faster_rcnn_weights import load_faster_rcnn, load_initial_weights, read_faster_rcnn
from idfree.learn.networks.proposals import PROPOSALS, all_anchors, cell_anchors, level_anchors
from idfree.learn.networks.resnet import BasicBlock, ResNet
from idfree.learn.networks.suppression import pairwise_iou
from idfree.learn.objectives.anchors import IGNORED, NEGATIVE

SIZE_HW = (64, 96)


class Body(nn.Module):
    """Maps at strides 2 to 32, of a convolution each."""

    stages = (4, 8, 8, 8, 8)

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, 2, padding=1) for a, b in zip((3, *self.stages), self.stages, strict=False)
        )

    def maps(self, x):
        maps = []
        for layer in self.layers:
            maps.append(x := layer(x).relu())
        return maps


def make(classes=3):
    torch.manual_seed(0)
    return FasterRcnn(Body(), classes, 8, 16).eval()


@pytest.fixture(scope="module")
def levels():
    with torch.inference_mode():
        return make().levels(torch.randint(0, 256, (1, 3, *SIZE_HW), dtype=torch.uint8))


def test_anchors_of_a_cell_are_those_of_torchvision():
    """32² by ratios of ½, 1 and 2: 45.25 × 22.63, 32 × 32 and 22.63 × 45.25, halved and rounded."""
    assert cell_anchors(32) == [[-23, -11, 23, 11], [-16, -16, 16, 16], [-11, -23, 11, 23]]


def test_anchors_go_by_row_column_and_ratio():
    anchors = level_anchors((8, 12), 4, 32)
    assert anchors.shape == (18, 4)
    centres = ((anchors[:, :2] + anchors[:, 2:]) / 2)[::3]
    assert centres.tolist() == [[0, 0], [4, 0], [8, 0], [0, 4], [4, 4], [8, 4]]
    torch.testing.assert_close(anchors[:3], torch.tensor(cell_anchors(32)))


def test_a_cut_off_last_row_makes_the_stride_smaller_as_in_torchvision():
    anchors = level_anchors((160, 256), 64, 512)
    assert len(anchors) == 3 * 4 * 3
    assert anchors[12, 1] - anchors[0, 1] == 160 // 3


def test_anchors_of_all_levels_double_in_size_and_stride():
    anchors = all_anchors((64, 96), 16)
    cells = [16 * 24, 8 * 12, 4 * 6, 2 * 3, 1 * 2]
    assert len(anchors) == 3 * sum(cells)
    squares = anchors.view(-1, 3, 4)[:, 1]
    first = [sum(cells[:number]) for number in range(5)]
    assert (squares[first, 2] - squares[first, 0]).tolist() == [16, 32, 64, 128, 256]
    assert (squares[[each + 1 for each in first], 0] - squares[first, 0]).tolist() == [4, 8, 16, 32, 48]


def test_proposals_are_within_the_input_and_the_rest_has_no_score(levels):
    network = make()
    with torch.inference_mode():
        logits, deltas = network.rpn(levels)
        boxes, logits = network.rpn.propose([each[0] for each in logits], [each[0] for each in deltas], SIZE_HW)
    assert (boxes.shape, logits.shape) == ((PROPOSALS, 4), (PROPOSALS,))
    assert boxes.amin() >= 0
    assert (boxes[:, 0::2].max() <= 96, boxes[:, 1::2].max() <= 64) == (True, True)
    is_one = torch.isfinite(logits)
    assert 0 < is_one.sum() < 3 * (16 * 24 + 8 * 12 + 4 * 6 + 2 * 3 + 1 * 2)
    assert (logits.diff()[is_one[1:]] <= 0).all()


def test_candidates_are_by_score_and_of_every_class(levels):
    with torch.inference_mode():
        found = make().detect(levels, SIZE_HW)
    assert found["boxes"].shape == (CANDIDATES, 4)
    assert (found["scores"].diff() <= 0).all()
    assert set(found["classes"].tolist()) == {0, 1}


def test_the_box_head_moves_boxes_by_its_deltas(levels):
    """dx = 1 means a tenth of the width, dw = 1 a factor of e^0.2, as the head's deltas are divided by variances."""
    network = make(classes=2)
    predictor = network.roi_heads.box_predictor
    for layer in (predictor.cls_score, predictor.bbox_pred):
        nn.init.zeros_(layer.weight)
    predictor.cls_score.bias.data = torch.tensor([0.0, math.log(3)])
    predictor.bbox_pred.bias.data = torch.tensor([9.0, 9, 9, 9, 1, 0, 1, 0])  # of the background first
    with torch.inference_mode():
        boxes, scores = network.refine(levels, torch.tensor([[10.0, 20, 30, 60]]))
    half = 10 * math.exp(0.2)
    torch.testing.assert_close(boxes[0, 0], torch.tensor([22 - half, 20, 22 + half, 60]))
    assert scores.tolist() == [[pytest.approx(0.75)]]


def test_parameters_are_those_of_torchvision():
    with torch.device("meta"):
        network = faster_rcnn()
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    expected = {
        "backbone.body.conv1.weight": (64, 3, 7, 7),
        "backbone.body.layer4.0.downsample.1.running_var": (2048,),
        "backbone.fpn.inner_blocks.0.0.weight": (256, 256, 1, 1),
        "backbone.fpn.layer_blocks.3.0.bias": (256,),
        "rpn.head.conv.0.0.weight": (256, 256, 3, 3),
        "rpn.head.cls_logits.weight": (3, 256, 1, 1),
        "rpn.head.bbox_pred.bias": (12,),
        "roi_heads.box_head.fc6.weight": (1024, 12544),
        "roi_heads.box_predictor.cls_score.bias": (91,),
        "roi_heads.box_predictor.bbox_pred.weight": (364, 1024),
    }
    assert {key: shapes[key] for key in expected} == expected
    own = [key for key in shapes if not key.startswith("standardise.") and not key.endswith("num_batches_tracked")]
    assert len(own) == 295  # as fasterrcnn_resnet50_fpn of torchvision 0.28


def small_network(classes=2):
    return FasterRcnn(ResNet(BasicBlock, (1, 1, 1, 1)), classes, 8, 16)


def small_weights(classes=2):
    weights = small_network(classes).state_dict()
    return {key: value for key, value in weights.items() if not key.startswith("standardise.")}


def old_name(key):
    """A parameter's name before torchvision 0.13."""
    for part in ("inner_blocks", "layer_blocks"):
        for number in range(4):
            key = key.replace(f"{part}.{number}.0.", f"{part}.{number}.")
    return key.replace("rpn.head.conv.0.0.", "rpn.head.conv.")


@pytest.mark.parametrize("layout", ["now", "old", "wrapped"])
def test_weights_of_any_layout_load(layout, tmp_path):
    weights = small_weights(classes=5)
    weights["roi_heads.mask_head.mask_fcn1.weight"] = torch.zeros(1)  # of Mask R-CNN
    if layout == "old":
        weights = {old_name(key): value for key, value in weights.items() if "num_batches" not in key}
    torch.save({"model": weights, "epoch": 3} if layout == "wrapped" else weights, tmp_path / "w.pth")
    read = read_faster_rcnn(tmp_path / "w.pth")
    network = load_faster_rcnn(read, "w.pth")
    assert (network.classes, network.channels) == (5, 8)
    state = network.state_dict()
    kept = [key for key in weights if "mask_" not in key and "num_batches" not in key]
    names = {old_name(key): key for key in state} if layout == "old" else {key: key for key in state}
    assert len(kept) > 60
    assert all(torch.equal(state[names[key]], weights[key]) for key in kept)
    assert all(layer.eps == 0 for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))


def test_missing_weights_are_named(tmp_path):
    weights = small_weights()
    for key in ("roi_heads.box_head.fc7.bias", "rpn.head.cls_logits.weight"):
        del weights[key]
    weights["roi_heads.box_head.fc8.bias"] = torch.zeros(3)
    with pytest.raises(UserError) as error:
        load_faster_rcnn(weights, "w.pth")
    assert str(error.value) == (
        "w.pth: not the weights of a Faster R-CNN of torchvision (fasterrcnn_resnet50_fpn): "
        "rpn.head.cls_logits.weight is missing; roi_heads.box_head.fc7.bias is missing; "
        "roi_heads.box_head.fc8.bias is unknown"
    )


def test_a_lone_key_is_named_as_incomplete(tmp_path):
    with pytest.raises(UserError, match=r"backbone\.body\.conv1\.weight is missing.*and \d+ more"):
        load_faster_rcnn({"rpn.head.conv.0.0.bias": torch.zeros(256)}, "w.pth")


@pytest.mark.parametrize(
    ("name", "weight", "message"),
    [
        ("box_head.fc7.weight", torch.zeros(10**9, 1), r"fc6\.weight is \(16, 392\), expected \(1000000000, 392\)"),
        ("box_head.fc7.weight", torch.zeros(0, 16), "of 8 channels and 0 hidden units, expected more"),
        ("box_predictor.cls_score.weight", torch.zeros(1).expand(2, 16), "is not an array of finite numbers"),
    ],
    ids=["wide", "empty", "expanded"],
)
def test_weights_of_absurd_shapes_are_refused_without_building_the_network(name, weight, message):
    weights = small_weights() | {f"roi_heads.{name}": weight}
    with pytest.raises(UserError, match=message):
        load_faster_rcnn(weights, "w.pth")


def test_checkpoints_of_idfree_are_not_taken_for_torchvisions(tmp_path):
    torch.save({"network": small_network().state_dict(), "settings": {}, "step": 1}, tmp_path / "best.pt")
    assert read_faster_rcnn(tmp_path / "best.pt") is None


UNTRAINED = ["backbone.fpn", "roi_heads.box_head", "roi_heads.box_predictor", "rpn.head"]


@pytest.mark.parametrize(
    ("rename", "classes", "untrained"),
    [
        (lambda key: key.replace("backbone.body.", ""), 2, UNTRAINED),  # a classifier
        (lambda key: key.replace("backbone.body.", "backbone."), 2, UNTRAINED),  # a one-shot tracker
        (lambda key: key, 5, ["roi_heads.box_predictor"]),
        (old_name, 2, []),
    ],
    ids=["classifier", "tracker", "other classes", "torchvision before 0.13"],
)
def test_initial_weights(rename, classes, untrained):
    whole = small_weights(classes)
    is_whole = len(untrained) < len(UNTRAINED)
    weights = {rename(key): value for key, value in whole.items() if is_whole or key.startswith("backbone.body.")}
    more = {} if is_whole else {"fc.weight": torch.zeros(3), "heads.heat.0.weight": torch.zeros(3)}
    network = small_network()
    messages = load_initial_weights(network, "resnet18-fpn", weights | more, "w.pth")
    assert messages == [f"w.pth: has no {part} of these sizes, which begins untrained" for part in untrained]
    state = network.state_dict()
    kept = [key for key in whole if not any(key.startswith(part) for part in untrained)]
    assert all(torch.equal(state[key], whole[key]) for key in kept)


def test_standardisation_and_backbone_come_from_a_tracker():
    network, other = small_network(), FasterRcnn(ResNet(BasicBlock, (1, 1, 1, 1)), 2, 8, 16, "unit")
    assert load_initial_weights(network, "resnet18-fpn", other.state_dict(), "w.pth") == []
    assert network.standardise.deviation.flatten().tolist() == [255, 255, 255]
    weights = {key: value for key, value in other.state_dict().items() if "layer3" not in key}
    with pytest.raises(UserError, match=r"not the weights of resnet18-fpn: backbone\.body\.layer3\.0\.conv1\.weight"):
        load_initial_weights(network, "resnet18-fpn", weights, "w.pth")


@pytest.mark.parametrize("content", [{"fc.weight": torch.zeros(2)}, [1, 2], {"network": {}, "settings": {}, "step": 1}])
def test_other_files_are_none(content, tmp_path):
    torch.save(content, tmp_path / "w.pth")
    assert read_faster_rcnn(tmp_path / "w.pth") is None
    assert read_faster_rcnn(tmp_path / "absent.pth") is None


def test_regions_are_sampled_from_proposals_and_the_ground_truth():
    """Those whose IoU with an object is at least 0.5 are positive; at most a quarter of the sample."""
    network = make(classes=2)
    network.regions = 8
    truth = torch.tensor([[[10.0, 12, 40, 50], [50, 8, 80, 56]], [[0, 0, 0, 0], [0, 0, 0, 0]]])
    batch = {
        "image": torch.randint(0, 256, (2, 3, *SIZE_HW), dtype=torch.uint8),
        "xyxy": truth,
        "ignore": torch.zeros(2, 16, 24, dtype=torch.bool),
        "seed": torch.tensor([3, 4]),
    }
    output = network(batch)
    regions, matched = output["regions"], output["matched_region"]
    assert regions.shape == (2, PROPOSALS + 2, 4)
    torch.testing.assert_close(regions[:, -2:], truth)
    assert (matched != IGNORED).sum(dim=1).tolist() == [8, 8]
    assert 0 < (matched[0] >= 0).sum() <= 2
    assert (matched[1] < 0).all()
    iou = pairwise_iou(regions[0], truth[0])
    for number in (0, 1):
        assert (iou[matched[0] == number, number] >= 0.5).all()
    assert (iou[matched[0] == NEGATIVE] < 0.5).all()
    assert output["region_logits"].shape == (16, 2)
    assert output["region_deltas"].shape == (16, 2, 4)
    again = network(batch)
    assert torch.equal(again["matched_region"], matched)
    other = network(batch | {"seed": torch.tensor([5, 6])})
    assert not torch.equal(other["matched_region"], matched)
