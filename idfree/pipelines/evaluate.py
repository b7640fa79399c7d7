"""Results beside their truth, sequence by sequence: what `idfree eval` and its kin compare."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation.frame_subset import every, half
from idfree.sequences.motchallenge import find_sequences, names_of, read_results, read_seqinfo, read_truth

LOG = logging.getLogger("idfree")
ReadBoxes = Callable[[Path], Annotation]
Part = Literal["none", "train", "val"]


@dataclass(frozen=True)
class TruthAndResults:
    """The truth and the results of one sequence. frames: its length, None if nothing says; names: for messages."""

    name: str
    truth: Annotation
    results: Annotation
    frames: int | None
    names: tuple[str, str]

    def last(self) -> int:
        """The sequence's length, or the last frame that either side has."""
        return self.frames or int(max(self.truth.frame.max(initial=0), self.results.frame.max(initial=0)))


def pair(
    results: Path,
    truth: Path,
    part: Part = "none",
    step: int = 1,
    read: ReadBoxes = read_results,
    layouts: tuple[str, ...] = ("{}.txt",),
    skip_missing: bool = False,
) -> Iterator[TruthAndResults]:
    """Every sequence of `truth` with its results, cut to a half or to each `step`-th frame, renumbered from 1.

    truth: a folder of MOTChallenge sequences, one of them, or a gt.txt. results: a folder of NAME.txt (or what
    `layouts` says in place of it), or a file for a single sequence. A sequence without results is paired with none, so
    that all of it is missed, unless `skip_missing`; that, and files without a sequence, is said in a warning.
    Raises UserError where nothing fits together.
    """
    found = truths(truth)
    if not results.exists():
        raise UserError(f"no such file or folder: {results}")
    files = {name: result_file(results, name, len(found) == 1, layouts) for name in found}
    if not any(files.values()):
        names = ", ".join(layouts[0].format(name) for name in list(found)[:3])
        raise UserError(f"{results}: nothing for any of the sequences in {truth}; expected {names} …")
    warn_of_strangers(results, {file for file in files.values() if file}, layouts)
    for name, path in found.items():
        file = files[name]
        if file is None:
            LOG.warning("%s: nothing for %s: %s", results, name, "left out" if skip_missing else "all of it is missed")
            if skip_missing:
                continue
        boxes = read(file) if file else Annotation.empty()
        yield cut(TruthAndResults(name, read_truth(path), boxes, length(path), (str(path), str(file))), part, step)


def truths(truth: Path) -> dict[str, Path]:
    """The gt.txt of every sequence, by its name."""
    if truth.is_file():
        home = truth.parent.parent if truth.parent.name == "gt" else truth.parent
        return {home.name: truth}
    found = {folder.name: folder / "gt" / "gt.txt" for folder in find_sequences(truth)}
    known = {name: path for name, path in found.items() if path.is_file()}
    if not known:
        raise UserError(f"{truth}: none of its {len(found)} sequences has a gt/gt.txt")
    for name in found.keys() - known.keys():
        LOG.warning("%s: has no gt/gt.txt, left out", truth / name)
    return known


def length(truth: Path) -> int | None:
    """How many frames the sequence of a gt.txt has; None where there is no seqinfo.ini to ask."""
    folder = truth.parent.parent
    return read_seqinfo(folder).length if (folder / "seqinfo.ini").is_file() else None


def result_file(results: Path, name: str, alone: bool, layouts: tuple[str, ...]) -> Path | None:
    """The results of a sequence, None if there are none."""
    if results.is_file():
        return results if alone or results.stem in names_of(name) else None
    candidates = (results / layout.format(known) for known in names_of(name) for layout in layouts)
    return next((path for path in candidates if path.is_file()), None)


def warn_of_strangers(results: Path, used: set[Path], layouts: tuple[str, ...]) -> None:
    """Name result files that belong to no sequence."""
    if results.is_dir():
        strangers = {path.name for layout in layouts for path in results.glob(layout.format("*"))} - {
            p.name for p in used
        }
        if strangers:
            LOG.warning("%s: not scored, the truth has no such sequence: %s", results, ", ".join(sorted(strangers)))


def cut(pair: TruthAndResults, part: Part, step: int) -> TruthAndResults:
    """A half of a sequence, or each `step`-th frame of it. Raises UserError where no result lies in that half."""
    truth, results, frames = pair.truth, pair.results, pair.frames
    if part != "none":
        whole, before = pair.last(), len(results)
        truth, frames = half(truth, whole, part)
        results, _ = half(results, whole, part)
        if before and not len(results):
            raise UserError(
                f"{pair.names[1]}: no box in the {part} half of {pair.name} ({whole} frames):"
                " results are numbered as in the whole sequence"
            )
    if step > 1:
        whole = frames or pair.last()
        truth, frames = every(truth, step, whole)
        results, _ = every(results, step, whole)
    return TruthAndResults(pair.name, truth, results, frames, pair.names)
