"""write a trained network as an ONNX file that needs no PyTorch, and check that it says the same

example: idfree export runs/fairmot/best.pt -o model.onnx
"""

import argparse
from pathlib import Path
from typing import Any


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    parser.add_argument("checkpoint", type=Path, help="RUN/best.pt or RUN/last.pt")
    parser.add_argument("-o", "--out", type=Path, help="the file (default: beside the checkpoint, .onnx)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Export; gives the path."""
    from idfree.learn.checkpoint import load
    from idfree.learn.methods import registry, simplereid

    out = options.out or options.checkpoint.with_suffix(".onnx")
    if load(options.checkpoint)["settings"].get("method") == "simplereid":
        simplereid.export(simplereid.open_checkpoint(options.checkpoint), out, {})
    else:
        registry.export(options.checkpoint, out)
    if not options.json:
        print(f"{out}: ONNX Runtime makes of it what PyTorch makes of {options.checkpoint}")
    return {"model": str(out)}
