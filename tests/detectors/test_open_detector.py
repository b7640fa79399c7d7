"""Opening detectors by the value of `--detector`."""

import subprocess
import sys

import pytest

from idfree.core.errors import UserError
from idfree.detectors import open_detector
from idfree.detectors.onnx import OnnxDetector
from idfree.pipelines.detection.open_detector import DetectorConfig


def test_people_by_name_with_its_settings():
    assert open_detector("people", assignments=["min_score=0.3"], threads=1).settings.min_score == 0.3
    with pytest.raises(UserError, match="OnnxDetectorSettings has no setting 'widht'"):
        open_detector("people", assignments=["widht=640"])


def test_the_former_default_is_told():
    with pytest.raises(UserError, match="--detector hog: OpenCV's detector is no longer here; --detector people, the"):
        open_detector("hog")
    with pytest.raises(UserError, match="--detector hog: OpenCV's detector is no longer here"):
        DetectorConfig("hog")


def test_a_model_file_by_its_suffix(shared):
    path = shared / "data/models/yolox_nano.onnx"
    detector = open_detector(path, classes="person, bicycle", assignments=["min_score=0.3"], device="cpu", threads=1)
    assert isinstance(detector, OnnxDetector)
    assert detector.class_ids.tolist() == [0, 1]
    assert detector.settings.min_score == 0.3
    assert open_detector(str(path), "yolox-decoded").class_ids is None
    with pytest.raises(UserError, match=r"yolox_nano\.onnx: --classes persn: unknown; it knows person, bicycle, .*…"):
        open_detector(path, classes="persn")


def test_other_values_are_refused():
    with pytest.raises(UserError, match=r"--detector yolo: expected people or a file MODEL\.onnx"):
        open_detector("yolo")
    with pytest.raises(UserError, match="no such file"):
        open_detector("nowhere.onnx")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"assignments": ("part_score=0.5",)}, "--set detector.part_score=0.5: is for networks"),
        ({"format": "yolox"}, "--detector-format yolox: is for networks, but --detector det names detections in files"),
    ],
)
def test_settings_of_networks_are_refused_for_detections_in_files(options, message):
    with pytest.raises(UserError, match=message):
        DetectorConfig("det", **options)


def test_importing_the_package_loads_no_library():
    code = "import sys, idfree.detectors; print(sorted({'cv2', 'onnxruntime', 'av', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_reported_class_names_are_those_selected():
    from types import SimpleNamespace

    from idfree.detectors.classes import reported_class_names

    named = SimpleNamespace(names={0: "person", 2: "car"}, class_ids=None)
    assert reported_class_names(named) == {0: "person", 2: "car"}
    named.class_ids = [2]
    assert reported_class_names(named) == {2: "car"}
    assert reported_class_names(object()) == {}
