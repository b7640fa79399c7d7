"""Open the appearance encoder that `--appearance` names, and the tracker that suits it by default."""

from typing import TYPE_CHECKING

from idfree.core.errors import UserError
from idfree.core.onnx_session import MODEL_SUFFIXES
from idfree.core.types import Detector
from idfree.detectors.one_shot import OneShotDetector

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder


def open_appearance(spec: str, device: str = "auto", threads: int | None = None) -> "Encoder | None":
    """The encoder for `colour`, `people` or MODEL.onnx; None for `auto`, `own` (embeddings of the detector) and `none`.

    Raises UserError for any other spec, and if the model is missing or invalid.
    """
    if spec in ("auto", "none", "own"):
        return None
    from idfree.appearance import open_encoder

    if spec not in ("colour", "people") and not spec.endswith(MODEL_SUFFIXES):
        raise UserError(
            f"--appearance {spec}: expected none, own, colour, people or a file MODEL.onnx or MODEL.xml (OpenVINO), or"
            " auto"
        )
    return open_encoder(spec, device=device, threads=threads)


def automatic_encoder(appearance: str, detector: Detector) -> "Encoder | None":
    """The encoder that `auto` stands for: colour histograms, if the detector reads images and gives no embeddings.

    None for any other choice.
    """
    if appearance != "auto" or detector.has_embeddings or not detector.needs_images:
        return None
    from idfree.appearance.colour import ColourHistogram

    return ColourHistogram()


def leave_out_embeddings(detector: Detector, appearance: str, encoder: "Encoder | None") -> Detector:
    """The detector without the computation of embeddings that are not used, where it can be left out.

    With an encoder, that is the two-stage pair of detector and crop network (Yu 2022, TDT, sec. 4).
    """
    is_unused = encoder is not None or appearance == "none"
    if is_unused and isinstance(detector, OneShotDetector):
        return detector.without_embeddings()
    return detector
