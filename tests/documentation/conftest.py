"""A folder in which the documentation's commands run: small stand-ins for the files that its pages name."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from idfree.cli import main
from idfree.detectors.people import FILE as PEOPLE_MODEL

FRAMES, SIZE_HW = 24, (288, 480)
DETECTOR_HW = (192, 320)  # input of the stand-in detector
VIDEOS = ("road.mp4", "barn.mp4", "walk.mp4", "videos/MOT17-04.mp4", "videos/MOT17-09.mp4")
DETECTORS = ("yolox_nano.onnx", "yolox.onnx", "cows.onnx")
TRUTH = ("truth/street", "MOT17/train/MOT17-04-SDP", "MOT17/train/MOT17-09-SDP", "MOT17/test/MOT17-01-SDP")
RESULTS = Path(__file__).parents[2] / "experiments" / "results"


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()  # the command line logs to this test's stderr, which is about to close


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory):
    """The folder with all stand-ins; a test works on a copy."""
    pytest.importorskip("onnx", reason="stand-ins for models are written by the package onnx")
    folder = tmp_path_factory.mktemp("stand_ins")
    write_videos(folder)
    write_sequences(folder)
    write_boxes(folder)
    write_detector(folder / DETECTORS[0])
    for name in DETECTORS[1:]:
        shutil.copy(folder / DETECTORS[0], folder / name)
    write_encoder(folder / "reid.onnx")
    write_training_sets(folder)
    write_demo(folder)
    logging.getLogger().handlers.clear()
    return folder


@pytest.fixture
def place(stand_ins, tmp_path, monkeypatch):
    """A copy of the stand-ins, which is the working folder."""
    shutil.copytree(stand_ins, tmp_path, dirs_exist_ok=True)
    shutil.copytree(RESULTS, tmp_path / RESULTS.relative_to(RESULTS.parents[1]))  # of idfree-experiments report
    monkeypatch.chdir(tmp_path)
    return tmp_path


def idfree(*words):
    """Run a command that prepares stand-ins."""
    assert main([str(word) for word in words]) == 0


def write_videos(folder):
    """street.mp4 and its like, 24 frames of a made-up street at 10 frames a second, and its images in frames/."""
    size = ("--people", 8, "--frames", FRAMES, "--fps", 10, "--height", SIZE_HW[0], "--width", SIZE_HW[1])
    idfree("data", "synth", "-q", "-o", folder / "made", *size)
    idfree("data", "synth", "-q", "-o", folder / "made-images", "--images", *size)
    shutil.copy(folder / "made/street-0/street-0.mp4", folder / "street.mp4")
    for name in VIDEOS:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "street.mp4", folder / name)
    shutil.copytree(folder / "made-images/street-0/img1", folder / "frames")


def write_sequences(folder):
    """MOTChallenge folders with images, detections and, but for MOT17/test, the ground truth; gt.txt alone."""
    made = folder / "made-images/street-0"
    for name in TRUTH:
        shutil.copytree(made, folder / name)
        seqinfo = folder / name / "seqinfo.ini"
        seqinfo.write_text(seqinfo.read_text().replace("name=street-0", f"name={seqinfo.parent.name}"))
    shutil.rmtree(folder / TRUTH[-1] / "gt")


def write_boxes(folder):
    """boxes.txt, det.txt and features.npy as detections, results.txt, street.txt and results/ as tracks."""
    for name in ("boxes.txt", "det.txt"):
        shutil.copy(folder / "made/street-0/det/det.txt", folder / name)
    (folder / "results").mkdir()
    track = ("track", "-q", "--tracker", "sort", "--detector")
    idfree(*track, folder / "boxes.txt", folder / "street.mp4", "-o", folder / "results")
    for name in ("results.txt", "street.txt"):
        shutil.copy(folder / "results/street.txt", folder / name)
    boxes = np.loadtxt(folder / "boxes.txt", delimiter=",")[:, :7]
    features = np.random.default_rng(0).normal(size=(len(boxes), 16))
    np.save(folder / "features.npy", np.hstack([boxes, features]))


def write_detector(path):
    """The package's people model in the layout of a YOLOv8 export of four classes and a fixed size."""
    import onnx
    from onnx import helper, numpy_helper

    height, width = DETECTOR_HW
    cells = sum((height // stride) * (width // stride) for stride in (8, 16, 32))
    model = onnx.load(PEOPLE_MODEL)
    graph = model.graph
    for dimension, size in zip(graph.input[0].type.tensor_type.shape.dim, (1, 3, *DETECTOR_HW), strict=True):
        dimension.dim_value = size
    values = {"best": [cells], "rows": [4, 1], "others": np.zeros((1, 3, cells), np.float32)}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in values.items())
    graph.node.extend(
        [
            helper.make_node("Split", ["output", "rows"], ["boxes", "person"], axis=1),
            helper.make_node("TopK", ["person", "best"], ["score", "index"], axis=2),
            helper.make_node("Squeeze", ["index"], ["flat"]),
            helper.make_node("Gather", ["boxes", "flat"], ["chosen"], axis=2),
            helper.make_node("Concat", ["chosen", "score", "others"], ["output0"], axis=1),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("output0", onnx.TensorProto.FLOAT, [1, 8, cells]))
    del model.metadata_props[:]
    helper.set_model_props(model, {"names": "{0: 'person', 1: 'car', 2: 'truck', 3: 'bus'}"})
    path.write_bytes(model.SerializeToString())


def write_encoder(path):
    """A crop Re-ID model: the mean colours of 16 × 8 parts of a crop of 64×32 px."""
    import onnx
    from onnx import helper

    crops = helper.make_tensor_value_info("crops", onnx.TensorProto.FLOAT, ["n", 3, 64, 32])
    embedding = helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, ["n", 384])
    nodes = [
        helper.make_node("AveragePool", ["crops"], ["means"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["means"], ["embedding"]),
    ]
    graph = helper.make_graph(nodes, "means", [crops], [embedding])
    opset = helper.make_opsetid("", 13)
    path.write_bytes(helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString())


def write_training_sets(folder):
    """CrowdHuman and VisDrone by their layouts."""
    idfree("data", "convert", "-q", folder / "truth/street", "--to", "odgt", "-o", folder / "CrowdHuman")
    (folder / "CrowdHuman/street.odgt").rename(folder / "CrowdHuman/annotation_train.odgt")
    drone = folder / "VisDrone2019-MOT-train"
    shutil.copytree(folder / "frames", drone / "sequences/uav1")
    (drone / "annotations").mkdir()
    truth = np.loadtxt(folder / "truth/street/gt/gt.txt", delimiter=",")[:, :6].astype(int)
    rows = [[*row, 1, 1 + 3 * (row[1] % 2), 0, 0] for row in truth.tolist()]  # category 1 pedestrian, 4 car
    np.savetxt(drone / "annotations/uav1.txt", rows, fmt="%d", delimiter=",")


def write_demo(folder):
    """The video and the detections that `idfree demo` writes, which the README's Python reads."""
    footage = folder / "runs/demo/footage"
    footage.mkdir(parents=True)
    shutil.copy(folder / "street.mp4", footage)
    shutil.copy(folder / "det.txt", footage)
