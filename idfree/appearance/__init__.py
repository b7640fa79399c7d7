"""Crops → embeddings: who looks like whom."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from idfree.core.errors import UserError
from idfree.core.settings import override

if TYPE_CHECKING:
    from idfree.appearance.crop_network import CropNetwork
    from idfree.appearance.encoder import Encoder

__all__ = ["open_encoder"]


def open_encoder(
    spec: str | Path, assignments: Iterable[str] = (), device: str = "auto", threads: int | None = None
) -> "Encoder":
    """The encoder named `colour`, or that of a file `*.onnx`, together with colour where the file says so.

    assignments: `name=value` changes of the encoder's settings. device, threads: of a network.
    Raises UserError for any other spec, and whatever the encoder itself refuses.
    """
    if spec == "colour":
        from idfree.appearance.colour import ColourHistogram, ColourSettings

        return ColourHistogram(override(ColourSettings(), assignments))
    if Path(spec).suffix.lower() == ".onnx":
        from idfree.appearance.crop_network import CropNetwork, CropNetworkSettings

        network = CropNetwork(spec, override(CropNetworkSettings(), assignments), device, threads)
        return with_colour(network) if network.colour else network
    raise UserError(f"--appearance {spec}: expected colour or a file MODEL.onnx")


def with_colour(network: "CropNetwork") -> "Encoder":
    """A network whose file gives colour a share of the say, and colour."""
    from idfree.appearance.colour import ColourHistogram
    from idfree.appearance.concatenated import ConcatenatedEncoder

    return ConcatenatedEncoder(
        network, ColourHistogram(), network.colour, network.match_threshold, network.upper_threshold
    )
