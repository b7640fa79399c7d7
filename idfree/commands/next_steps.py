"""What to type next: lines that commands print below their results, `PURPOSE: COMMAND` each."""

import argparse
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from idfree.core.errors import UserError


def tell(options: argparse.Namespace, *lines: str) -> None:
    """Print steps, or other lines, but "", unless the command is to be quiet or prints JSON."""
    if not (options.quiet or options.json):
        for line in filter(None, lines):
            print(line)


def next_step(purpose: str, command: str) -> str:
    """One line. purpose: as in "To track with it"."""
    return f"{purpose}: {command}"


def command_line(*words: object) -> str:
    """The command `idfree WORDS`, quoted for a shell. A relative path that begins with a dash gets `./` before it."""
    texts = (f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word) for word in words)
    return shlex.join(["idfree", *texts])


def view_step(results: Path, source: str | Path | None, *options: object) -> str:
    """How to watch tracks. source: the video; left out if it is None or cannot be read again, as of a camera."""
    can_be_read = source is not None and (Path(source).is_file() or Path(source).is_dir())
    words = ("view", results, *[source] * can_be_read, *options)
    return next_step("To see the mistakes" if options else "To watch and correct the tracks", command_line(*words))


def frame_options(options: argparse.Namespace) -> list[str]:
    """The options that select the same frames again (see `common_options.add_frames`)."""
    values = {"every": (options.every, 1), "start": (options.start, 1), "frames": (options.frames, None)}
    return [word for name, (value, default) in values.items() if value != default for word in (f"--{name}", str(value))]


def video_called(name: str, sources: Iterable[str]) -> Path | None:
    """The video of a sequence, among several and in folders of several; None if there is none of this name."""
    from idfree.pipelines.video_jobs import find_videos, result_name

    for source in sources:
        try:
            found = [path for path in find_videos(source) if result_name(path) == name]
        except UserError:  # a camera or an address
            continue
        if found:
            return found[0]
    return None


def has_ground_truth(sources: Sequence[str]) -> bool:
    """Whether the only source is a MOTChallenge sequence with ground truth, or a folder of such sequences."""
    files = [file for pattern in ("gt/gt.txt", "*/gt/gt.txt") for file in Path(sources[0]).glob(pattern)]
    return len(sources) == 1 and bool(files)
