"""Readers of damaged, foreign and hostile files: they succeed or raise UserError, nothing else, and soon."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import pytest

from idfree import cli
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.datasets.archive import write_archive
from idfree.datasets.open_footage import open_footage
from idfree.datasets.reid_crops import read_reid
from idfree.datasets.submission import pack
from idfree.learn.log import FILE_NAME, Log, recent_mean
from idfree.pipelines.detection.stored_detections import load_detections
from idfree.pipelines.evaluate import evaluate, evaluate_detection
from idfree.pipelines.manifest import is_done, read_manifest, write_manifest
from idfree.pipelines.tracking.tracker_settings import read_settings
from idfree.sequences import open_source
from idfree.sequences.image_files import image_size, is_complete
from idfree.sequences.images import read_image
from idfree.sequences.motchallenge import open_sequence, read_ground_truth
from idfree.sequences.table_writer import write_table
from idfree.sequences.tables import read_boxes, read_tracks
from idfree.trackers.camera_motion import read_motion, write_motion

COUNT = 200  # mutations of each file
GT = "".join(f"{frame},{id},{10 * id + frame},20,30.5,40,1,1,0.5\n" for frame in range(1, 5) for id in (1, 2))
DET = "".join(f"{frame},-1,{10 * k + frame},20,30.5,40,0.{k}\n" for frame in range(1, 5) for k in (5, 9))
RESULTS = "".join(f"{frame},{id},{10 * id + frame},20,30.5,40,0.9,1,-1,-1\n" for frame in range(1, 5) for id in (1, 2))
SEQINFO = "[Sequence]\nname=a\nimDir=img1\nframeRate=25\nseqLength=4\nimWidth=640\nimHeight=480\nimExt=.jpg\n"
COCO = {
    "images": [
        {"id": k, "file_name": f"{k}.jpg", "height": 48, "width": 64, "video_id": 1, "frame_id": k} for k in (1, 2)
    ],
    "annotations": [
        {"id": k, "image_id": k, "category_id": 1, "bbox": [1, 2, 30, 40.5], "track_id": 7} for k in (1, 2)
    ],
    "categories": [{"id": 1, "name": "person"}],
    "videos": [{"id": 1, "file_name": "street", "frame_rate": 25}],
}
PERSON = {"tag": "person", "fbox": [1, 2, 30, 40], "vbox": [1, 2, 20, 30], "hbox": [1, 2, 5, 5], "extra": {"ignore": 0}}
ODGT = "".join(json.dumps({"ID": f"a{k}", "gtboxes": [PERSON, PERSON]}) + "\n" for k in range(3))
VOC = (
    '<?xml version="1.0" encoding="utf-8"?><annotation><filename>a.jpg</filename><object><name>person</name>'
    "<trackid>7</trackid><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax>"
    "</bndbox></object></annotation>"
)
BOXES = Annotation(
    frame=np.array([1, 1, 2]),
    id=np.array([1, 2, 1]),
    xyxy=np.array([[10, 20, 40, 60], [0, 0, 2.25, 7], [11, 20, 41, 60.0]]),
    score=np.array([0.5, 1, 0.25]),
    class_id=np.array([0, 2, 0]),
    visibility=np.ones(3),
)
ROWS = np.column_stack([[1, 1, 2], [-1] * 3, BOXES.xyxy, BOXES.score, np.eye(3)])
CVAT = (
    '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><size>4</size><original_size>'
    '<width>64</width><height>48</height></original_size></task></meta><track id="7" label="person"><box frame="0" '
    'outside="0" xtl="1" ytl="2" xbr="30" ybr="40"><attribute name="score">0.5</attribute></box><box frame="2" '
    'outside="1" xtl="1.5" ytl="2" xbr="30" ybr="40"></box></track></annotations>'
)
KEYFRAMES = [{"frame": f, "enabled": f == 1, "x": 1, "y": 2.5, "width": 30, "height": 40, "time": 0} for f in (1, 3)]
REGION = {"id": "7", "type": "videorectangle", "original_width": 64, "original_height": 48}
REGION |= {"value": {"framesCount": 4, "duration": 0.4, "labels": ["person"], "sequence": KEYFRAMES}}
LABEL_STUDIO = [{"data": {"video": "/data/a.mp4"}, "annotations": [{"result": [REGION]}]}]
KITTI = "".join(f"{f} {i} Pedestrian 0 {i} -10 1 2 30.5 40 -1 -1 -1 -1 -1 -1 -1\n" for f in (0, 1) for i in (0, 2))
DATA_YAML = "path: .  # here\ntrain: images/a\nval: [images/a]\nnames:\n  0: person\n  1: 'car'\n"
VISDRONE = "".join(f"{f},{i},1,2,30,40,1,{i},0,1\n" for f in (1, 2) for i in (1, 4))
REPORT = {
    **{"detections": 3, "detector": "x", "start": 1, "stop": None, "every": 1, "score_range": [0, 2], "file": "a.npy"},
    "appearance": {"name": "own", "dimension": 3, "limit": 0.3, "farthest": 0.5, "dtype": "float32"},
}
TUNED = {"tracker": "sort", "settings": {"min_hits": 2, "patience": 0.5}, "value": 0.6}
JPEG = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
PNG = cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
CSV = '"frame",id,x,y,w,h,score,class,name\n' + '1,-1,10,20,30,40,0.5,0,"a dog"\n' * 3


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@dataclass(frozen=True)
class Case:
    """A file to damage, and what reads it. make: writes valid files below a folder and returns the one to damage."""

    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    command: str = ""  # which reads the file, too; {} stands for it, {folder} for its folder


def make_text(name: str, content: str | bytes) -> Callable[[Path], Path]:
    return lambda folder: write(folder / name, content)


def make_sequence(damaged: str) -> Callable[[Path], Path]:
    """A MOTChallenge sequence, of which one file is damaged."""

    def make(folder: Path) -> Path:
        for name, content in (("seqinfo.ini", SEQINFO), ("gt/gt.txt", GT), ("det/det.txt", DET)):
            write(folder / "seq" / name, content)
        write(folder / "results" / "seq.txt", RESULTS)
        return folder / damaged

    return make


def make_json_table(folder: Path) -> Path:
    write(folder / "img" / "000001.jpg", JPEG)
    write(folder / "img" / "000002.jpg", JPEG)
    write_table(folder / "out" / "img.json", BOXES, "json")
    return folder / "out" / "img.json"


def make_parquet(folder: Path) -> Path:
    pytest.importorskip("pyarrow")
    write_table(folder / "a.parquet", BOXES, "parquet")
    return folder / "a.parquet"


def make_jpeg(folder: Path) -> Path:
    write(folder / "det.csv", "1,-1,1,2,30,40,0.9\n")
    return write(folder / "a" / "000001.jpg", JPEG)


def make_npy(folder: Path) -> Path:
    np.save(folder / "a.npy", ROWS)
    return folder / "a.npy"


def make_kept(damaged: str) -> Callable[[Path], Path]:
    """The files of `idfree detect`."""

    def make(folder: Path) -> Path:
        write(folder / "seq" / "seqinfo.ini", SEQINFO)
        write(folder / "seq" / "det" / "det.txt", DET)
        np.save(folder / "seq.npy", ROWS)
        np.save(folder / "seq.classes.npy", BOXES.class_id)
        write_manifest(folder, {"video": "a"}, True, "seq.json", report=REPORT)
        return folder / damaged

    return make


def read_kept(path: Path) -> object:
    (sequence,) = open_source(path.parent / "seq")
    return load_detections(str(path.parent), sequence)


def make_crops(folder: Path) -> Path:
    numbers = np.arange(4) // 2
    CropSet(np.zeros((4, 8, 4, 3), np.uint8), numbers, np.arange(4), numbers * 0, np.ones((4, 4))).save(
        folder / "a.npz"
    )
    return folder / "a.npz"


def make_motion(folder: Path) -> Path:
    make_sequence("")(folder)
    write_motion(folder / "camera.txt", np.tile(np.eye(2, 3), (4, 1, 1)))
    return folder / "camera.txt"


def make_manifest(folder: Path) -> Path:
    write_manifest(folder, {"a": 1}, True, report=REPORT)
    return folder / "settings.json"


def read_finished(path: Path) -> object:
    manifest = read_manifest(path.parent)
    return is_done(manifest, {"a": 1}) and {**REPORT, **manifest["report"]} == REPORT


def make_log(folder: Path) -> Path:
    lines = [json.dumps({"iteration": n, "loss": 0.5, "similarity": 0.25}) + "\n" for n in range(1, 9)]
    return write(folder / FILE_NAME, "".join(lines))


def read_log(path: Path) -> object:
    mean = recent_mean(path.parent, "similarity")
    with Log(path.parent, step=4) as log:
        log.add({"iteration": 5, "loss": 0.5})
    return mean


def make_jde(damaged: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write(folder / "a.train", "images/a.jpg\nimages/b.jpg\n")
        for name in "ab":
            write(folder / "images" / f"{name}.jpg", JPEG)
            write(folder / "labels_with_ids" / f"{name}.txt", "0 7 0.5 0.5 0.25 0.5\n0 -1 0.25 0.5 0.25 0.5\n")
        return folder / damaged

    return make


def make_yolo(damaged: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write(folder / "data.yaml", DATA_YAML)
        for name in ("a_1", "a_2"):
            write(folder / "images" / "a" / f"{name}.jpg", JPEG)
            write(folder / "labels" / "a" / f"{name}.txt", "0 0.5 0.5 0.25 0.5 0.75 7\n0 0.25 0.5 0.25 0.5\n")
        return folder / damaged

    return make


def make_visdrone(folder: Path) -> Path:
    (folder / "sequences").mkdir()
    return write(folder / "annotations" / "a.txt", VISDRONE)


def make_zip(folder: Path) -> Path:
    write_archive(folder / "a.zip", {"gt/gt.txt": GT, "gt/labels.txt": "person\n"})
    return folder / "a.zip"


def make_msmt17(folder: Path) -> Path:
    name = "0000/0000_000_01_0303morning_0015_0.jpg"
    write(folder / "train" / name, b"")
    write(folder / "list_train.txt", f"{name} 0\n")
    return folder / "list_train.txt"


def read_footage(path: Path) -> object:
    """With faults collected and images read, as `data check` does, then strictly, as `train` does."""
    faults: list[str] = []
    for footage in open_footage(path, on_fault=faults.append):
        for number in range(1, min(footage.length, 3) + 1):
            with suppress(UserError):  # most images do not exist
                footage.image(number)
    return open_footage(path)


def read_images(path: Path) -> object:
    return image_size(path), is_complete(path), read_image(path)


def make_submission(folder: Path) -> Path:
    for number in range(1, 9):
        write(folder / f"MOT20-0{number}.txt", RESULTS)
    return folder / "MOT20-01.txt"


TRACK = "track {folder}/seq --tracker sort -q -o {folder}/out --detector "
CASES = {
    "det.txt": Case(
        make_sequence("seq/det/det.txt"), read_boxes, "track {folder}/.. --detector det -q -o {folder}/out"
    ),
    "gt.txt": Case(make_sequence("seq/gt/gt.txt"), read_ground_truth, "data check {folder}/.."),
    "seqinfo.ini": Case(make_sequence("seq/seqinfo.ini"), lambda path: open_sequence(path.parent)),
    "results": Case(
        make_sequence("results/seq.txt"),
        lambda path: evaluate(path.parent, path.parent.parent / "seq"),
        "eval {} {folder}/../seq/gt/gt.txt",
    ),
    "truth": Case(make_sequence("seq/gt/gt.txt"), lambda path: evaluate(path.parents[2] / "results", path.parents[1])),
    "detections": Case(
        make_sequence("seq/det/det.txt"),
        lambda path: evaluate_detection(path.parents[2], path.parents[2] / "seq"),
        "eval-detections {} {folder}/../gt/gt.txt",
    ),
    "csv": Case(make_text("a.csv", CSV), read_boxes),
    "json table": Case(make_json_table, read_tracks, "show {} {folder}/../img"),
    "parquet": Case(make_parquet, read_boxes),
    "npy": Case(make_npy, read_boxes),
    "kept detections": Case(make_kept("seq.npy"), read_kept, TRACK + "{folder}"),
    "kept classes": Case(make_kept("seq.classes.npy"), read_kept, TRACK + "{folder}"),
    "kept record": Case(make_kept("seq.json"), read_kept, TRACK + "{folder}"),
    "manifest": Case(make_manifest, read_finished),
    "crops": Case(make_crops, CropSet.load),
    "camera motion": Case(make_motion, read_motion, TRACK + "det --camera {}"),
    "metrics.jsonl": Case(make_log, read_log),
    "tuned settings": Case(make_text("a.json", json.dumps(TUNED)), read_settings),
    "coco": Case(make_text("a.json", json.dumps(COCO)), read_footage, "data check {}"),
    "boxes.json": Case(
        make_text("boxes.json", json.dumps({"a": {"boxes_xyxy": [[1, 1, 2, 2]]}})),
        lambda path: read_footage(path.parent),
    ),
    "odgt": Case(make_text("a.odgt", ODGT), read_footage, "data check {}"),
    "voc": Case(make_text("a/a.xml", VOC), lambda path: read_footage(path.parent), "data check {folder}"),
    "jde list": Case(make_jde("a.train"), read_footage, "data check {}"),
    "jde labels": Case(make_jde("labels_with_ids/a.txt"), lambda path: read_footage(path.parents[1] / "a.train")),
    "cvat": Case(make_text("a.xml", CVAT), read_footage, "data check {}"),
    "cvat mot": Case(make_zip, read_footage, "data check {}"),
    "label studio": Case(make_text("a.json", json.dumps(LABEL_STUDIO)), read_footage, "data check {}"),
    "kitti": Case(make_text("label_02/0000.txt", KITTI), read_footage, "data check {}"),
    "visdrone": Case(make_visdrone, lambda path: read_footage(path.parents[1]), "data check {folder}/.."),
    "data.yaml": Case(make_yolo("data.yaml"), read_footage, "data check {}"),
    "yolo labels": Case(make_yolo("labels/a/a_1.txt"), lambda path: read_footage(path.parents[2] / "data.yaml")),
    "results as labels": Case(make_text("a.txt", RESULTS), read_footage, "data check {}"),
    "msmt17": Case(make_msmt17, lambda path: read_reid(path.parent)),
    "jpeg": Case(make_jpeg, read_images, "track {folder} --detector {folder}/../det.csv -q -o {folder}/out"),
    "png": Case(make_text("a/000001.png", PNG), read_images),
    "submission": Case(make_submission, lambda path: pack(path.parent, path.parent / "a.zip", "MOT20")),
}


@pytest.mark.parametrize("name", CASES)
def test_damaged_files(tmp_path, mutations, name):
    case = CASES[name]
    path = case.make(tmp_path)
    content = path.read_bytes()
    case.read(path)
    messages: list[str] = []
    for number, damaged in enumerate(mutations.mutations(content, COUNT, seed=crc32(name.encode()))):
        path.write_bytes(damaged)
        try:
            case.read(path)
        except UserError as error:
            messages.append(str(error))
        except Exception as error:
            raise AssertionError(f"mutation {number}: {damaged[:200]!r} … gave {type(error).__name__}") from error
    assert messages or name in ("manifest", "metrics.jsonl")  # which are made again
    assert all(10 < len(message) < 3000 for message in messages)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].command])
def test_damaged_files_of_commands(tmp_path, capsys, mutations, name):
    case = CASES[name]
    path = case.make(tmp_path)
    content = path.read_bytes()
    for number, damaged in enumerate([content, *mutations.mutations(content, 50, seed=1)[::3]]):
        path.write_bytes(damaged)
        words = case.command.format(path, folder=path.parent).split()
        status = cli.main(words)
        said = capsys.readouterr().err
        assert status in (0, 2) if number else status == 0, f"mutation {number}: {said}"
        assert "Traceback" not in said, f"mutation {number}"
        assert said or status == 0, f"mutation {number}"
