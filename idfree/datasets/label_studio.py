"""Label Studio's JSON of videos (labelstud.io): a list of tasks whose results are of the type `videorectangle`.

Frames count from 1; boxes are percentages of the frame. A keyframe with `enabled` false ends a part of its track; what
lies between two keyframes is interpolated. `score`, `visibility` and `ignored` are idfree's own keys of a keyframe.
"""

import json
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.names import file_name
from idfree.core.reading import beginning, read_json
from idfree.core.types import Annotation
from idfree.datasets.class_selection import ClassSelection
from idfree.datasets.footage import PEOPLE, Footage, FootageSettings
from idfree.datasets.keyframes import distinct_numbers, ends_run, interpolate, numbered_tracks
from idfree.datasets.labelled_video import label_video, open_media
from idfree.datasets.labels import LabelRows, OnFault, parse_integer, parse_numbers
from idfree.sequences.rows import MAX_FRAME

Object = dict[str, Any]

KIND, FROM, TO, VIDEO = "videorectangle", "box", "video", "video"  # names as in Label Studio's template of the task
IGNORED = "ignored"  # idfree's key of a keyframe; as a label, that of regions to ignore
SIDES = ("x", "y", "width", "height")
HEAD = 65536  # bytes of a file by which it is recognised


def is_label_studio(path: Path) -> bool:
    """Whether a path is a .json with an array of tasks: objects with `data`."""
    if path.suffix.lower() != ".json" or path.is_dir():
        return False
    head = beginning(path, HEAD).lstrip()
    return head.startswith("[") and '"data"' in head


def read_label_studio(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The video of each task: its first annotation, else its first prediction, whose scores are kept.

    Boxes of other labels than settings.names are left out, with a warning. Raises UserError.
    """
    tasks = read_json(path)
    if not isinstance(tasks, list) or not tasks or not all(isinstance(task, dict) for task in tasks):
        raise UserError(f"{path}: expected an array of Label Studio's tasks")
    selection = ClassSelection(settings, path)
    footages = [read_task(task, number, path, images, selection, on_fault) for number, task in enumerate(tasks, 1)]
    selection.report()
    return footages


def read_task(
    task: Object, number: int, path: Path, images: Path | None, selection: ClassSelection, on_fault: OnFault
) -> Footage:
    """The video of one task. Raises UserError if its size is unknown."""
    name, place = video_name(task, f"{path.stem}-{number}"), f"{path}: task {number}"
    scored = not task.get("annotations") and bool(task.get("predictions"))
    regions = [region for region in regions_of(task) if region.get("type") == KIND]
    media = open_media(name, images, [path.parent])
    size_hw = media.size_hw or original_size(regions)
    if size_hw is None and regions:
        raise UserError(f"{place}: its boxes are percentages of the frame, whose size is unknown: name it, --images")
    labels, length = LabelRows(), 0
    for track, region in zip(distinct_numbers([str(region.get("id")) for region in regions]), regions, strict=True):
        value = region["value"] if isinstance(region.get("value"), dict) else {}
        length = max(length, parse_integer(value.get("framesCount")) or 0)
        if (rows := parse_keyframes(value, place, on_fault)) is not None and size_hw:
            add_region(labels, track, value, rows, size_hw, selection, place)
    rate = measure_frame_rate(regions)
    classes = tuple(selection.class_ids) or PEOPLE
    length = min(length, MAX_FRAME)
    return label_video(name, labels.annotation(), media, path, on_fault, classes, length, size_hw, rate, scored)


def video_name(task: Object, fallback: str) -> str:
    """The name of a task's video: that of the file of its address."""
    data = task["data"] if isinstance(task.get("data"), dict) else {}
    addresses = [data.get(VIDEO), *data.values()]
    address = next((value for value in addresses if isinstance(value, str)), "")
    try:
        parts = urlsplit(address)
    except ValueError:
        return fallback
    return file_name(PurePosixPath(unquote(parts.query.rpartition("d=")[2] or parts.path)).stem, fallback)


def regions_of(task: Object) -> list[Object]:
    """The results of a task's first annotation, else of its first prediction."""
    for key in ("annotations", "predictions"):
        if isinstance(task.get(key), list) and task[key]:
            first = task[key][0]
            result = first.get("result") if isinstance(first, dict) else None
            return [region for region in result if isinstance(region, dict)] if isinstance(result, list) else []
    return []


def original_size(regions: list[Object]) -> tuple[int, int] | None:
    """(height, width) that the first region declares, None if it does not."""
    for region in regions:
        height, width = (parse_integer(region.get(f"original_{side}")) for side in ("height", "width"))
        if height and width and height > 0 and width > 0:
            return height, width
    return None


def measure_frame_rate(regions: list[Object]) -> float | None:
    """Frames per second by the number of frames and the duration; None if unknown."""
    for region in regions:
        value = region["value"] if isinstance(region.get("value"), dict) else {}
        both = parse_numbers([value.get("framesCount"), value.get("duration")], 2)
        if both and min(both) > 0:
            return round(both[0] / both[1], 6)
    return None


def parse_keyframes(value: Object, place: str, on_fault: OnFault) -> np.ndarray | None:
    """The keyframes (K, 8) of a region: frame, x, y, width, height, enabled, score, visibility; None without any.

    The score of regions to ignore is 0.
    """
    rows: dict[float, tuple[float, ...]] = {}
    sequence = value["sequence"] if isinstance(value.get("sequence"), list) else []
    for item in sequence:
        item = item if isinstance(item, dict) else {}
        box = parse_numbers([item.get("frame"), *(item.get(side) for side in SIDES)], 5)
        extra = parse_numbers([item.get("score", 1), item.get("visibility", 1)], 2)
        if box is None or extra is None or box[0] % 1 or not 1 <= box[0] <= MAX_FRAME:
            on_fault(f"{place}: a keyframe is {item}, expected frame (from 1), {', '.join(SIDES)}")
        else:
            score = 0.0 if item.get(IGNORED) is True else extra[0]
            rows[box[0]] = (*box, item.get("enabled") is not False, score, extra[1])
    return np.array([rows[frame] for frame in sorted(rows)], dtype=np.float64) if rows else None


def add_region(
    labels: LabelRows,
    track: int,
    value: Object,
    rows: np.ndarray,
    size_hw: tuple[int, int],
    selection: ClassSelection,
    place: str,
) -> None:
    """Add the boxes of a region with keyframes (K, 8) as of `parse_keyframes`. Raises UserError, see `interpolate`."""
    names = value["labels"] if isinstance(value.get("labels"), list) else []
    ignored = IGNORED in names and IGNORED not in selection.class_ids
    class_id = 0 if ignored else selection.find(str(names[0]) if names else "")
    if class_id is None:
        return
    frames, values, keyframe = interpolate(rows[:, 0].astype(np.int64), rows[:, 1:5], rows[:, 5] == 1, place)
    xywh = values * np.array(size_hw)[[1, 0, 1, 0]] / 100
    for frame, (x, y, w, h), row in zip(frames.tolist(), xywh.tolist(), keyframe.tolist(), strict=True):
        score = 0.0 if ignored else float(rows[row, 6])
        labels.add(frame, (x, y, x + w, y + h), track, score, class_id, float(rows[row, 7]))


def write_label_studio(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.json, one task: results as a prediction, labels as an annotation. Returns its path."""
    regions = [region_of(footage, identity, rows) for identity, rows in numbered_tracks(footage.boxes)]
    entry: Object = {"result": regions}
    if footage.scored:
        score = float(footage.boxes.score.mean()) if len(footage.boxes) else 0.0
        entry |= {"model_version": "idfree", "score": round(score, 4)}
    video = footage.paths[0].name if footage.in_video else f"{footage.name}.mp4"
    task = {"data": {VIDEO: video}, "predictions" if footage.scored else "annotations": [entry]}
    path = folder / f"{footage.name}.json"
    write_text(path, json.dumps([task]))
    return path


def region_of(footage: Footage, identity: int, rows: Annotation) -> Object:
    """The region of one identity: a keyframe for each box."""
    height, width = footage.size_at(1)
    xyxy = rows.xyxy / (width, height, width, height) * 100
    boxes = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1).round(5).tolist()
    enabled = (~ends_run(rows.frame)).tolist()
    extra = zip(rows.score.tolist(), rows.visibility.round(4).tolist(), strict=True)
    sequence = []
    for frame, box, goes_on, (score, visibility) in zip(rows.frame.tolist(), boxes, enabled, extra, strict=True):
        item: Object = {"frame": frame, "enabled": goes_on, "rotation": 0, **dict(zip(SIDES, box, strict=True))}
        item |= {"time": round((frame - 1) / footage.frame_rate, 6), "visibility": visibility}
        sequence.append(item | ({"score": round(score, 6)} if footage.scored else {IGNORED: score == 0}))
    value: Object = {"framesCount": footage.length, "duration": footage.length / footage.frame_rate}
    value |= {"sequence": sequence, "labels": [footage.class_name(int(rows.class_id[0]))]}
    region: Object = {"id": str(identity), "type": KIND, "from_name": FROM, "to_name": TO, "value": value}
    region |= {"original_width": width, "original_height": height}
    return region | ({"score": round(float(rows.score.mean()), 4)} if footage.scored else {})
