"""Check training data: statistics of boxes and images, faults, and the methods that it can be used for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import has_area, paired_iou
from idfree.core.errors import UserError
from idfree.core.path_list import as_list
from idfree.core.progress import progress
from idfree.core.settings import Assignments
from idfree.core.types import Annotation, Floats, Integers
from idfree.datasets.all_classes import name_all_classes
from idfree.datasets.footage import Footage, FootageSettings, Half
from idfree.datasets.labelled_video import check_one_video
from idfree.datasets.labels import OnFault
from idfree.datasets.open_footage import open_footage
from idfree.datasets.reid_crops import Part, is_reid, read_reid, reid_parts
from idfree.learn.methods.catalogue import METHODS, Need
from idfree.pipelines.training.check_images import ImageCheck, check_images
from idfree.pipelines.training.reid_data import crops_as_footage

Mask = NDArray[np.bool_]
Statistics = dict[str, float | None]

TRACKLETS_ONLY = (
    "has boxes of tracklets alone: detectors learn from it not to see the others (idfree label --everybody)"
)

QUANTILES = {"height_5": 0.05, "height_50": 0.5, "height_95": 0.95}


@dataclass(frozen=True)
class CheckSettings:
    """Thresholds of the checks."""

    sample: int = 20  # images decoded per source, besides those that look truncated
    max_jump: float = 1.0  # maximum motion between two boxes of an id without overlap, in longer sides of the box
    max_pause: float = 1.0  # seconds between the two; after a longer pause a person may be anywhere
    beyond: float = 1.0  # px by which a box may extend beyond the image: data sets count pixels from 0 or from 1
    min_side: float = 1.0  # px; a box with a shorter side is degenerate


@dataclass(frozen=True)
class DataReport:
    """Report on one footage.

    statistics: by name. feeds: names of the methods that can be trained on it. warnings: faults, with place.
    """

    name: str
    source: str
    kind: str
    statistics: Statistics
    feeds: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class DataCheck:
    """Reports on all sources that can be read; faults: invalid labels, and sources and sequences that are left out."""

    sources: list[DataReport]
    faults: list[str]


def check_data(
    data: str | Path | Sequence[str | Path],
    *,
    images: str | Path | None = None,
    half: Half = "none",
    set: Assignments = (),
    decode_all: bool = False,
    seed: int = 0,
    quiet: bool = True,
) -> DataCheck:
    """Check labelled data, in any format of `open_footage`: what `idfree data check` does.

    images: the video, or folder of the images, if not beside the labels. half: of each video. set: `name=value`
    overrides of FootageSettings, also `data.name=value`. decode_all: decode all images instead of a sample. seed:
    of the sample. Raises UserError if no source can be read.
    """
    faults: list[str] = []
    sources = as_list(data)
    reid = [Path(source) for source in sources if is_reid(source)]
    others = [source for source in sources if Path(source) not in reid]
    settings = name_all_classes(others, FootageSettings.read(set))
    footages = open_readable(others, half, images, settings, faults.append)
    random = np.random.default_rng(seed)
    checked = progress(footages, "checking", len(footages), quiet, "sources")
    reports = [check_footage(footage, random, decode_all=decode_all) for footage in checked]
    reports += [check_reid(folder, part, random, decode_all) for folder in reid for part in reid_parts(folder)]
    if faults and not reports:
        raise UserError(faults[0] + f" (faults: {len(faults)}, this is the first)" * (len(faults) > 1))
    return DataCheck(reports, faults)


def open_readable(
    sources: Sequence[str | Path],
    half: Half,
    images: str | Path | None,
    settings: FootageSettings,
    on_fault: OnFault,
) -> list[Footage]:
    """The footage of the sources that can be read; on_fault: called for those that cannot, and for invalid labels."""
    footages: list[Footage] = []
    for source in sources:
        try:
            footages += open_footage(source, half, images, settings, on_fault)
        except UserError as error:
            on_fault(str(error))
    check_one_video(None if images is None else Path(images), len(footages))
    return footages


def check_reid(folder: Path, part: Part, random: np.random.Generator, decode_all: bool = False) -> DataReport:
    """Check one part of Market-1501 or MSMT17. random, decode_all: as in `check_footage`. Raises UserError."""
    footage = crops_as_footage(read_reid(folder, part), f"{folder.resolve().name} {part}", folder)
    report = check_footage(footage, random, decode_all=decode_all)
    feeds = ("simplereid",) if part == "train" and (report.statistics["identities"] or 0) > 1 else ()
    return replace(report, kind="crops", feeds=feeds)


def check_footage(
    footage: Footage, random: np.random.Generator, settings: CheckSettings | None = None, decode_all: bool = False
) -> DataReport:
    """Check the labels and images of a footage.

    random: draws the images that are decoded. decode_all: decode all images instead of a sample.
    """
    settings = settings or CheckSettings()
    images = check_images(footage, random, settings.sample, decode_all)
    objects = footage.boxes[footage.boxes.score != 0]
    degenerate = ~has_area(objects.xyxy, settings.min_side)
    outside, beyond = boxes_outside(objects, images.size, settings.beyond)
    duplicates = duplicate_ids(objects)
    jumps = jumping_ids(objects, settings, footage.frame_rate) if footage.is_sequence else duplicates[:0]
    statistics: Statistics = {
        "images": footage.length,
        "boxes": len(objects),
        "ignored": len(footage.boxes) - len(objects),
        "identities": len(np.unique(objects.id[objects.id >= 0])),
        "boxes_per_image": len(objects) / footage.length if footage.length else None,
        **height_quantiles(objects[~degenerate]),
        "beyond": int(beyond.sum()),
        "outside": int(outside.sum()),
        "degenerate": int(degenerate.sum()),
        "duplicates": len(duplicates),
        "jumps": len(jumps),
        "missing": len(images.missing) if footage.paths else footage.length,
        "unreadable": len(images.unreadable),
    }
    warnings = [*image_warnings(footage, images)]
    warnings += box_warnings(footage, objects[degenerate], "has no area")
    warnings += box_warnings(footage, objects[outside & ~degenerate], "lies outside the image")
    warnings += box_warnings(footage, objects[duplicates], "has an id that another box of the image has")
    warnings += box_warnings(footage, objects[jumps], "is far from where its id was before")
    kind = "video" if footage.is_sequence else "stills"
    methods = usable_methods(footage, statistics)
    return DataReport(footage.name, str(footage.source), kind, statistics, methods, tuple(warnings))


def height_quantiles(objects: Annotation) -> Statistics:
    """Quantiles of the boxes' heights in px, None without boxes."""
    height = objects.xyxy[:, 3] - objects.xyxy[:, 1]
    return {name: float(np.quantile(height, q)) if len(height) else None for name, q in QUANTILES.items()}


def boxes_outside(objects: Annotation, size: Floats, tolerance: float) -> tuple[Mask, Mask]:
    """Masks (K,): boxes entirely outside their image, and other boxes that extend beyond it by over `tolerance` px.

    size: (L, 2) height and width of each image; both masks are False where it is NaN.
    """
    height, width = size[objects.frame - 1].T
    left, top, right, bottom = objects.xyxy.T
    outside = (left >= width) | (top >= height) | (right <= 0) | (bottom <= 0)
    excess = np.maximum.reduce([-left, -top, right - width, bottom - height])  # comparisons with NaN are False
    return outside, (excess > tolerance) & ~outside


def duplicate_ids(objects: Annotation) -> Integers:
    """Rows whose id occurs in an earlier row of the same frame."""
    order = np.lexsort((objects.id, objects.frame))
    rows = objects[order]
    is_duplicate = (np.diff(rows.frame) == 0) & (np.diff(rows.id) == 0) & (rows.id[1:] >= 0)
    return np.sort(order[1:][is_duplicate])


def jumping_ids(objects: Annotation, settings: CheckSettings, frame_rate: float) -> Integers:
    """Rows that are too far from the previous box of their id (see CheckSettings.max_jump)."""
    order = np.lexsort((objects.frame, objects.id))
    rows = objects[order]
    pause, side = np.diff(rows.frame), rows.xyxy[:, 2:] - rows.xyxy[:, :2]
    distance = np.hypot(*np.diff(rows.xyxy[:, :2] + rows.xyxy[:, 2:], axis=0).T) / 2
    longer_side = np.maximum(side[1:], side[:-1]).max(axis=1, initial=0)
    same_id = (np.diff(rows.id) == 0) & (rows.id[1:] >= 0) & (pause >= 1) & (pause <= settings.max_pause * frame_rate)
    disjoint = paired_iou(rows.xyxy[:-1], rows.xyxy[1:]) == 0
    return np.sort(order[1:][same_id & disjoint & (distance > settings.max_jump * longer_side)])


def image_warnings(footage: Footage, images: ImageCheck) -> Iterator[str]:
    """A message for each image that is missing, damaged or of an unexpected size; a single one if there are none."""
    if not footage.paths:
        yield f"{footage.source}: there are no images beside it (--images PATH)"
    elif len(images.missing) == footage.length:
        yield f"{footage.source}: none of its images is there (--images PATH); looked for {footage.paths[0]} …"
    else:
        yield from dict.fromkeys(images.missing.values())
    yield from (*images.unreadable.values(), *images.unexpected_size.values())
    if not footage.fully_labelled:
        yield f"{footage.source}: {TRACKLETS_ONLY}"


def box_warnings(footage: Footage, objects: Annotation, fault: str) -> Iterator[str]:
    """A message for each box."""
    for frame, id, xyxy in zip(objects.frame.tolist(), objects.id.tolist(), objects.xyxy.tolist(), strict=True):
        corners = ", ".join(f"{side:.10g}" for side in np.round(xyxy, 1))
        identity = f" (id {id})" if id >= 0 else ""
        yield f"{footage.source}: {footage.location(frame)}: the box {corners}{identity} {fault}"


def usable_methods(footage: Footage, statistics: Mapping[str, float | None]) -> tuple[str, ...]:
    """Names of the methods whose needs the footage meets."""
    is_met: dict[Need, bool] = {
        "boxes": bool(statistics["boxes"]) and statistics["missing"] != statistics["images"],
        "all boxes": footage.fully_labelled,
        "identities": (statistics["identities"] or 0) > 1,
        "video": footage.is_sequence,
    }
    return tuple(name for name, method in METHODS.items() if all(is_met[need] for need in method.needs))
