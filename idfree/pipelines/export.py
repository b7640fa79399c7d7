"""Export a trained network to ONNX. Needs PyTorch."""

from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.files import refuse_overwriting
from idfree.core.onnx_session import MODEL_SUFFIXES
from idfree.core.reading import is_file


def export(checkpoint: str | Path, out: str | Path | None = None) -> Path:
    """Write the network of a checkpoint (RUN/best.pt, RUN/last.pt) as an ONNX file; return its path.

    out: by default the checkpoint's path with the suffix .onnx. Raises UserError if ONNX Runtime and PyTorch disagree.
    """
    from idfree.learn.checkpoint import load
    from idfree.learn.methods import registry, simplereid

    checkpoint = Path(checkpoint)
    if checkpoint.suffix in MODEL_SUFFIXES and is_file(checkpoint):
        raise UserError(f"{checkpoint}: is exported already; expected the checkpoint of a training, RUN/best.pt")
    out = checkpoint.with_suffix(".onnx") if out is None else Path(out)
    refuse_overwriting([out], [checkpoint])
    if load(checkpoint)["settings"].get("method") == "simplereid":
        simplereid.export(simplereid.open_checkpoint(checkpoint), out, {})
    else:
        registry.export(checkpoint, out)
    return out
