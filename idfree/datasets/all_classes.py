"""The setting `classes=all`: all classes of MOTChallenge folders, by their names or numbers there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.datasets.footage import ALL, CHOOSE, PEOPLE, FootageSettings
from idfree.datasets.motchallenge_classes import has_own_classes
from idfree.datasets.motchallenge_labels import GROUND_TRUTH, class_names_of, is_motchallenge
from idfree.sequences.motchallenge import find_sequences, ground_truth_class_names, read_ground_truth


def name_all_classes(paths: Sequence[str | Path], settings: FootageSettings) -> FootageSettings:
    """The settings with the classes of all boxes that are not marked 0, in order of their numbers, in place of `all`.

    Settings that name classes are returned as they are. Raises UserError for `all` and another format than
    MOTChallenge's.
    """
    if settings.names != (ALL,):
        return settings
    others = [path for path in paths if not is_motchallenge(Path(path))]
    if others:
        raise UserError(f"classes=all: is for MOTChallenge folders; name the classes of {others[0]} ({CHOOSE}…)")
    files = [file for path in paths for file in ground_truth_files(Path(path))]
    found = {name: number for file in files for number, name in sorted(classes_in(file).items())}
    return replace(settings, classes=",".join(sorted(found, key=lambda name: found[name])) or PEOPLE[0])


def ground_truth_files(path: Path) -> list[Path]:
    """The gt.txt of a path that is one, a sequence, or a folder of sequences."""
    if not path.is_dir():
        return [path]
    return [folder / GROUND_TRUTH for folder in find_sequences(path) if (folder / GROUND_TRUTH).is_file()]


def classes_in(path: Path) -> dict[int, str]:
    """Names by number of the classes of a gt.txt with boxes that are not marked 0; the number as text without a name.

    If all other classes than pedestrians are marked 0, as in MOTChallenge's own data, {1: "person"}.
    """
    ground_truth = read_ground_truth(path)
    names = dict(enumerate(class_names_of(path.parent.parent), start=1))
    names = names or {number: name for name, number in (ground_truth_class_names(path) or {}).items()}
    if not names and not has_own_classes(ground_truth):
        return {1: PEOPLE[0]} if len(ground_truth) else {}
    numbers = np.unique(ground_truth.class_id[ground_truth.score != 0])
    return {number: names.get(number, str(number)) for number in numbers.tolist()}
