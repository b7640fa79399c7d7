"""Frame → View: what is in the picture."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.onnx_session import Session, open_session
from idfree.core.settings import override
from idfree.core.types import Detector
from idfree.detectors.precomputed import PrecomputedDetector

__all__ = ["PrecomputedDetector", "open_detector"]

KIND = "idfree.kind"  # by which our own files say what they are


def open_detector(
    spec: str | Path,
    format: str | None = None,
    classes: str | Sequence[str | int] = "",
    assignments: Iterable[str] = (),
    device: str = "auto",
    threads: int | None = None,
    session: Session | None = None,
) -> Detector:
    """The detector named `hog`, or that of a file `*.onnx`: one of ours, with embeddings, or another's.

    format: of an ONNX file, one of formats.FORMATS. classes: its names or numbers to keep, comma separated or a
    sequence; none keeps all. assignments: `name=value` changes of the detector's settings. session: a network that is
    open already (`spec` is then only its name).
    Raises UserError for any other spec, and whatever the detector itself refuses.
    """
    if spec == "hog":
        from idfree.detectors.hog import HogDetector, HogDetectorSettings

        return HogDetector(override(HogDetectorSettings(), assignments))
    if session is None and Path(spec).suffix.lower() != ".onnx":
        raise UserError(f"--detector {spec}: expected hog or a file MODEL.onnx")
    session = session or open_session(spec, device, threads)
    kept = [name for name in classes.split(",") if name.strip()] if isinstance(classes, str) else classes
    kind = session.get_modelmeta().custom_metadata_map.get(KIND)
    if kind == "tracker":
        from idfree.detectors.one_shot import OneShotDetector, OneShotDetectorSettings

        return OneShotDetector(spec, override(OneShotDetectorSettings(), assignments), kept or None, session=session)
    if kind is not None:
        raise UserError(f"--detector {spec}: is a model of {kind}, expected a detector; it is for --{kind}")
    from idfree.detectors.onnx import OnnxDetector, OnnxDetectorSettings

    return OnnxDetector(spec, format, override(OnnxDetectorSettings(), assignments), kept or None, session=session)
