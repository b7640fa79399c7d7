"""Registry of dataset formats: how each is recognised, read and written, and what it cannot represent."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from idfree.datasets.boxes_json import is_boxes_json, read_boxes_json
from idfree.datasets.coco import is_coco, read_coco, write_coco
from idfree.datasets.crowdhuman import is_odgt, read_odgt, write_odgt
from idfree.datasets.cvat import is_cvat, read_cvat
from idfree.datasets.cvat_mot import is_cvat_mot, read_cvat_mot, write_cvat_mot
from idfree.datasets.cvat_writer import write_cvat
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.jde_lists import is_list, read_list, write_list
from idfree.datasets.kitti import is_kitti, read_kitti, write_kitti
from idfree.datasets.label_studio import is_label_studio, read_label_studio, write_label_studio
from idfree.datasets.labels import OnFault
from idfree.datasets.motchallenge_labels import is_motchallenge, read_motchallenge, write_motchallenge
from idfree.datasets.pathtrack import is_pathtrack, read_pathtrack
from idfree.datasets.rerun_recording import write_rerun
from idfree.datasets.results import is_results, read_result_files, write_result_file
from idfree.datasets.trackeval import write_trackeval
from idfree.datasets.visdrone import is_visdrone_set, read_visdrone
from idfree.datasets.voc import is_voc, read_voc, write_voc
from idfree.datasets.yolo import is_yolo, read_yolo, write_yolo
from idfree.datasets.yolo_results import is_yolo_results, read_yolo_results

IDENTITIES, VISIBILITY, SCORES, CLASSES = "identities", "visibility", "scores", "classes"
IGNORE_REGIONS, FRAME_ORDER = "regions to ignore", "order in time"
UNKNOWN_IDENTITIES = "unknown identities (they become tracks of one box)"
CLASS_CHANGES = "changes of class within a track (the first is taken)"


@dataclass(frozen=True)
class Format:
    """One dataset format.

    what: its files, for the list of formats. recognises: whether a path has this format. read: the footage at a path,
    with the folder of the images if it is elsewhere; both None if it is not read. write: writes footage below a folder
    and returns the path to read it again; None if it is not written. lost: features that it cannot represent.
    videos_only: it cannot represent still images.
    """

    what: str
    recognises: Callable[[Path], bool] | None = None
    read: Callable[[Path, Path | None, FootageSettings, OnFault], list[Footage]] | None = None
    write: Callable[[Footage, Path], Path] | None = None
    lost: tuple[str, ...] = ()
    videos_only: bool = False


TRACKS_ONLY = (UNKNOWN_IDENTITIES, CLASS_CHANGES)  # that tools that store tracks, not boxes, cannot represent

FORMATS = {  # in the order in which a path is checked against them
    "boxes.json": Format("a folder with boxes.json, stills", is_boxes_json, read_boxes_json),
    "yolo": Format(
        "YOLO: data.yaml, images/, labels/ of 5 columns",
        *(is_yolo, read_yolo, write_yolo),
        lost=(IDENTITIES, VISIBILITY, IGNORE_REGIONS, FRAME_ORDER, SCORES),
    ),
    "yolo-track": Format(
        "YOLO with confidence and track id; labels/ of `yolo track`",
        *(is_yolo_results, read_yolo_results, partial(write_yolo, tracks=True)),
        lost=(VISIBILITY, IGNORE_REGIONS),
        videos_only=True,
    ),
    "cvat": Format(
        "CVAT for video 1.1, .xml or .zip; for images: read",
        *(is_cvat, read_cvat, write_cvat),
        lost=TRACKS_ONLY,
        videos_only=True,
    ),
    "cvat-mot": Format(
        "CVAT's MOT 1.1, .zip", *(is_cvat_mot, read_cvat_mot, write_cvat_mot), lost=(SCORES,), videos_only=True
    ),
    "visdrone": Format("VisDrone-MOT: annotations/, sequences/", is_visdrone_set, read_visdrone),
    "kitti": Format(
        "KITTI tracking: label_02/, image_02/",
        *(is_kitti, read_kitti, write_kitti),
        lost=(VISIBILITY,),
        videos_only=True,
    ),
    "voc": Format(
        "PASCAL VOC: Annotations/*.xml", *(is_voc, read_voc, write_voc), lost=(VISIBILITY, FRAME_ORDER, SCORES)
    ),
    "pathtrack": Format("PathTrack: gt/gt.txt, det/det_rcnn.txt, info.xml", is_pathtrack, read_pathtrack),
    "mot": Format(
        "MOTChallenge folders with gt/gt.txt",
        *(is_motchallenge, read_motchallenge, write_motchallenge),
        lost=(SCORES,),
    ),
    "label-studio": Format(
        "Label Studio's .json of videos",
        *(is_label_studio, read_label_studio, write_label_studio),
        lost=TRACKS_ONLY,
        videos_only=True,
    ),
    "results": Format(
        "tracks or detections: .txt, .csv, .json, .parquet",
        *(is_results, read_result_files, write_result_file),
        lost=(VISIBILITY, IGNORE_REGIONS),
        videos_only=True,
    ),
    "odgt": Format(
        "CrowdHuman's .odgt",
        *(is_odgt, read_odgt, write_odgt),
        lost=(IDENTITIES, VISIBILITY, FRAME_ORDER, SCORES, CLASSES),
    ),
    "coco": Format("COCO's .json, also of videos (TAO, BDD100K, CocoVID)", is_coco, read_coco, write_coco),
    "trackeval": Format("folders for TrackEval", write=write_trackeval, lost=(CLASSES,), videos_only=True),
    "rerun": Format("a recording of Rerun, .rrd", write=write_rerun, lost=(VISIBILITY,), videos_only=True),
    "jde": Format("a JDE list of images", *(is_list, read_list, write_list), lost=(VISIBILITY, IGNORE_REGIONS, SCORES)),
}
