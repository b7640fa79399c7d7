"""Crops → embeddings: who looks like whom."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from idfree.core.errors import UserError
from idfree.core.settings import override

if TYPE_CHECKING:
    from idfree.appearance.crop_network import Network
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
        from idfree.appearance.colour import Colour, ColourSettings

        return Colour(override(ColourSettings(), assignments))
    if Path(spec).suffix.lower() == ".onnx":
        from idfree.appearance.crop_network import Network, NetworkSettings

        network = Network(spec, override(NetworkSettings(), assignments), device, threads)
        return with_colour(network) if network.colour else network
    raise UserError(f"--appearance {spec}: expected colour or a file MODEL.onnx")


def with_colour(network: "Network") -> "Encoder":
    """A network whose file gives colour a share of the say, and colour."""
    from idfree.appearance.colour import Colour
    from idfree.appearance.concatenated import Together

    return Together(network, Colour(), network.colour, network.limit, network.farthest)
