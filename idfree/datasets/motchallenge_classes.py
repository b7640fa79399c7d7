"""Classes of a gt.txt: which are objects to train on, which are regions to ignore."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.messages import warn_once
from idfree.core.types import Annotation, Integers
from idfree.datasets.footage import CHOOSE, PEOPLE, FootageSettings
from idfree.sequences.motchallenge import PEDESTRIAN, ground_truth_class_names

MOT_CLASSES = (  # Milan 2016, table 3, and 13 of MOT20; numbered from 1
    *("pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle", "static person"),
    *("distractor", "occluder", "occluder on the ground", "occluder full", "reflection", "crowd"),
)
# Classes that resemble pedestrians (Milan 2016, table 3; Dendorfer 2020): person on vehicle, non-motorised vehicle,
# static person, distractor, reflection, crowd. All other classes are background.
IGNORED_CLASSES = (2, 6, 7, 8, 12, 13)


def select_classes(
    ground_truth: Annotation, settings: FootageSettings, path: Path, names: Sequence[str] = ()
) -> Annotation:
    """The objects of the classes of `settings`, class_id their position there, and the regions to ignore (score 0).

    Boxes marked 0 are ignored, and so are IGNORED_CLASSES, unless the file has classes of its own; boxes of other
    classes are left out. By default, people are objects: class 1, and boxes without a class; a warning says what
    becomes of other classes that are not marked 0. An unknown visibility (−1) becomes 1.

    path: of gt.txt. names: of its classes from 1, if it names them. Raises UserError for a class that is unknown.
    """
    by_default = settings.names == PEOPLE and not names
    chosen = (PEDESTRIAN,) if by_default else class_numbers(settings.names, ground_truth, path, names)
    number = ground_truth.class_id if 0 in chosen else np.maximum(ground_truth.class_id, PEDESTRIAN)
    is_own = has_own_classes(ground_truth)
    if by_default and is_own:
        warn_about_classes(ground_truth, number, path)
    matches = number[:, None] == np.array(chosen)
    index = np.where(matches.any(axis=1), matches.argmax(axis=1), -1)
    marked = ground_truth.score != 0
    is_ignored = ~marked & ((index >= 0) | (ground_truth.class_id == 0))
    if by_default or not is_own:
        is_ignored |= np.isin(number, IGNORED_CLASSES) & (index < 0)
    return replace(
        ground_truth,
        score=((index >= 0) & marked).astype(np.float64),
        class_id=np.where(index >= 0, index, number - PEDESTRIAN),
        visibility=np.where(ground_truth.visibility < 0, 1.0, ground_truth.visibility),
    )[(index >= 0) & marked | is_ignored]


def class_numbers(
    wanted: Sequence[str], ground_truth: Annotation, path: Path, names: Sequence[str] = ()
) -> tuple[int, ...]:
    """The numbers of classes given by number or name. Raises UserError for one that the file does not have.

    names: of the classes from 1; without, MOTChallenge's or VisDrone's are known unless the file has its own.
    """
    if all(name.isdecimal() for name in wanted):
        return tuple(map(int, wanted))
    known = {name: number for number, name in enumerate(names, start=1)}
    if not names and not (has_own_classes(ground_truth) and ground_truth_class_names(path) is None):
        known = ground_truth_class_names(path) or {name: k for k, name in enumerate(MOT_CLASSES, start=1)}
        known = {PEOPLE[0]: PEDESTRIAN, **known}
    numbers = [int(name) if name.isdecimal() else known.get(name) for name in wanted]
    for name, number in zip(wanted, numbers, strict=True):
        if number is None:
            there = ", ".join(known) or f"the numbers {join(np.unique(ground_truth.class_id))}"
            raise UserError(f"{path}: has no class {name!r}, there are: {there} (choose with {CHOOSE}…)")
    return tuple(number for number in numbers if number is not None)


def has_own_classes(ground_truth: Annotation) -> bool:
    """Whether boxes of other classes than pedestrians are not marked 0, as they are in all sets of MOTChallenge."""
    marked = np.unique(ground_truth.class_id[ground_truth.score != 0])
    return bool(np.any(marked > PEDESTRIAN) or (0 in marked and PEDESTRIAN in marked))


def warn_about_classes(ground_truth: Annotation, number: Integers, path: Path) -> None:
    """Warn of the classes that are not chosen: whether they are ignored or left out, and how to keep them."""
    marked = ground_truth.score != 0
    others = {"are regions to ignore": np.isin(number, IGNORED_CLASSES)}
    others["are left out"] = (number != PEDESTRIAN) & ~others["are regions to ignore"]
    parts = [
        f"{np.count_nonzero(rows & marked)} boxes of class {join(np.unique(number[rows & marked]))} {fate}"
        for fate, rows in others.items()
        if np.any(rows & marked)
    ]
    numbers = np.unique(ground_truth.class_id[marked])
    if 0 in numbers:
        parts.append("classes 0 and 1 are taken for people")
    warn_once(f"%s: %s: keep them apart with {CHOOSE}%s", path, ", ".join(parts), join(numbers, ","))


def join(numbers: Integers, separator: str = ", ") -> str:
    """Numbers as text."""
    return separator.join(map(str, numbers.tolist()))
