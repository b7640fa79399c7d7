"""Appearance models: embeddings of people from crops, opened by name or from an ONNX file.

Reading order: `encoder` (the base class), `colour` (without a network), `crop_network`, `calibrate` (match threshold).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from idfree.core.errors import UserError
from idfree.core.onnx_session import MODEL_SUFFIXES
from idfree.core.settings import override

if TYPE_CHECKING:
    from idfree.appearance.crop_network import CropNetwork
    from idfree.appearance.encoder import Encoder

__all__ = ["open_encoder"]


def open_encoder(
    spec: str | Path, assignments: Iterable[str] = (), device: str = "auto", threads: int | None = None
) -> "Encoder":
    """Open the encoder `colour`, `people` or of an ONNX or OpenVINO IR file, concatenated with colour if it says so.

    assignments: `name=value` changes of the encoder's settings. device, threads: of a network.
    Raises UserError for any other spec, and whatever the encoder raises.
    """
    if spec == "colour":
        from idfree.appearance.colour import ColourHistogram, ColourSettings

        return ColourHistogram(override(ColourSettings(), assignments))
    if spec == "people":
        from idfree.appearance.people_crops import FILE

        spec = FILE
    if Path(spec).suffix.lower() in MODEL_SUFFIXES:
        from idfree.appearance.crop_network import CropNetwork, CropNetworkSettings

        network = CropNetwork(spec, override(CropNetworkSettings(), assignments), device, threads)
        return concatenate_colour(network) if network.colour_weight else network
    raise UserError(f"--appearance {spec}: expected colour, people or a file MODEL.onnx or MODEL.xml (OpenVINO)")


def concatenate_colour(network: "CropNetwork") -> "Encoder":
    """A network and a colour histogram, weighted as the file of the network says; the histogram alone for weight 1."""
    from idfree.appearance.colour import ColourHistogram
    from idfree.appearance.concatenated import ConcatenatedEncoder

    if network.colour_weight == 1:
        return ColourHistogram()
    return ConcatenatedEncoder(
        network, ColourHistogram(), network.colour_weight, network.match_threshold, network.upper_threshold
    )
