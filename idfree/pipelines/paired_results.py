"""Pair the result files of sequences with their ground truth, and select the frames that are evaluated."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.pipes import is_of_system
from idfree.core.reading import exists, is_file
from idfree.core.types import Annotation
from idfree.core.wording import counted
from idfree.evaluation.frame_subset import select_every_nth, select_first, select_half
from idfree.sequences.degenerate import warn_of_degenerate
from idfree.sequences.motchallenge import (
    candidate_names,
    find_sequences,
    measured_seqinfo,
    read_ground_truth,
    read_results,
    read_seqinfo,
)
from idfree.sequences.same_video import video_name, warn_of_other_name

LOG = logging.getLogger("idfree")
Reader = Callable[[Path], Annotation]
SUGGESTED = 3  # folders, in a message
EARLIEST_END = 0.9  # of results without a warning, as a fraction of the last frame of the ground truth
Half = Literal["none", "train", "val"]


@dataclass(frozen=True)
class PairedResults:
    """Ground truth and results of one sequence.

    frames: length of the sequence, None if unknown. files: of the ground truth and the results, for messages.
    """

    name: str
    ground_truth: Annotation
    results: Annotation
    frames: int | None
    files: tuple[str, str]

    def last_frame(self) -> int:
        """Length of the sequence if known, otherwise the last frame with a box."""
        return self.frames or int(max(self.ground_truth.frame.max(initial=0), self.results.frame.max(initial=0)))


def pair_results(
    results: Path,
    truth: Path,
    half: Half = "none",
    every: int = 1,
    read: Reader = read_results,
    layouts: tuple[str, ...] = ("{}.txt",),
    skip_missing: bool = False,
    frames: int | None = None,
) -> Iterator[PairedResults]:
    """Yield the ground truth and results of each sequence, of a half or every n-th frame of it, renumbered from 1.

    truth: a folder of MOTChallenge sequences, one of them, or a gt.txt. results: a folder of files, or one file for a
    single sequence, of several that of its name; layouts: file names of a sequence in that folder; read: reads a file.
    frames: only the first so many of each sequence, all by default.
    A sequence without results is paired with no boxes, or skipped if `skip_missing`; this, and files of no sequence,
    is logged as a warning, and so is one file that is named after another video than a single truth. Raises UserError
    if no sequence has results, and if every < 1.
    """
    if every < 1:
        raise UserError(f"--every {every}: expected 1 or more")
    if not exists(results):
        raise UserError(f"no such file or folder: {results}")
    ground_truths = find_ground_truth(truth)
    if is_file(results) and len(ground_truths) > 1:
        ground_truths = select_by_name(ground_truths, results, truth)
    elif is_file(results):
        warn_of_other_name(results, video_name(next(iter(ground_truths.values()))))
    files = find_all_results(results, ground_truths, truth, layouts)
    for name, path in ground_truths.items():
        if files[name] is None:
            LOG.warning("%s: nothing for %s: %s", results, name, "left out" if skip_missing else "all of it is missed")
            if skip_missing:
                continue
        pair = read_pair(name, path, files[name], read)
        if frames is None:
            warn_of_early_end(pair)
        else:
            pair = select_first_frames(pair, frames)
        yield select_frames(pair, half, every)


def find_all_results(
    results: Path, names: Iterable[str], truth: Path, layouts: tuple[str, ...]
) -> dict[str, Path | None]:
    """The file of results of each sequence, None without one; warns of files of no sequence.

    truth: of these sequences, for messages. Raises UserError if no sequence has results.
    """
    names = list(names)
    files = {name: find_results(results, name, len(names) == 1, layouts) for name in names}
    if not any(files.values()):
        expected = ", ".join(layouts[0].format(name) for name in names[:3])
        hint = suggest_folder(results, names, layouts)
        raise UserError(f"{results}: nothing for any of the sequences in {truth}; expected {expected} …{hint}")
    warn_about_unused(results, {file for file in files.values() if file}, layouts)
    return files


def read_pair(name: str, truth: Path, results: Path | None, read: Reader) -> PairedResults:
    """The boxes of the gt.txt `truth` and of a file of results, none without one; those without area are warned of."""
    boxes = read(results) if results else Annotation.empty()
    ground_truth = read_ground_truth(truth)
    for side, source in ((boxes, results), (ground_truth, truth)):
        warn_of_degenerate(side, str(source), "match nothing")
    length = sequence_length(truth, int(ground_truth.frame.max(initial=0)))
    return PairedResults(name, ground_truth, boxes, length, (str(truth), str(results)))


def find_ground_truth(truth: Path) -> dict[str, Path]:
    """The gt.txt of each sequence, by name. Raises UserError if there is none; warns of sequences without one."""
    if is_file(truth):
        folder = truth.absolute().parent
        folder = folder.parent if folder.name == "gt" else folder
        return {truth.stem if is_of_system(truth) else folder.name: truth}
    candidates = {folder.name: folder / "gt" / "gt.txt" for folder in find_sequences(truth)}
    files = {name: path for name, path in candidates.items() if path.is_file()}
    if not files:
        raise UserError(f"{truth}: none of its {len(candidates)} sequences has a gt/gt.txt")
    for name in candidates.keys() - files.keys():
        LOG.warning("%s: has no gt/gt.txt, left out", truth / name)
    return files


def select_by_name(ground_truths: dict[str, Path], results: Path, truth: Path) -> dict[str, Path]:
    """The sequences that one file of results is named after, which is said. Raises UserError if there is none."""
    stem = results.stem
    chosen = {name: path for name, path in ground_truths.items() if stem in candidate_names(name)}
    chosen = {stem: chosen[stem]} if stem in chosen else chosen
    if not chosen:
        names = ", ".join(list(ground_truths)[:3]) + (" …" if len(ground_truths) > 3 else "")
        raise UserError(
            f"{results}: one file, but {truth} has {len(ground_truths)} sequences ({names}), none called {stem};"
            " expected a folder of results, or as the truth the folder of its own sequence"
        )
    alone, count = ", ".join(chosen), len(ground_truths)
    LOG.warning("%s: one file: scored against %s alone, of %d sequences", results, alone, count)
    return chosen


def sequence_length(truth: Path, last: int) -> int | None:
    """Number of frames of the sequence of a gt.txt, from its seqinfo.ini; None if there is none.

    last: the last frame with ground truth; if it is beyond that length, the images beside it are counted instead.
    """
    folder = truth.parent.parent
    length = read_seqinfo(folder).length if (folder / "seqinfo.ini").is_file() else None
    return measured_seqinfo(folder).length if length and last > length else length


def find_results(results: Path, name: str, is_only: bool, layouts: tuple[str, ...]) -> Path | None:
    """The file of results of a sequence, None if there is none. is_only: it is the only sequence."""
    if is_file(results):
        return results if is_only or results.stem in candidate_names(name) else None
    candidates = (results / layout.format(other) for other in candidate_names(name) for layout in layouts)
    return next((path for path in candidates if path.is_file()), None)


def suggest_folder(results: Path, names: Iterable[str], layouts: tuple[str, ...]) -> str:
    """The folders in `results` that have results of one of the sequences, as the end of a message; "" if none has."""
    folders = sorted(child for child in results.iterdir() if child.is_dir()) if results.is_dir() else []
    fitting = [folder for folder in folders if any(find_results(folder, name, False, layouts) for name in names)]
    listed = ", ".join(map(str, fitting[:SUGGESTED])) + (" …" if len(fitting) > SUGGESTED else "")
    return f" Did you mean {listed}?" if fitting else ""


def warn_about_unused(results: Path, used: set[Path], layouts: tuple[str, ...]) -> None:
    """Log a warning about result files that belong to no sequence."""
    if results.is_dir():
        names = {path.name for layout in layouts for path in results.glob(layout.format("*"))}
        unused = names - {path.name for path in used}
        if unused:
            LOG.warning("%s: not scored, the truth has no such sequence: %s", results, ", ".join(sorted(unused)))


def warn_of_early_end(pair: PairedResults) -> None:
    """Warn if the results end long before the ground truth does, as those of `track --frames`."""
    last, end = int(pair.results.frame.max(initial=0)), int(pair.ground_truth.frame.max(initial=0))
    if 0 < last < EARLIEST_END * end:
        missed = int(np.count_nonzero(pair.ground_truth.frame > last))
        LOG.warning(
            "%s: no box after frame %d of %d: the %s there count as missed (--frames %d evaluates the frames before)",
            *(pair.files[1], last, end, counted(missed, "true box"), last),
        )


def select_first_frames(pair: PairedResults, count: int) -> PairedResults:
    """The first `count` frames of a sequence. Raises UserError if count < 1."""
    length = min(count, pair.last_frame())
    ground_truth, results = (select_first(boxes, count) for boxes in (pair.ground_truth, pair.results))
    return PairedResults(pair.name, ground_truth, results, length, pair.files)


def select_frames(pair: PairedResults, half: Half, every: int) -> PairedResults:
    """Select a half, and of it every n-th frame. Raises UserError if all results lie in the other half."""
    ground_truth, results, frames = pair.ground_truth, pair.results, pair.frames
    if half != "none":
        length, count = pair.last_frame(), len(results)
        ground_truth, frames = select_half(ground_truth, length, half)
        results, _ = select_half(results, length, half)
        if count and not len(results):
            raise UserError(
                f"{pair.files[1]}: no box in the {half} half of {pair.name} ({counted(length, 'frame')}):"
                " results are numbered as in the whole sequence"
            )
    if every > 1:
        length = frames or pair.last_frame()
        ground_truth, frames = select_every_nth(ground_truth, every, length)
        results, _ = select_every_nth(results, every, length)
    return PairedResults(pair.name, ground_truth, results, frames, pair.files)
