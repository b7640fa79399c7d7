"""write a trained network as an ONNX file that needs no PyTorch, and check that it gives the same outputs

example: idfree export runs/fairmot/best.pt -o model.onnx

Weights of torchvision's fasterrcnn_resnet50_fpn, and of Tracktor's detector, become a detector for --tracker tracktor.
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import output_file


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("checkpoint", type=Path, help="RUN/best.pt or RUN/last.pt; or weights of a Faster R-CNN")
    parser.add_argument(
        "-o", "--out", type=output_file(".onnx"), help="the .onnx file (default: beside the checkpoint)"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Export; return the path."""
    from idfree.pipelines.export import export

    out = export(options.checkpoint, options.out)
    if not (options.json or options.quiet):
        print(f"{out}: ONNX Runtime gives the same outputs as PyTorch does of {options.checkpoint}")
    return {"model": str(out)}
