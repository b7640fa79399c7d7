"""The zip that a benchmark's server takes, checked against its rules before the server does.

The rules are those of motchallenge.net/instructions: one text file per sequence in the root of the archive, named
exactly like the sequence, ten values a line, frames and ids from 1. The MOTChallenge server asks for the training
sequences too (for MOT17 "42 needed": FairMOT issue 301; for MOT20 eight: ByteTrack issue 439; MOT16: FairMOT issue 152;
MOT15 by analogy). DanceTrack's asks for a folder `tracker` with the test sequences (its README, "Competition").
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.files import whole
from idfree.core.types import Floats
from idfree.sequences.folders import contents, files
from idfree.sequences.rows import NUMBER, read_text

COLUMNS = 10  # frame, id, x, y, w, h, confidence, and a 3-D position that nobody looks at
WRITTEN = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: equal results make equal archives
LINES_NAMED = 3  # of each fault of a file; the rest are counted

# Frames of each sequence: Leal-Taixé 2015, Milan 2016 and Dendorfer 2020 (the totals are in the tests).
MOT15 = {
    **{"ADL-Rundle-6": 525, "ADL-Rundle-8": 654, "ETH-Bahnhof": 1000, "ETH-Pedcross2": 837, "ETH-Sunnyday": 354},
    **{"KITTI-13": 340, "KITTI-17": 145, "PETS09-S2L1": 795, "TUD-Campus": 71, "TUD-Stadtmitte": 179, "Venice-2": 600},
    **{"ADL-Rundle-1": 500, "ADL-Rundle-3": 625, "AVG-TownCentre": 450, "ETH-Crossing": 219, "ETH-Jelmoli": 440},
    **{"ETH-Linthescher": 1194, "KITTI-16": 209, "KITTI-19": 1059, "PETS09-S2L2": 436, "TUD-Crossing": 201},
    **{"Venice-1": 450},
}
MOT16 = {
    **{"02": 600, "04": 1050, "05": 837, "09": 525, "10": 654, "11": 900, "13": 750},
    **{"01": 450, "03": 1500, "06": 1194, "07": 500, "08": 625, "12": 900, "14": 750},
}
MOT20 = {"01": 429, "02": 2782, "03": 2405, "05": 3315, "04": 2080, "06": 1008, "07": 585, "08": 806}
DETECTORS = ("DPM", "FRCNN", "SDP")
DANCETRACK_TEST = (
    *(3, 9, 11, 13, 17, 21, 22, 28, 31, 36, 38, 40, 42, 46, 48, 50, 54, 56, 59, 60, 64, 67, 70, 71, 76, 78, 84, 85, 88),
    *(89, 91, 92, 93, 95, 100),
)


@dataclass(frozen=True)
class Benchmark:
    """What a server asks for: its sequences, each with its number of frames (None: not known), in a folder or none.

    training: whether those of the training set are among them.
    """

    lengths: dict[str, int | None]
    folder: str = ""
    training: bool = True


BENCHMARKS = {
    "MOT15": Benchmark(dict(MOT15)),
    "MOT16": Benchmark({f"MOT16-{number}": length for number, length in MOT16.items()}),
    "MOT17": Benchmark({f"MOT17-{number}-{d}": length for number, length in MOT16.items() for d in DETECTORS}),
    "MOT20": Benchmark({f"MOT20-{number}": length for number, length in MOT20.items()}),
    "DanceTrack": Benchmark(
        dict.fromkeys(f"dancetrack{number:04}" for number in DANCETRACK_TEST), "tracker/", training=False
    ),
}


def pack(results: Path | str, out: Path | str, benchmark: str = "auto") -> list[str]:
    """Write the submission of a folder of results to the zip `out`; gives the names of the sequences in it.

    benchmark: one of BENCHMARKS, or auto: the one whose sequences are there. Other files are left out. A MOT17 result
    without a detector in its name (`MOT17-01.txt`: a detector of one's own) stands for all three.
    Raises UserError with everything that is wrong, by file and line: a sequence without a file, lines that have not
    ten values, numbers that are not finite, frames outside the sequence, ids below 1 or twice in a frame, boxes
    without a size. Equal results make equal archives.
    """
    results = Path(results)
    if not results.is_dir():
        raise UserError(f"{results} is a file, expected a folder" if results.exists() else f"no such folder: {results}")
    found = {path.stem: path for path in files(results, (".txt",)) if path.suffix == ".txt"}
    if benchmark == "auto":
        benchmark = recognise(found, results)
    if benchmark not in BENCHMARKS:
        raise UserError(f"no benchmark {benchmark!r}, expected auto or one of {', '.join(BENCHMARKS)}")
    asked = BENCHMARKS[benchmark]
    sources = {name: found.get(name) or found.get(undetected(name)) for name in sorted(asked.lengths)}
    faults = missing([name for name, path in sources.items() if path is None], asked)
    texts = {path: read_text(path) for path in dict.fromkeys(sources.values()) if path}
    lengths = {path: asked.lengths[name] for name, path in sources.items()}
    faults += [f"{path.name}: {fault}" for path, text in texts.items() for fault in file_faults(text, lengths[path])]
    if faults:
        raise UserError(f"{results} is not what the server of {benchmark} takes:\n  " + "\n  ".join(faults))
    with whole(out) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sources.items():
            if source:
                write(archive, f"{asked.folder}{name}.txt", texts[source])
    return list(sources)


def recognise(found: dict[str, Path], folder: Path) -> str:
    """The benchmark of which most sequences are among the files found. Raises UserError where there are none."""
    named = {
        name: sum(sequence in found or undetected(sequence) in found for sequence in benchmark.lengths)
        for name, benchmark in BENCHMARKS.items()
    }
    best = max(named, key=lambda name: named[name])
    if not named[best]:
        raise UserError(
            f"{folder} has no results of {', '.join(BENCHMARKS)}: expected files named like the sequences "
            f"(MOT17-01-DPM.txt), found {contents(folder)}"
        )
    return best


def undetected(name: str) -> str:
    """MOT17-01 for MOT17-01-DPM."""
    head, _, tail = name.rpartition("-")
    return head if tail in DETECTORS else name


def missing(names: list[str], asked: Benchmark) -> list[str]:
    """What to say of sequences without a file."""
    if not names:
        return []
    too = ", training sequences too," if asked.training else ""
    verb = "is" if len(names) == 1 else "are"
    return [f"{len(names)} of the {len(asked.lengths)} sequences it asks for{too} {verb} missing: {', '.join(names)}"]


def write(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Add a text file, with the same bytes whenever and wherever it is done."""
    info = zipfile.ZipInfo(name, WRITTEN)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, so that the permissions below are read as such
    info.external_attr = 0o644 << 16
    archive.writestr(info, text)


def file_faults(text: str, length: int | None) -> Iterator[str]:
    """What is wrong with a result file of a sequence of so many frames, each kind of fault in one line."""
    lines = text.split("\n")
    numbers = np.array([number for number, line in enumerate(lines, start=1) if line.strip()], dtype=np.int64)
    rows, unread = parsed(lines, numbers)
    yield from unread
    if len(rows) < len(numbers):  # lines and rows no longer go together
        numbers = np.array([number for number in numbers if values_of(lines[number - 1]) is not None], dtype=np.int64)
    frame, identity, _, _, width, height = rows[:, :6].T
    finite = np.isfinite(rows).all(axis=1)
    last = np.inf if length is None else length
    checks = {
        "a number is not finite": ~finite,
        "the frame is not a whole number": finite & (frame != np.rint(frame)),
        "the id is not a whole number": finite & (identity != np.rint(identity)),
        "the frame is below 1": finite & (frame < 1),
        f"the frame is beyond the last, {length}": finite & (frame > last),
        "the id is below 1": finite & (identity < 1),
        "the width or height is not above 0": finite & ((width <= 0) | (height <= 0)),
    }
    if (again := finite & repeated(frame, identity)).any():
        first = again.argmax()
        checks[f"an id is in its frame already (id {identity[first]:g} in frame {frame[first]:g})"] = again
    for fault, wrong in checks.items():
        if wrong.any():
            yield f"{at_lines(numbers[wrong])}: {fault}"


def parsed(lines: list[str], numbers: NDArray[np.int64]) -> tuple[Floats, list[str]]:
    """The (K, 10) values of the lines that have ten numbers, and what is wrong with the others."""
    wanted = [lines[number - 1] for number in numbers]
    try:
        rows = np.loadtxt(wanted, delimiter=",", comments=None, ndmin=2) if wanted else np.zeros((0, COLUMNS))
        if rows.shape[1] == COLUMNS:
            return rows, []
    except ValueError:
        pass
    values = [values_of(line) for line in wanted]
    columns = np.array([line.count(",") + 1 for line in wanted])
    bad = np.array([value is None for value in values])
    faults = [
        f"{at_lines(numbers[columns == n])}: {n} column{'s' * (n > 1)} separated by commas, expected {COLUMNS}"
        for n in np.unique(columns[columns != COLUMNS]).tolist()
    ]
    if (odd := bad & (columns == COLUMNS)).any():
        faults.append(f"{at_lines(numbers[odd])}: not a number")
    return np.array([value for value in values if value is not None]).reshape(-1, COLUMNS), faults


def values_of(line: str) -> list[float] | None:
    """The ten numbers of a line, None where it has not got them."""
    fields = [field.strip() for field in line.split(",")]
    numbers = len(fields) == COLUMNS and all(NUMBER.fullmatch(field) for field in fields)
    return [float(field) for field in fields] if numbers else None


def repeated(frame: Floats, identity: Floats) -> NDArray[np.bool_]:
    """Where a row has the frame and the id of an earlier one."""
    order = np.lexsort((identity, frame))
    again = (np.diff(frame[order], prepend=np.nan) == 0) & (np.diff(identity[order], prepend=np.nan) == 0)
    result = np.zeros(len(frame), dtype=bool)
    result[order[again]] = True
    return result


def at_lines(numbers: NDArray[np.int64]) -> str:
    """`line 3`, `lines 3, 5`, `lines 3, 5, 7 … (120 lines)`."""
    named = ", ".join(map(str, numbers[:LINES_NAMED].tolist()))
    rest = f" … ({len(numbers)} lines)" if len(numbers) > LINES_NAMED else ""
    return f"line{'s' * (len(numbers) > 1)} {named}{rest}"
