"""The files of `idfree data convert` are opened by the tools' own libraries; skipped where these are not installed.

pip install datumaro label-studio-sdk rerun-sdk supervision pycocotools trackeval: each test names its own.
"""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.datasets.convert import convert
from idfree.datasets.footage import FootageSettings
from idfree.datasets.open_footage import open_footage

LABEL_STUDIO = """<View><Labels name="label" toName="video"><Label value="1"/><Label value="2"/></Labels>
<Video name="video" value="$video"/><VideoRectangle name="box" toName="video"/></View>"""
ROWS = {  # frame, id: left, top, width, height, score, class
    (1, 3): (1, 2, 10, 20, 0.5, 1),
    (2, 3): (2, 2, 10, 20, 0.0, 1),
    (3, 3): (3.5, 2, 10, 20, 0.875, 1),
    (1, 4): (20, 5, 8, 9.5, 0.25, 2),
    (3, 4): (24, 5, 8, 9.5, 0.625, 2),
}


@pytest.fixture
def folder(tmp_path):
    """img/street/000001.png … of three frames, and street.txt: results with a gap."""
    (tmp_path / "img" / "street").mkdir(parents=True)
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / "img" / "street" / f"{number:06d}.png"), np.full((48, 64, 3), 40 * number, np.uint8))
    lines = (f"{f},{i},{x},{y},{w},{h},{s},{k},-1,-1\n" for (f, i), (x, y, w, h, s, k) in ROWS.items())
    (tmp_path / "street.txt").write_text("".join(lines))
    return tmp_path


@pytest.fixture
def written(folder):
    """A function that writes the results, or as truth, in a format; returns the path."""

    def write(to, scored=True):
        footages = open_footage(folder / "street.txt", images=folder / "img")
        if not scored:
            (home,) = convert(footages, "mot", folder / "truth")
            footages = open_footage(home, settings=FootageSettings(classes="1,2"))
        (path,) = convert(footages, to, folder / to)
        return path

    return write


def boxes_of(dataset):
    """(frame, id): box and label of a data set of datumaro."""
    items = ((item.attributes.get("frame", item.id), a) for item in dataset for a in item.annotations)
    items = ((frame, a) for frame, a in items if not a.attributes.get("outside"))
    return {(int(frame), a.attributes["track_id"]): (*a.get_bbox(), a) for frame, a in items}


@pytest.mark.filterwarnings("ignore")
def test_datumaro_reads_cvat(written):
    datumaro = pytest.importorskip("datumaro", reason="needs datumaro")
    path = written("cvat")
    dataset = datumaro.Dataset.import_from(str(path), "cvat")
    found = boxes_of(dataset)
    assert {(frame + 1, id) for frame, id in found} == set(ROWS)
    for (frame, id), (x, y, w, h, box) in found.items():
        assert (x, y, w, h) == pytest.approx(ROWS[frame + 1, id][:4])
        assert float(box.attributes["score"]) == ROWS[frame + 1, id][4]
        assert dataset.categories()[datumaro.AnnotationType.label][box.label].name == str(ROWS[frame + 1, id][5])


@pytest.mark.filterwarnings("ignore")
def test_datumaro_reads_cvat_mot(written, tmp_path):
    datumaro = pytest.importorskip("datumaro", reason="needs datumaro")
    with zipfile.ZipFile(written("cvat-mot")) as archive:
        archive.extractall(tmp_path / "unpacked")
    dataset = datumaro.Dataset.import_from(str(tmp_path / "unpacked"), "mot_seq")
    found = boxes_of(dataset)
    assert set(found) == set(ROWS)
    for key, (x, y, w, h, box) in found.items():
        assert (x, y, w, h) == pytest.approx(ROWS[key][:4])
        assert not box.attributes["ignored"]
        assert dataset.categories()[datumaro.AnnotationType.label][box.label].name == str(ROWS[key][5])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scored", [True, False])
def test_label_studio_accepts_its_tasks(written, scored):
    interface = pytest.importorskip("label_studio_sdk.label_interface", reason="needs label-studio-sdk")
    (task,) = json.loads(written("label-studio", scored).read_text())
    label_interface = interface.LabelInterface(LABEL_STUDIO)
    label_interface.validate()
    assert label_interface.is_video_object_tracking()
    (entry,) = task["predictions" if scored else "annotations"]
    check = label_interface.validate_prediction if scored else label_interface.validate_annotation
    assert check(entry)
    assert {region["id"] for region in entry["result"]} == {"3", "4"}


@pytest.mark.filterwarnings("ignore")
def test_pycocotools_reads_coco(written):
    coco = pytest.importorskip("pycocotools.coco", reason="needs pycocotools")
    data = coco.COCO(str(written("coco")))
    found = data.loadAnns(data.getAnnIds())
    assert {(box["image_id"], box["track_id"]): tuple(box["bbox"]) for box in found} == {
        k: r[:4] for k, r in ROWS.items()
    }
    assert [box["score"] for box in found] == [ROWS[box["image_id"], box["track_id"]][4] for box in found]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("to", ["yolo", "coco", "voc"])
def test_supervision_reads_data_sets(written, to):
    supervision = pytest.importorskip("supervision", reason="needs supervision")
    path = written(to, scored=False)
    if to == "yolo":
        images, labels = path.parent / "images" / "street", path.parent / "labels" / "street"
        dataset = supervision.DetectionDataset.from_yolo(str(images), str(labels), str(path))
    elif to == "coco":  # which refuses links to images elsewhere
        copied = shutil.copytree(path.parent, path.parent.with_name("copied"))
        dataset = supervision.DetectionDataset.from_coco(str(copied / "images"), str(copied / path.name))
    else:
        dataset = supervision.DetectionDataset.from_pascal_voc(str(path / "JPEGImages"), str(path / "Annotations"))
    assert dataset.classes == ["1", "2"]
    found = {}
    for name, image, detections in dataset:
        assert image.shape == (48, 64, 3)
        found[Path(name).stem] = sorted(detections.xyxy.round(2).tolist())
    for frame in (1, 2, 3):
        corners = [[x, y, x + w, y + h] for (f, _), (x, y, w, h, _, _) in ROWS.items() if f == frame]
        assert np.abs(np.array(found[f"{frame:06d}"]) - sorted(corners)).max() <= (1 if to == "voc" else 0.01)


@pytest.mark.filterwarnings("ignore")
def test_trackeval_reads_its_folders(folder, capsys):
    trackeval = pytest.importorskip("trackeval", reason="needs trackeval")
    (folder / "street.txt").write_text("".join(f"{f},1,{10 + f},10,20,30,0.5,1,-1,-1\n" for f in (1, 2, 3)))
    results = open_footage(folder / "street.txt", images=folder / "img")
    (home,) = convert(results, "mot", folder / "truth")
    assert len([*convert([*open_footage(home), *results], "trackeval", folder / "out")]) == 2
    paths = {
        "GT_FOLDER": str(folder / "out/gt/mot_challenge"),
        "TRACKERS_FOLDER": str(folder / "out/trackers/mot_challenge"),
    }
    settings = {"BENCHMARK": "idfree", "SPLIT_TO_EVAL": "train", "PRINT_CONFIG": False, "TRACKERS_TO_EVAL": ["idfree"]}
    dataset = trackeval.datasets.MotChallenge2DBox({**paths, **settings})
    evaluator = trackeval.Evaluator(
        {
            "USE_PARALLEL": False,
            "PRINT_CONFIG": False,
            "OUTPUT_SUMMARY": False,
            "OUTPUT_DETAILED": False,
            "PLOT_CURVES": False,
            "PRINT_RESULTS": False,
        }
    )
    scores, _ = evaluator.evaluate([dataset], [trackeval.metrics.HOTA({"PRINT_CONFIG": False})])
    assert scores["MotChallenge2DBox"]["idfree"]["street"]["pedestrian"]["HOTA"]["HOTA"].mean() == 1


@pytest.mark.filterwarnings("ignore")
def test_trackeval_reads_kitti(folder):
    trackeval = pytest.importorskip("trackeval", reason="needs trackeval")
    (folder / "0001.txt").write_text("".join(f"{f},1,{10 + f},10,20,30,0.5,1,-1,-1\n" for f in (1, 2, 3)))
    results = open_footage(folder / "0001.txt", images=folder / "img/street")
    (home,) = convert(results, "mot", folder / "truth")
    (truth,) = convert(open_footage(home), "kitti", folder / "gt")
    (path,) = convert(results, "kitti", folder / "res")
    (folder / "gt" / "evaluate_tracking.seqmap.training").write_text("0001 empty 000000 000003\n")
    (folder / "trackers" / "idfree" / "data").mkdir(parents=True)
    path.rename(folder / "trackers" / "idfree" / "data" / "0001.txt")
    config = {"GT_FOLDER": str(truth.parent.parent), "TRACKERS_FOLDER": str(folder / "trackers"), "PRINT_CONFIG": False}
    dataset = trackeval.datasets.Kitti2DBox({**config, "CLASSES_TO_EVAL": ["pedestrian"]})
    data = dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("idfree", "0001"), "pedestrian")
    assert (data["num_gt_dets"], data["num_tracker_dets"], data["num_gt_ids"]) == (3, 3, 1)
    assert [similarity.item() for similarity in data["similarity_scores"]] == pytest.approx([1, 1, 1])


def test_rerun_reads_its_recording(written):
    pytest.importorskip("rerun", reason="needs rerun-sdk")
    path = written("rerun")
    for command in (["verify"], ["print", "-vv"]):
        done = subprocess.run([sys.executable, "-m", "rerun", "rrd", *command, path], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert {m[1]: m[0] for m in re.findall(r"with (\d+) rows \(.*?\) - (/video\S*)", done.stdout)} == {
        "/video": "3",
        "/video/tracks": "3",
    }
