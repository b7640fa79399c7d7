"""Frame → View: what is in the picture."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from idfree.detectors.given import Given
from idfree.errors import UserError
from idfree.settings import override
from idfree.types import Detector

__all__ = ["Given", "open_detector"]


def open_detector(
    spec: str | Path,
    format: str | None = None,
    classes: str | Sequence[str | int] = "",
    assignments: Iterable[str] = (),
    device: str = "auto",
    threads: int | None = None,
) -> Detector:
    """The detector named `hog`, or that of a file `*.onnx`.

    format: of an ONNX file, one of formats.FORMATS. classes: its names or numbers to keep, comma separated or a
    sequence; none keeps all. assignments: `name=value` changes of the detector's settings.
    Raises UserError for any other spec, and whatever the detector itself refuses.
    """
    if spec == "hog":
        from idfree.detectors.hog import Hog, HogSettings

        return Hog(override(HogSettings(), assignments))
    if Path(spec).suffix.lower() == ".onnx":
        from idfree.detectors.onnx import Onnx, OnnxSettings

        # An idfree model (embeddings beside its boxes) is a class of its own, to be told apart here by its metadata.
        kept = [name for name in classes.split(",") if name.strip()] if isinstance(classes, str) else classes
        return Onnx(spec, format, override(OnnxSettings(), assignments), kept or None, device, threads)
    raise UserError(f"--detector {spec}: expected hog or a file MODEL.onnx")
