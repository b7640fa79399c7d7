"""Occlusion heads on feature maps of the package's people detector, which stays frozen.

The maps have strides 4, 8 and 16 and 64, 128 and 256 channels. Two convolutions predict heatmaps and offsets of the
occlusions for four thresholds τ at once.
"""

import numpy as np
import onnx
import onnxruntime
from torch import nn
from torch.nn.functional import interpolate, relu

from idfree.detectors.onnx import OnnxDetector
from idfree.detectors.people import FILE
from idfree.learn.networks.heads import SCORE_BIAS
from idfree.pipelines.detection.open_detector import DetectorConfig

MAPS = ("bottleneck2_8/fn", "bottleneck3_10/fn", "bottleneck4_11/fn")  # last of the strides 4, 8 and 16
CHANNELS, WIDTH, STRIDE = (64, 128, 256), 48, 4
SHARES = (0.3, 0.5, 0.7, 0.9)  # τ: least share of the smaller box that an intersection covers


class OcclusionHeads(nn.Module):
    """Maps (B, 64, h, w), (B, 128, h/2, w/2), (B, 256, h/4, w/4) → logits (B, 4, h, w), offsets (B, 8, h, w)."""

    def __init__(self):
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(channels, WIDTH, 1) for channels in CHANNELS)
        self.middle = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.last = nn.Conv2d(WIDTH, 3 * len(SHARES), 1)
        nn.init.zeros_(self.last.bias)
        nn.init.constant_(self.last.bias[: len(SHARES)], SCORE_BIAS)

    def forward(self, maps):
        x, *coarser = (lateral(each) for lateral, each in zip(self.laterals, maps, strict=True))
        for each in coarser:
            x = x + interpolate(each, size=x.shape[2:], mode="nearest")
        x = self.last(relu(self.middle(relu(x))))
        return x[:, : len(SHARES)], x[:, len(SHARES) :]


def outputs_by_share(maps):
    """The heads' output for each of SHARES, as `outrack`'s network names it."""
    heat, offset = maps
    return {
        share: {"occlusion": heat[:, n : n + 1], "occlusion_offset": offset[:, 2 * n : 2 * n + 2]}
        for n, share in enumerate(SHARES)
    }


class PeopleMaps:
    """The people detector, and a session that computes MAPS of the same input."""

    def __init__(self):
        detector = DetectorConfig("people", assignments=()).open(1)(None)
        assert isinstance(detector, OnnxDetector)
        self.detector = detector
        model = onnx.load(FILE)
        del model.graph.output[:]
        model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in MAPS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])

    def maps(self, image):
        """MAPS of an image in half precision, and its letterbox."""
        geometry = self.detector.draw_input(image)
        return [each[0].astype(np.float16) for each in self.session.run(None, self.detector.feed)], geometry
