"""Detectors: callables from Frame to View, opened by name, from an ONNX file or from stored detections.

Reading order: `onnx` (a third party's detector: image to input, decoding, suppression), `formats` (decoding of the
outputs) with `recognition` (which format a file has); `one_shot` (idfree's own, with embeddings); `precomputed`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.onnx_model import KIND_KEY
from idfree.core.onnx_session import MODEL_SUFFIXES, Session, open_session
from idfree.core.settings import override
from idfree.core.types import Detector
from idfree.detectors.people import PEOPLE, check_name, open_people
from idfree.detectors.precomputed import PrecomputedDetector

__all__ = ["PrecomputedDetector", "open_detector"]


def open_detector(
    spec: str | Path,
    format: str | None = None,
    classes: str | Sequence[str | int] = "",
    assignments: Iterable[str] = (),
    device: str = "auto",
    threads: int | None = None,
    session: Session | None = None,
) -> Detector:
    """Open the detector `people`, or that of an ONNX or OpenVINO IR file: of idfree's trackers, or a third party's.

    format: one of formats.FORMATS for a third-party file; None recognises it. classes: names or numbers of the classes
    to detect, comma separated or a sequence; empty detects all. assignments: `name=value` changes of the detector's
    settings. device, threads: see `open_session`. session: an open session to use; `spec` is then only a name.
    Raises UserError for any other spec, and whatever the detector raises.
    """
    check_name(spec)
    selected = [name for name in classes.split(",") if name.strip()] if isinstance(classes, str) else classes
    if spec == PEOPLE:
        return open_people(format, assignments, selected, device, threads, session)
    if session is None and Path(spec).suffix.lower() not in MODEL_SUFFIXES:
        raise UserError(f"--detector {spec}: expected people or a file MODEL.onnx or MODEL.xml (OpenVINO)")
    session = session or open_session(spec, device, threads)
    return open_network(spec, session, format, assignments, selected)


def open_network(
    spec: str | Path,
    session: Session,
    format: str | None,
    assignments: Iterable[str],
    classes: Sequence[str | int],
) -> Detector:
    """The detector of an open session, by the kind in the metadata; a file without one is a third party's.

    Arguments and errors as of `open_detector`.
    """
    kind = session.get_modelmeta().custom_metadata_map.get(KIND_KEY)
    if kind == "tracker":
        from idfree.detectors.one_shot import OneShotDetector, OneShotDetectorSettings

        return OneShotDetector(spec, override(OneShotDetectorSettings(), assignments), classes or None, session=session)
    if kind == "centertrack":
        from idfree.detectors.centertrack import CenterTrackDetector, CenterTrackDetectorSettings

        settings = override(CenterTrackDetectorSettings(), assignments)
        return CenterTrackDetector(spec, settings, classes or None, session=session)
    if kind in ("maps", "taught"):
        from idfree.detectors.taught import open_taught

        return open_taught(spec, format, assignments, classes, session)
    if kind == "two-stage":
        from idfree.detectors.two_stage import TwoStageDetectorSettings, open_two_stage

        return open_two_stage(spec, override(TwoStageDetectorSettings(), assignments), classes or None, session)
    if kind is not None:
        purpose = "it is for --appearance" if kind == "appearance" else "was it written by a newer idfree?"
        raise UserError(f"--detector {spec}: is a model of {kind}, expected a detector; {purpose}")
    from idfree.detectors.onnx import OnnxDetector, OnnxDetectorSettings

    return OnnxDetector(spec, format, override(OnnxDetectorSettings(), assignments), classes or None, session=session)
