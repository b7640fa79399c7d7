"""What is in footage to train on, what is odd about it, and which methods it can feed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import iou_of_pairs
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats, Integers
from idfree.datasets.footage import Footage
from idfree.sequences.pictures import looks_whole, picture_size
from idfree.sequences.video import open_video

Mask = NDArray[np.bool_]

SOME_ONLY = "has boxes of tracklets alone: detectors learn from it not to see the others (idfree label --everybody)"

QUANTILES = {"height_5": 0.05, "height_50": 0.5, "height_95": 0.95}


@dataclass(frozen=True)
class CheckSettings:
    """What counts as odd."""

    sample: int = 20  # pictures of a source that are decoded, besides those that look cut off; all of them with --all
    # In 200,000 steps of the truth of MOT15, MOT17, MOT20 and DanceTrack nobody moves so far without overlap in a
    # second; the farthest is 0.65.
    max_jump: float = 1.0  # longer sides of the box, between two appearances that do not overlap
    max_pause: float = 1.0  # seconds between them; after a longer one a person may be anywhere
    beyond: float = 1.0  # px by which boxes may reach out of the picture: sets count pixels from 0 or from 1
    min_side: float = 1.0  # px; a box with a shorter side is degenerate


@dataclass(frozen=True)
class DataReport:
    """One source: figures by name, the methods it can feed, and what is odd, with the place."""

    name: str
    source: str
    kind: str
    figures: dict[str, float | None]
    feeds: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ImageCheck:
    """What the pictures turned out to be: size (L, 2) height and width, NaN where unknown; what is wrong, by frame."""

    size: Floats
    missing: dict[int, str] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)
    odd: dict[int, str] = field(default_factory=dict)


def inspect(
    footage: Footage, random: np.random.Generator, settings: CheckSettings | None = None, every: bool = False
) -> DataReport:
    """All that can be told of a source. random: draws the pictures to decode; every: decode all of them."""
    settings = settings or CheckSettings()
    pictures = look(footage, random, settings.sample, every)
    objects = footage.boxes[footage.boxes.score != 0]
    degenerate = (objects.xyxy[:, 2:] - objects.xyxy[:, :2] < settings.min_side).any(axis=1)
    outside, beyond = out_of_picture(objects, pictures.size, settings.beyond)
    duplicates = repeated(objects)
    jumps = jumping(objects, settings, footage.frame_rate) if footage.moving else duplicates[:0]
    figures: dict[str, float | None] = {
        "pictures": footage.length,
        "boxes": len(objects),
        "ignored": len(footage.boxes) - len(objects),
        "identities": len(np.unique(objects.id[objects.id >= 0])),
        "boxes_a_picture": len(objects) / footage.length if footage.length else None,
        **heights(objects[~degenerate]),
        "beyond": int(beyond.sum()),
        "outside": int(outside.sum()),
        "degenerate": int(degenerate.sum()),
        "duplicates": len(duplicates),
        "jumps": len(jumps),
        "missing": len(pictures.missing) if footage.paths else footage.length,
        "unreadable": len(pictures.unreadable),
    }
    warnings = [*about(footage, pictures)]
    warnings += told(footage, objects[degenerate], "has no area")
    warnings += told(footage, objects[outside & ~degenerate], "lies outside the picture")
    warnings += told(footage, objects[duplicates], "has an id that another box of the picture has")
    warnings += told(footage, objects[jumps], "is far from where its id was before")
    kind = "video" if footage.moving else "stills"
    return DataReport(footage.name, str(footage.source), kind, figures, feeds(footage, figures), tuple(warnings))


def heights(objects: Annotation) -> dict[str, float | None]:
    """Quantiles of the boxes' heights in px, None where there are no boxes."""
    height = objects.xyxy[:, 3] - objects.xyxy[:, 1]
    return {name: float(np.quantile(height, q)) if len(height) else None for name, q in QUANTILES.items()}


def look(footage: Footage, random: np.random.Generator, sample: int, every: bool) -> ImageCheck:
    """Whether the pictures are there, how large they are, and whether (some of) them can be decoded."""
    size = np.full((footage.length, 2), np.nan if footage.size_hw is None else footage.size_hw, dtype=np.float64)
    pictures = ImageCheck(size)
    if footage.in_video:
        look_at_video(footage, pictures, every)
    elif footage.paths:
        suspects = [n for n, path in enumerate(footage.paths, start=1) if look_at_file(footage, n, path, pictures)]
        rest = sorted({*range(1, footage.length + 1)} - {*suspects, *pictures.missing, *pictures.unreadable})
        drawn = rest if every else random.choice(rest, min(sample, len(rest)), replace=False).tolist()
        decode(footage, sorted({*suspects, *drawn}), pictures)
    return pictures


def look_at_file(footage: Footage, number: int, path: Path, pictures: ImageCheck) -> bool:
    """Note whether a picture is there and how large it is; gives whether it looks cut off."""
    if not path.is_file():
        pictures.missing[number] = f"{path}: there is no such picture"
        return False
    try:
        seen = picture_size(path)
    except UserError as error:
        pictures.unreadable[number] = str(error)
        return False
    pictures.size[number - 1] = seen
    if footage.size_hw and footage.size_hw != seen:
        expected = "×".join(map(str, footage.size_hw[::-1]))
        pictures.odd[number] = f"{path}: is {seen[1]}×{seen[0]}, its labels are for {expected}"
    return not looks_whole(path)


def look_at_video(footage: Footage, pictures: ImageCheck, every: bool) -> None:
    """Note whether a video has the frames that its labels speak of, and their size."""
    path, last = footage.paths[0], footage.length + footage.offset
    try:
        video = open_video(path)
    except UserError as error:
        pictures.unreadable[1] = str(error)
        return
    if video.length is not None and video.length < last:
        late = range(max(video.length - footage.offset, 0) + 1, footage.length + 1)
        pictures.missing.update(
            dict.fromkeys(late, f"{path}: ends with frame {video.length}, there are labels up to {last}")
        )
    if footage.size_hw and video.size_hw and footage.size_hw != video.size_hw:
        (height, width), (expected_height, expected_width) = video.size_hw, footage.size_hw
        pictures.odd[1] = f"{path}: is {width}×{height}, its labels are for {expected_width}×{expected_height}"
    if every:
        decode(footage, range(1, footage.length + 1), pictures)


def decode(footage: Footage, frames: Iterable[int], pictures: ImageCheck) -> None:
    """Note which of the pictures cannot be decoded."""
    for number in frames:
        try:
            footage.image(number)
        except UserError as error:
            pictures.unreadable[number] = str(error)


def about(footage: Footage, pictures: ImageCheck) -> Iterator[str]:
    """A sentence for each picture that is missing, damaged or of another size; one, where there are none at all."""
    if not footage.paths:
        yield f"{footage.source}: there are no pictures beside it"
    elif len(pictures.missing) == footage.length:
        yield f"{footage.source}: none of its pictures is there; looked for {footage.paths[0]} …"
    else:
        yield from dict.fromkeys(pictures.missing.values())
    yield from (*pictures.unreadable.values(), *pictures.odd.values())
    if not footage.everybody:
        yield f"{footage.source}: {SOME_ONLY}"


def out_of_picture(objects: Annotation, size: Floats, tolerance: float) -> tuple[Mask, Mask]:
    """Which boxes lie outside their picture, and which others reach out of it; none where its size is unknown."""
    height, width = size[objects.frame - 1].T
    left, top, right, bottom = objects.xyxy.T
    outside = (left >= width) | (top >= height) | (right <= 0) | (bottom <= 0)
    far = np.maximum.reduce([-left, -top, right - width, bottom - height])  # comparisons with NaN are False
    return outside, (far > tolerance) & ~outside


def repeated(objects: Annotation) -> Integers:
    """The rows whose id stands before in the same frame."""
    order = np.lexsort((objects.id, objects.frame))
    rows = objects[order]
    again = (np.diff(rows.frame) == 0) & (np.diff(rows.id) == 0) & (rows.id[1:] >= 0)
    return np.sort(order[1:][again])


def jumping(objects: Annotation, settings: CheckSettings, frame_rate: float) -> Integers:
    """The rows that lie too far from where their id was before (see CheckSettings)."""
    order = np.lexsort((objects.frame, objects.id))
    rows = objects[order]
    pause, centre, side = np.diff(rows.frame), rows.xyxy[:, :2] + rows.xyxy[:, 2:], rows.xyxy[:, 2:] - rows.xyxy[:, :2]
    way = np.hypot(*np.diff(centre, axis=0).T) / 2
    longest = np.maximum(side[1:], side[:-1]).max(axis=1, initial=0)
    together = (np.diff(rows.id) == 0) & (rows.id[1:] >= 0) & (pause >= 1) & (pause <= settings.max_pause * frame_rate)
    apart = iou_of_pairs(rows.xyxy[:-1], rows.xyxy[1:]) == 0
    return np.sort(order[1:][together & apart & (way > settings.max_jump * longest)])


def told(footage: Footage, objects: Annotation, oddity: str) -> Iterator[str]:
    """A sentence for each box."""
    for frame, id, xyxy in zip(objects.frame.tolist(), objects.id.tolist(), objects.xyxy.tolist(), strict=True):
        corners = ", ".join(f"{side:.10g}" for side in np.round(xyxy, 1))
        who = f" (id {id})" if id >= 0 else ""
        yield f"{footage.source}: {footage.where(frame)}: the box {corners}{who} {oddity}"


def feeds(footage: Footage, figures: Mapping[str, float | None]) -> tuple[str, ...]:
    """The methods that can be trained on it: all need pictures and boxes, those that detect all boxes."""
    seen = figures["boxes"] and figures["missing"] != figures["pictures"]
    people, everybody = (figures["identities"] or 0) > 1, footage.everybody
    needs = {"fairmot": people and everybody, "clmot": everybody, "outrack": everybody, "tdt": everybody}
    needs |= {"simplereid": people and footage.moving}
    return tuple(method for method, met in needs.items() if seen and met)
