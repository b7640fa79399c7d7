"""A detector by the words of `--detector`."""

import subprocess
import sys

import pytest

from idfree.core.errors import UserError
from idfree.core.onnx_session import providers
from idfree.detectors import open_detector
from idfree.detectors.onnx import OnnxDetector


def test_hog_by_name_with_its_settings():
    assert open_detector("hog", assignments=["width=640"]).settings.width == 640
    with pytest.raises(UserError, match="HogDetectorSettings has no setting 'widht'"):
        open_detector("hog", assignments=["widht=640"])


def test_a_model_file_by_its_suffix(shared):
    path = shared / "data/models/yolox_nano.onnx"
    detector = open_detector(path, classes="person, bicycle", assignments=["min_score=0.3"], device="cpu", threads=1)
    assert isinstance(detector, OnnxDetector)
    assert detector.class_ids.tolist() == [0, 1]
    assert detector.settings.min_score == 0.3
    assert open_detector(str(path), "yolox-decoded").class_ids is None
    with pytest.raises(UserError, match=r"yolox_nano\.onnx: --classes persn: unknown; it knows person, bicycle, .*…"):
        open_detector(path, classes="persn")


def test_anything_else_is_refused():
    with pytest.raises(UserError, match=r"--detector yolo: expected hog or a file MODEL\.onnx"):
        open_detector("yolo")
    with pytest.raises(UserError, match="no such file"):
        open_detector("nowhere.onnx")


def test_devices_and_what_runs_on_them():
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert providers("auto", both) == both
    assert providers("auto", both[1:]) == both[1:]
    assert providers("cpu", both) == both[1:]
    assert providers("cuda:1", both) == [("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"]
    with pytest.raises(UserError, match="--device cuda: this ONNX Runtime has only CPUExecutionProvider; pip install"):
        providers("cuda", both[1:])
    for nonsense in ("gpu", "cpu:1", "cuda:x"):
        with pytest.raises(UserError, match="expected auto, cpu, cuda, cuda:N, mps, openvino"):
            providers(nonsense, both)


def test_importing_the_package_loads_no_library():
    code = "import sys, idfree.detectors; print(sorted({'cv2', 'onnxruntime', 'av', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
