"""Folder layout of TrackEval for MotChallenge2DBox, with BENCHMARK idfree and SPLIT_TO_EVAL train.

gt/mot_challenge/idfree-train/NAME/ has gt/gt.txt and seqinfo.ini, gt/mot_challenge/seqmaps/idfree-train.txt the names;
results are trackers/mot_challenge/idfree-train/idfree/data/NAME.txt.
"""

from dataclasses import replace
from pathlib import Path

from idfree.core.files import write_text
from idfree.datasets.footage import Footage
from idfree.datasets.results import result_rows
from idfree.datasets.write_sequence import write_seqinfo
from idfree.sequences.folders import list_entries
from idfree.sequences.motchallenge import PEDESTRIAN, write_ground_truth, write_results
from idfree.sequences.seqinfo import IMAGE_FOLDER

TRUTH, TRACKERS = Path("gt", "mot_challenge"), Path("trackers", "mot_challenge")
SPLIT, TRACKER = "idfree-train", "idfree"


def write_trackeval(footage: Footage, folder: Path) -> Path:
    """Write results as those of the tracker `idfree`, other labels as ground truth. Returns the path written."""
    if footage.scored:
        path = folder / TRACKERS / SPLIT / TRACKER / "data" / f"{footage.name}.txt"
        write_results(path, result_rows(footage))
        return path
    target = folder / TRUTH / SPLIT / footage.name
    boxes = footage.boxes
    write_ground_truth(target / "gt" / "gt.txt", replace(boxes, class_id=boxes.class_id + PEDESTRIAN))
    height, width = footage.size_hw or (None, None)
    info = {"name": footage.name, "imDir": IMAGE_FOLDER, "frameRate": f"{footage.frame_rate:.10g}"}
    sizes = {"seqLength": footage.length, "imWidth": width, "imHeight": height}
    write_seqinfo(target, {**info, **{key: value for key, value in sizes.items() if value is not None}})
    names = [entry.name for entry in list_entries(folder / TRUTH / SPLIT) if entry.is_dir()]
    write_text(folder / TRUTH / "seqmaps" / f"{SPLIT}.txt", "".join(f"{name}\n" for name in ("name", *names)))
    return target
