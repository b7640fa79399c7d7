"""check results against the rules of a benchmark's server, and zip them for it

example: idfree data pack runs/track/test -o mot17.zip --benchmark MOT17
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import output_file
from idfree.core.wording import counted


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("results", type=Path, help="folder of NAME.txt")
    parser.add_argument("-o", "--out", type=output_file(".zip"), help="the .zip file (default: RESULTS.zip)")
    parser.add_argument(
        "--benchmark",
        default="auto",
        help="MOT15, MOT16, MOT17, MOT20, DanceTrack or auto, by the names of the files (default: auto)",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Zip results; return the names of the files in the zip."""
    from idfree.datasets.submission import pack

    results: Path = options.results
    out = options.out or results.with_name(results.resolve().name + ".zip")
    names = pack(results, out, options.benchmark)
    if not (options.json or options.quiet):
        print(f"{out}: {counted(len(names), 'file')}, ready to upload")
    return {"zip": str(out), "files": names}
