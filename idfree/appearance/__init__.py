"""Crops → embeddings: who looks like whom."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from idfree.errors import UserError
from idfree.settings import override

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

__all__ = ["open_encoder"]


def open_encoder(
    spec: str | Path, assignments: Iterable[str] = (), device: str = "auto", threads: int | None = None
) -> "Encoder":
    """The encoder named `colour`, or that of a file `*.onnx`.

    assignments: `name=value` changes of the encoder's settings. device, threads: of a network.
    Raises UserError for any other spec, and whatever the encoder itself refuses.
    """
    if spec == "colour":
        from idfree.appearance.colour import Colour, ColourSettings

        return Colour(override(ColourSettings(), assignments))
    if Path(spec).suffix.lower() == ".onnx":
        from idfree.appearance.network import Network, NetworkSettings

        return Network(spec, override(NetworkSettings(), assignments), device, threads)
    raise UserError(f"--appearance {spec}: expected colour or a file MODEL.onnx")
