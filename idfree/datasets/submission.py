"""Check results against the rules of a benchmark server, and pack them into the zip that it accepts.

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
from idfree.core.files import atomic_write, refuse_overwriting
from idfree.core.reading import exists, is_folder, read_text
from idfree.core.types import Floats
from idfree.core.wording import counted
from idfree.sequences.folders import describe_contents, list_files
from idfree.sequences.rows import NUMBER

COLUMNS = 10  # frame, id, x, y, w, h, confidence, and a 3-D position that is not evaluated
TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the earliest of the zip format: equal results give equal archives
LINES_NAMED = 3  # line numbers listed per fault and file; the rest are counted

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
    """The sequences that a server requires, with their number of frames (None: unknown).

    folder: of the files in the archive, with a trailing slash. training: the training sequences are required, too.
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
    """Write a folder of results as a submission to the zip `out`; returns the names of its sequences.

    benchmark: one of BENCHMARKS, or auto to infer it from the file names. Other files are left out. A MOT17 result
    without a detector in its name (`MOT17-01.txt`: a private detector) is used for all three public detectors.
    Equal results give equal archives.
    Raises UserError with all faults, by file and line: missing sequences, lines without ten values, numbers that are
    not finite, frames outside the sequence, ids below 1 or repeated in a frame, boxes without a size.
    """
    results = Path(results)
    if not is_folder(results):
        raise UserError(f"{results} is a file, expected a folder" if exists(results) else f"no such folder: {results}")
    files = {path.stem: path for path in list_files(results, (".txt",)) if path.suffix == ".txt"}
    if benchmark == "auto":
        benchmark = infer_benchmark(files, results)
    if benchmark not in BENCHMARKS:
        raise UserError(f"no benchmark {benchmark!r}, expected auto or one of {', '.join(BENCHMARKS)}")
    required = BENCHMARKS[benchmark]
    sources = {name: files.get(name) or files.get(without_detector(name)) for name in sorted(required.lengths)}
    faults = missing_faults([name for name, path in sources.items() if path is None], required)
    refuse_overwriting([Path(out)], files.values())
    texts = {path: read_text(path) for path in dict.fromkeys(sources.values()) if path}
    lengths = {path: required.lengths[name] for name, path in sources.items()}
    faults += [f"{path.name}: {fault}" for path, text in texts.items() for fault in file_faults(text, lengths[path])]
    if faults:
        raise UserError(f"{results} is not what the server of {benchmark} takes:\n  " + "\n  ".join(faults))
    with atomic_write(out) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sources.items():
            if source:
                write_entry(archive, f"{required.folder}{name}.txt", texts[source])
    return list(sources)


def infer_benchmark(files: dict[str, Path], folder: Path) -> str:
    """The benchmark with the most sequences among `files` (by stem). Raises UserError if there are none."""
    counts = {
        name: sum(sequence in files or without_detector(sequence) in files for sequence in benchmark.lengths)
        for name, benchmark in BENCHMARKS.items()
    }
    best = max(counts, key=lambda name: counts[name])
    if not counts[best]:
        raise UserError(
            f"{folder} has no results of {', '.join(BENCHMARKS)}: expected files named like the sequences "
            f"(MOT17-01-DPM.txt), found {describe_contents(folder)}"
        )
    return best


def without_detector(name: str) -> str:
    """MOT17-01-DPM → MOT17-01."""
    head, _, tail = name.rpartition("-")
    return head if tail in DETECTORS else name


def missing_faults(names: list[str], required: Benchmark) -> list[str]:
    """The message about sequences without a file, if there are any."""
    if not names:
        return []
    too = ", training sequences too," if required.training else ""
    verb = "is" if len(names) == 1 else "are"
    return [
        f"{len(names)} of the {len(required.lengths)} sequences it asks for{too} {verb} missing: {', '.join(names)}"
    ]


def write_entry(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Add a text file to an archive, with bytes that do not depend on the time or the platform."""
    info = zipfile.ZipInfo(name, TIMESTAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, so that the permissions below are read as such
    info.external_attr = 0o644 << 16
    archive.writestr(info, text)


def file_faults(text: str, length: int | None) -> Iterator[str]:
    """The faults of a result file, one message per kind; length: frames of the sequence, None if unknown."""
    lines = text.split("\n")
    numbers = np.array([number for number, line in enumerate(lines, start=1) if line.strip()], dtype=np.int64)
    rows, faults = parse_rows(lines, numbers)
    yield from faults
    if len(rows) < len(numbers):  # keep the line numbers of the parsed rows
        numbers = np.array([number for number in numbers if parse_row(lines[number - 1]) is not None], dtype=np.int64)
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
    if (duplicate := finite & repeats_earlier_row(frame, identity)).any():
        first = duplicate.argmax()
        checks[f"an id is in its frame already (id {identity[first]:g} in frame {frame[first]:g})"] = duplicate
    for fault, mask in checks.items():
        if mask.any():
            yield f"{format_lines(numbers[mask])}: {fault}"


def parse_rows(lines: list[str], numbers: NDArray[np.int64]) -> tuple[Floats, list[str]]:
    """The values (K, 10) of the valid lines among those numbered, and messages about the others."""
    selected = [lines[number - 1] for number in numbers]
    rows = load_rows(selected)
    if rows is not None:
        return rows, []
    parsed = [parse_row(line) for line in selected]
    columns = np.array([line.count(",") + 1 for line in selected])
    invalid = np.array([row is None for row in parsed])
    faults = [
        f"{format_lines(numbers[columns == n])}: {counted(n, 'column')} separated by commas, expected {COLUMNS}"
        for n in np.unique(columns[columns != COLUMNS]).tolist()
    ]
    if (not_numbers := invalid & (columns == COLUMNS)).any():
        faults.append(f"{format_lines(numbers[not_numbers])}: not a number")
    return np.array([row for row in parsed if row is not None]).reshape(-1, COLUMNS), faults


def load_rows(lines: list[str]) -> Floats | None:
    """The values (K, 10) of lines by NumPy's parser, which is fast; None if a line is invalid, but not which one."""
    if not lines:
        return np.zeros((0, COLUMNS))
    try:
        rows = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
    except ValueError:  # a line with another number of columns, or something else than a number
        return None
    return rows if rows.shape[1] == COLUMNS else None


def parse_row(line: str) -> list[float] | None:
    """The ten numbers of a line, None if it is invalid."""
    fields = [field.strip() for field in line.split(",")]
    valid = len(fields) == COLUMNS and all(NUMBER.fullmatch(field) for field in fields)
    return [float(field) for field in fields] if valid else None


def repeats_earlier_row(frame: Floats, identity: Floats) -> NDArray[np.bool_]:
    """(K,) mask of the rows with the frame and id of an earlier row."""
    order = np.lexsort((identity, frame))
    repeated = (np.diff(frame[order], prepend=np.nan) == 0) & (np.diff(identity[order], prepend=np.nan) == 0)
    result = np.zeros(len(frame), dtype=bool)
    result[order[repeated]] = True
    return result


def format_lines(numbers: NDArray[np.int64]) -> str:
    """`line 3`, `lines 3, 5`, `lines 3, 5, 7 … (120 lines)`."""
    listed = ", ".join(map(str, numbers[:LINES_NAMED].tolist()))
    rest = f" … ({len(numbers)} lines)" if len(numbers) > LINES_NAMED else ""
    return f"line{'s' * (len(numbers) > 1)} {listed}{rest}"
