"""prepare data: `pack` results for the MOTChallenge server

example: idfree data pack runs/track/test -o mot17.zip --benchmark MOT17
"""

import argparse
from pathlib import Path
from typing import Any


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    kinds = parser.add_subparsers(metavar="pack", required=True)
    pack = kinds.add_parser("pack", help="check results and zip them as the server wants them")
    pack.add_argument("results", type=Path, help="a folder of NAME.txt")
    pack.add_argument("-o", "--out", type=Path, help="the zip (default: RESULTS.zip)")
    pack.add_argument(
        "--benchmark", default="auto", help="MOT15, MOT16, MOT17, MOT20 or DanceTrack; auto looks at names"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Pack; gives the names of the files in the zip."""
    from idfree.sequences.submission import pack

    results: Path = options.results
    out = options.out or results.with_name(results.resolve().name + ".zip")
    names = pack(results, out, options.benchmark)
    if not options.json:
        print(f"{out}: {len(names)} files, ready to upload")
    return {"zip": str(out), "files": names}
