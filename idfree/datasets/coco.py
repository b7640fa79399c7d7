"""COCO's JSON (Lin 2014): images, annotations, categories; videos by `video_id`, `frame_id` and `track_id`.

The last three are those of the JSON files that CenterTrack (Zhou 2020) and its successors train on. Read, too: TAO's
`frame_index` (Dave 2020), `instance_id` of CocoVID and of BDD100K's conversion, and `score` of results.
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
from idfree.core.names import file_name
from idfree.core.reading import read_json
from idfree.datasets.boxes_json import parse_boxes_json
from idfree.datasets.export_images import export_images, image_names
from idfree.datasets.footage import CHOOSE, Footage, FootageSettings
from idfree.datasets.labels import (
    LabelRows,
    OnFault,
    get_key,
    is_name,
    parse_integer,
    parse_numbers,
    parse_size,
    xywh_to_corners,
)
from idfree.sequences.image_files import locate_images, read_nth_image
from idfree.sequences.seqinfo import MAX_VALUES, choose_size, first_size

IMAGE_FOLDER = "images"
IMAGES_MEASURED = 3  # of a video, until one can be read
LISTS = ("images", "annotations", "categories")
Object = dict[str, Any]
Key = int | str | None
ImagesByVideo = dict[Key, list[Object]]  # by video id, in order; those of no video by None


def is_coco(path: Path) -> bool:
    """Whether a path is a JSON file."""
    return path.suffix.lower() == ".json" and not path.is_dir()


def read_coco(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The still images of a COCO JSON as one footage, and each of its videos; other JSON is read as boxes.json.

    Boxes of other classes than settings.names are skipped, those of crowds (`iscrowd`) are ignore regions.
    Raises UserError if the file is invalid.
    """
    content = read_json(path)
    if not (isinstance(content, dict) and all(isinstance(content.get(name), list) for name in LISTS)):
        return [parse_boxes_json(content, path, images, settings, on_fault)]
    class_id = map_categories(content["categories"], settings.names, path)
    images_by_video = group_by_video(content["images"], path, on_fault)
    labels = read_boxes(content["annotations"], images_by_video, class_id, path, on_fault)
    scored = any(isinstance(item, dict) and "score" in item for item in content["annotations"])
    listed = content["videos"] if isinstance(content.get("videos"), list) else []
    videos = {get_key(video, "id"): video for video in listed if isinstance(video, dict)}
    footages = []
    for video_id, video_images in images_by_video.items():
        paths = locate_images([image["file_name"] for image in video_images], [images, *image_folders(path)])
        name, frame_rate = describe_video(video_id, videos.get(video_id, {}), path, on_fault)
        footage = Footage(
            name=name,
            boxes=labels[video_id].annotation(),
            length=len(video_images),
            image=partial(read_nth_image, paths),
            is_sequence=video_id is not None,
            paths=paths,
            size_hw=measured_size(common_size(video_images), paths, path),
            frame_rate=frame_rate,
            source=path,
            classes=settings.names,
            scored=scored,
        )
        footages.append(footage)
    return footages


def describe_video(video_id: Key, video: Object, path: Path, on_fault: OnFault) -> tuple[str, float]:
    """The name and frame rate of a video by its entry in `videos`; the name of the JSON for images of no video."""
    if video_id is None:
        return path.stem, Footage.frame_rate
    name = get_key(video, "file_name") or get_key(video, "name") or video_id
    frame_rate = parse_numbers([video.get("frame_rate", Footage.frame_rate)], 1)
    if frame_rate is None or not 0 < frame_rate[0] <= MAX_VALUES["frameRate"]:
        on_fault(f"{path}: video {video_id}: frame_rate is {video['frame_rate']}, expected frames per second")
        frame_rate = (Footage.frame_rate,)
    return file_name(str(name), f"{path.stem}-{video_id}"), frame_rate[0]


def map_categories(categories: list[Any], names: tuple[str, ...], path: Path) -> dict[Key, int]:
    """Category id → class_id, the position in `names`. Raises UserError if a name is not among the categories."""
    category_ids = {str(get_key(category, "name")): get_key(category, "id") for category in categories}
    for name in names:
        if name not in category_ids:
            raise UserError(
                f"{path}: has no category {name!r}, there are: {', '.join(category_ids)} (choose with {CHOOSE}…)"
            )
    return {category_ids[name]: class_id for class_id, name in enumerate(names)}


def group_by_video(images: list[Any], path: Path, on_fault: OnFault) -> ImagesByVideo:
    """The images of each video, sorted by frame_id or frame_index. Raises UserError if there are no images."""
    by_video: ImagesByVideo = defaultdict(list)
    for row, image in enumerate(images):
        if get_key(image, "id") is not None and is_name(image.get("file_name")):
            by_video[get_key(image, "video_id")].append(image)
        else:
            on_fault(f"{path}: images[{row}] has no id or no file_name that can be one")
    if not by_video:
        raise UserError(f"{path}: has no images")
    for video_images in by_video.values():
        video_images.sort(key=lambda image: parse_integer(image.get("frame_id", image.get("frame_index"))) or 0)
    return by_video


def read_boxes(
    annotations: list[Any], images_by_video: ImagesByVideo, class_id: Mapping[Key, int], path: Path, on_fault: OnFault
) -> dict[Key, LabelRows]:
    """The boxes of each video; class_id: by category id, annotations of other categories are skipped."""
    position = {
        image["id"]: (video, frame)
        for video, video_images in images_by_video.items()
        for frame, image in enumerate(video_images, start=1)
    }
    labels: dict[Key, LabelRows] = defaultdict(LabelRows)
    for row, item in enumerate(annotations):
        if get_key(item, "image_id") not in position:
            on_fault(f"{path}: annotations[{row}] is of no image of the file")
        elif get_key(item, "category_id") in class_id:
            video, frame = position[item["image_id"]]
            add_box(labels[video], frame, item, class_id[item["category_id"]], f"{path}: annotations[{row}]", on_fault)
    return labels


def add_box(labels: LabelRows, frame: int, item: Object, class_id: int, place: str, on_fault: OnFault) -> None:
    """Add the box of one annotation; place: of the annotation, for messages."""
    box, id = parse_numbers(item.get("bbox"), 4), parse_integer(item.get("track_id", item.get("instance_id", -1)))
    visibility, score = item.get("visibility", 1.0), item.get("score", 1.0)
    if box is None:
        return on_fault(f"{place}: bbox is {item.get('bbox')}, expected four numbers (left, top, width, height)")
    if id is None or parse_numbers([visibility, score], 2) is None:
        return on_fault(f"{place}: track_id or visibility is no number, or the score is none")
    ignored = item.get("iscrowd") == 1 or item.get("ignore") == 1
    labels.add(frame, xywh_to_corners(box), id, 0.0 if ignored else score, class_id, visibility)


def image_folders(path: Path) -> list[Path]:
    """Where the images of a JSON may be: those of annotations/instances_val2017.json are in val2017/."""
    split = path.stem.rpartition("_")[2]
    names = (IMAGE_FOLDER, ".", split, f"{IMAGE_FOLDER}/{split}")
    return [parent / name for parent in (path.parent, path.parent.parent) for name in names]


def common_size(images: list[Object]) -> tuple[int, int] | None:
    """(height, width) of all images, None if they differ or are not given."""
    sizes = {(parse_size(image.get("height")), parse_size(image.get("width"))) for image in images}
    height, width = sizes.pop()
    return (height, width) if height and width and not sizes else None


def measured_size(size_hw: tuple[int, int] | None, paths: tuple[Path, ...], path: Path) -> tuple[int, int] | None:
    """`size_hw`, which the JSON `path` declares of all images, unless the first one has another; warns of that."""
    return None if size_hw is None else choose_size(size_hw, first_size(paths[:IMAGES_MEASURED]), path)


def write_coco(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.json and images/NAME/…; ignore regions become crowds. Returns the path of the JSON."""
    names = [f"{footage.name}/{name}" for name in image_names(footage)]
    export_images(footage, [folder / IMAGE_FOLDER / name for name in names])
    content: Object = {"images": image_objects(footage, names), "annotations": annotation_objects(footage)}
    content["categories"] = [{"id": k, "name": name} for k, name in enumerate(footage.classes, start=1)]
    if footage.is_sequence:
        content["videos"] = [{"id": 1, "file_name": footage.name, "frame_rate": footage.frame_rate}]
    path = folder / f"{footage.name}.json"
    write_text(path, json.dumps(content))
    return path


def image_objects(footage: Footage, names: list[str]) -> list[Object]:
    """The `images` of a COCO JSON."""
    images: list[Object] = []
    for number, name in enumerate(names, start=1):
        height, width = footage.size_at(number)
        video_fields = {"video_id": 1, "frame_id": number} if footage.is_sequence else {}
        images.append({"id": number, "file_name": name, "height": height, "width": width, **video_fields})
    return images


def annotation_objects(footage: Footage) -> list[Object]:
    """The `annotations` of a COCO JSON."""
    boxes = footage.boxes
    xywh = xyxy_to_xywh(boxes.xyxy).round(2).tolist()
    integers = zip(boxes.frame.tolist(), boxes.id.tolist(), boxes.class_id.tolist(), strict=True)
    reals = zip(boxes.score.tolist(), boxes.visibility.tolist(), strict=True)
    annotations: list[Object] = []
    for (frame, id, class_id), (score, visibility), box in zip(integers, reals, xywh, strict=True):
        category = class_id if class_id < len(footage.classes) else 0  # ignore regions of classes not trained on
        item = {"id": len(annotations) + 1, "image_id": frame, "category_id": category + 1, "bbox": box}
        item |= {"area": round(box[2] * box[3], 2), "visibility": round(visibility, 4)}
        item |= {"iscrowd": 0, "score": round(score, 6)} if footage.scored else {"iscrowd": int(score == 0)}
        annotations.append(item | ({"track_id": id} if id >= 0 else {}))
    return annotations
