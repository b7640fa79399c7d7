"""Export a trained network to ONNX. Needs PyTorch."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.files import refuse_overwriting
from idfree.core.onnx_session import MODEL_SUFFIXES
from idfree.core.reading import is_file
from idfree.detectors.two_stage import default_names


def export(checkpoint: str | Path, out: str | Path | None = None) -> Path:
    """Write the network of a checkpoint (RUN/best.pt, RUN/last.pt) as an ONNX file; return its path.

    checkpoint: also weights of torchvision's fasterrcnn_resnet50_fpn, see `faster_rcnn_weights`. out: by default the
    checkpoint's path with the suffix .onnx. Raises UserError without PyTorch, if the weights are not complete, and if
    ONNX Runtime and PyTorch disagree.
    """
    if find_spec("torch") is None:
        raise UserError("export needs PyTorch (pip install 'idfree[train]')")
    from idfree.learn.checkpoint import load
    from idfree.learn.methods import registry, simplereid
    from idfree.learn.networks.faster_rcnn_weights import read_faster_rcnn

    checkpoint = Path(checkpoint)
    if checkpoint.suffix in MODEL_SUFFIXES and is_file(checkpoint):
        raise UserError(f"{checkpoint}: is exported already; expected the checkpoint of a training, RUN/best.pt")
    out = checkpoint.with_suffix(".onnx") if out is None else Path(out)
    refuse_overwriting([out], [checkpoint])
    weights = read_faster_rcnn(checkpoint)
    if weights is not None:
        export_faster_rcnn(weights, checkpoint, out)
    elif load(checkpoint)["settings"].get("method") == "simplereid":
        simplereid.export(simplereid.open_checkpoint(checkpoint), out, {})
    else:
        registry.export(checkpoint, out)
    return out


def export_faster_rcnn(weights: Mapping[str, Any], source: Path, out: Path) -> None:
    """Write a Faster R-CNN. Raises UserError naming the weights that are missing, or if the runtimes disagree."""
    from idfree.learn.export_two_stage import export_two_stage
    from idfree.learn.networks.faster_rcnn_weights import load_faster_rcnn

    network = load_faster_rcnn(weights, str(source))
    export_two_stage(network, out, {"names": str(default_names(network.classes))})
