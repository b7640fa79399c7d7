"""COCO's json (Lin 2014): images, annotations, categories; with `video_id`, `frame_id` and `track_id`, videos, too.

The last three are as in the json files that CenterTrack (Zhou 2020) and its successors train on.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from idfree.core.boxes import xyxy_to_xywh
from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.labels import LabelRows, OnFault, corners, key, numbers, raise_fault, read_json, whole
from idfree.datasets.layout import lay_out, picture_names
from idfree.datasets.still_images import from_boxes
from idfree.sequences.pictures import located, nth_image

IMAGES = "images"
LISTS = ("images", "annotations", "categories")
Object = dict[str, Any]
Key = int | str | None
Films = dict[Key, list[Object]]  # the images of each video by its id, in order; of None, those of no video


def read_coco(
    path: Path, settings: FootageSettings | None = None, images: Path | None = None, complain: OnFault = raise_fault
) -> list[Footage]:
    """The footage of a COCO json: its still images, and each of its videos; of another json, see still_images.

    Boxes of the classes wanted count, those of a crowd (`iscrowd`) are regions to ignore. Raises UserError.
    """
    said = read_json(path)
    if not (isinstance(said, dict) and all(isinstance(said.get(key), list) for key in LISTS)):
        return [from_boxes(said, path, images, complain)]
    settings = settings or FootageSettings()
    wanted, films = class_ids(said["categories"], settings.names, path), by_video(said["images"], path, complain)
    labels = gather(said["annotations"], films, wanted, path, complain)
    listed = said["videos"] if isinstance(said.get("videos"), list) else []
    videos = {key(video, "id"): video for video in listed if isinstance(video, dict)}
    found = []
    for video, film in films.items():
        paths = located([image["file_name"] for image in film], [images, *around(path)])
        name = key(videos.get(video), "file_name") or key(videos.get(video), "name") or video
        rate = numbers([videos.get(video, {}).get("frame_rate")], 1)
        footage = Footage(
            name=path.stem if video is None else Path(str(name)).name,
            boxes=labels[video].annotation(),
            length=len(film),
            image=partial(nth_image, paths),
            moving=video is not None,
            paths=paths,
            size_hw=common_size(film),
            frame_rate=rate[0] if rate else Footage.frame_rate,
            source=path,
            classes=settings.names,
        )
        found.append(footage)
    return found


def class_ids(categories: list[Any], names: tuple[str, ...], path: Path) -> dict[Key, int]:
    """The class_id of each category wanted. Raises UserError where a name is none of the categories."""
    known = {str(key(category, "name")): key(category, "id") for category in categories}
    for name in names:
        if name not in known:
            raise UserError(f"{path}: has no category {name!r}, there are: {', '.join(known)} (choose with classes=…)")
    return {known[name]: class_id for class_id, name in enumerate(names)}


def by_video(images: list[Any], path: Path, complain: OnFault) -> Films:
    """The images, each video's in the order of their frame_id. Raises UserError where there are none."""
    films: Films = defaultdict(list)
    for row, image in enumerate(images):
        if key(image, "id") is not None and isinstance(image.get("file_name"), str):
            films[key(image, "video_id")].append(image)
        else:
            complain(f"{path}: images[{row}] has no id or no file_name")
    if not films:
        raise UserError(f"{path}: has no images")
    for film in films.values():
        film.sort(key=lambda image: whole(image.get("frame_id")) or 0)
    return films


def gather(
    annotations: list[Any], films: Films, class_id: Mapping[Key, int], path: Path, complain: OnFault
) -> dict[Key, LabelRows]:
    """The boxes of each video."""
    place = {image["id"]: (video, n) for video, film in films.items() for n, image in enumerate(film, start=1)}
    labels: dict[Key, LabelRows] = defaultdict(LabelRows)
    for row, one in enumerate(annotations):
        where = f"{path}: annotations[{row}]"
        if key(one, "image_id") not in place:
            complain(f"{where} is of no image of the file")
        elif key(one, "category_id") in class_id:
            box, id, seen = numbers(one.get("bbox"), 4), whole(one.get("track_id", -1)), one.get("visibility", 1.0)
            if box is None:
                complain(f"{where}: bbox is {one.get('bbox')}, expected four numbers (left, top, width, height)")
            elif id is None or numbers([seen], 1) is None:
                complain(f"{where}: track_id or visibility is no number")
            else:
                video, frame = place[one["image_id"]]
                ignored = one.get("iscrowd") == 1 or one.get("ignore") == 1
                labels[video].add(frame, corners(box), id, 1.0 - ignored, class_id[one["category_id"]], seen)
    return labels


def around(path: Path) -> list[Path]:
    """Where the images of a json may lie: `annotations/instances_val2017.json` has them in `val2017/`."""
    part = path.stem.rpartition("_")[2]
    return [home / name for home in (path.parent, path.parent.parent) for name in (IMAGES, ".", part, f"images/{part}")]


def common_size(film: list[Object]) -> tuple[int, int] | None:
    """(height, width) of all images, None where they differ or the file does not say."""
    sizes = {(whole(image.get("height")), whole(image.get("width"))) for image in film}
    height, width = sizes.pop()
    return (height, width) if height and width and not sizes else None


def write_coco(footage: Footage, folder: Path) -> Path:
    """FOLDER/NAME.json, and the pictures as images/NAME/…; regions to ignore are crowds."""
    names = [f"{footage.name}/{name}" for name in picture_names(footage)]
    lay_out(footage, [folder / IMAGES / name for name in names])
    images: list[Object] = []
    for number, name in enumerate(names, start=1):
        height, width = footage.size_at(number)
        of_video = {"video_id": 1, "frame_id": number} if footage.moving else {}
        images.append({"id": number, "file_name": name, "height": height, "width": width, **of_video})
    boxes = footage.boxes
    xywh = xyxy_to_xywh(boxes.xyxy).round(2).tolist()
    columns = zip(boxes.frame.tolist(), boxes.id.tolist(), boxes.class_id.tolist(), strict=True)
    marks = zip(boxes.score.tolist(), boxes.visibility.tolist(), strict=True)
    annotations: list[Object] = []
    for (frame, id, class_id), (score, visibility), box in zip(columns, marks, xywh, strict=True):
        category = class_id if class_id < len(footage.classes) else 0  # regions of a class that is not learnt
        one = {"id": len(annotations) + 1, "image_id": frame, "category_id": category + 1, "bbox": box}
        one |= {"area": round(box[2] * box[3], 2), "iscrowd": int(score == 0), "visibility": round(visibility, 4)}
        annotations.append(one | ({"track_id": id} if id >= 0 else {}))
    said: Object = {"images": images, "annotations": annotations}
    said["categories"] = [{"id": k, "name": name} for k, name in enumerate(footage.classes, start=1)]
    if footage.moving:
        said["videos"] = [{"id": 1, "file_name": footage.name, "frame_rate": footage.frame_rate}]
    path = folder / f"{footage.name}.json"
    write_text(path, json.dumps(said))
    return path
