"""A crop network from an ONNX file: idfree's own, or other people's person re-identification."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.crops import GREY
from idfree.appearance.encoder import Encoder
from idfree.core.errors import UserError
from idfree.core.onnx_session import KINDS, ModelInput, Session, open_session, reason
from idfree.core.types import Crops

KIND = "appearance"  # what idfree's own files call themselves (metadata idfree.kind)
BYTES = "tensor(uint8)"  # what they take: crops as they are, (N, H, W, 3)
SIZE = "256x128"  # height and width that Torchreid and nearly all others are trained at
HEIGHT_X_WIDTH = r"[1-9]\d*x[1-9]\d*"
NORMALISATIONS = {  # mean and deviation of red, green and blue in 0…255
    "imagenet": (np.multiply(255, (0.485, 0.456, 0.406)), np.multiply(255, (0.229, 0.224, 0.225))),
    "unit": (np.zeros(3), np.full(3, 255.0)),
    "none": (np.zeros(3), np.ones(3)),
}


@dataclass(frozen=True)
class CropNetworkSettings:
    batch: int = 64  # crops at once; a file made for a fixed number has its own
    size: str | None = None  # HEIGHTxWIDTH of a crop where the file leaves it open; None: 256x128
    limit: float | None = None  # cosine distance between the same and another person; None: what the file says
    normalisation: Literal["imagenet", "unit", "none"] = "imagenet"  # of others' files, as Torchreid; none: 0…255
    channels: Literal["rgb", "bgr"] = "rgb"  # of others' files

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch={self.batch} must be at least 1")
        if self.size is not None and not re.fullmatch(HEIGHT_X_WIDTH, self.size):
            raise ValueError(f"size={self.size}: expected HEIGHTxWIDTH, such as {SIZE}")


class CropNetwork(Encoder):
    """An encoder from an ONNX file with one input and one output, embeddings (N, D) of any length.

    The input tells whose it is: crops (N, H, W, 3) in uint8 are idfree's own, which brings its normalisation and
    perhaps its limit; pictures (N, 3, H, W) in fp32 or fp16 are other people's, normalised as the settings say.
    colour: the share that colour is to have beside it (see together), 0 for none. metadata: what else the file says.
    device, threads: see session.open_session. session: one opened already (`path` is then only its name).
    Raises UserError where the file cannot be opened, is no such network, or gives NaN.
    """

    def __init__(
        self,
        path: Path | str,
        settings: CropNetworkSettings | None = None,
        device: str = "auto",
        threads: int | None = None,
        session: Session | None = None,
    ):
        self.name = Path(path).name
        self.settings = settings or CropNetworkSettings()
        self.session = session or open_session(path, device, threads)
        self.metadata: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)
        try:
            self.port = input_of(self.session.get_inputs(), self.metadata)
            count, *sides = self.port.shape
            self.fixed = isinstance(count, int)
            self.batch = count if isinstance(count, int) else self.settings.batch
            self.levels = None if self.port.type == BYTES else levels(self.settings, KINDS[self.port.type])
            self.size_hw = size_of(sides[:2] if self.levels is None else sides[1:], self.settings, self.metadata)
            self.match_threshold, self.upper_threshold = limits_of(self.metadata)
            if self.settings.limit is not None:
                self.match_threshold, self.upper_threshold = self.settings.limit, None
            self.colour = number_of(self.metadata, "colour", 1, "a share of the embedding") or 0.0
            self.dimension = self.encode(np.full((1, *self.size_hw, 3), GREY, dtype=np.uint8)).shape[1]
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    def encode(self, crops: Crops) -> NDArray[np.floating[Any]]:
        count = len(crops)
        if self.fixed and count < self.batch:
            crops = np.concatenate([crops, np.zeros((self.batch - count, *crops.shape[1:]), dtype=np.uint8)])
        embedding = self.run(crops if self.levels is None else self.pictures(crops, self.levels))[:count]
        length = np.linalg.norm(embedding, axis=1, keepdims=True)
        return embedding / np.maximum(length, np.finfo(np.float32).tiny)

    def pictures(self, crops: Crops, levels: NDArray[Any]) -> NDArray[Any]:
        """Crops as other people's networks want them: (N, 3, H, W), normalised by `levels` (3, 256)."""
        planes = np.empty((len(crops), 3, *self.size_hw), dtype=levels.dtype)
        for plane, colour in enumerate("rgb".index(letter) for letter in self.settings.channels):
            planes[:, plane] = levels[colour][crops[..., 2 - colour]]
        return planes

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """(N, D) what the network gives. Raises UserError where it fails, gives NaN, or no embedding for each."""
        try:
            outputs = self.session.run(None, {self.port.name: batch})
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            height, width = self.size_hw
            raise UserError(
                f"the network cannot run on {len(batch)} crops {height}x{width}: {reason(error)}"
            ) from error
        if len(outputs) != 1 or outputs[0].ndim != 2 or len(outputs[0]) != len(batch):
            shapes = ", ".join(str(output.shape) for output in outputs)
            raise UserError(
                f"gives {shapes} for {len(batch)} crops, expected ({len(batch)}, D), an embedding for each;"
                " if it finds boxes, it is a detector (--detector)"
            )
        if np.isnan(outputs[0]).any():
            raise UserError("the network gives NaN: broken weights, or fp16 overflowing; try an fp32 export")
        return np.asarray(outputs[0], dtype=np.float32)


def input_of(ports: Sequence[ModelInput], metadata: dict[str, str]) -> ModelInput:
    """The one input, crops of people. Raises UserError where it is anything else."""
    kind = metadata.get("idfree.kind", KIND)
    if kind != KIND:
        raise UserError(f"is an idfree model of the kind {kind!r}, expected {KIND!r}, one that describes crops")
    if len(ports) != 1 or len(ports[0].shape) != 4 or colours(ports[0]) != 3:
        takes = ", ".join(f"{port.name} ({', '.join(map(str, port.shape))})" for port in ports)
        raise UserError(f"takes {takes}; a crop network takes pictures, (N, 3, H, W) or, in uint8, (N, H, W, 3)")
    port = ports[0]
    if port.type not in (BYTES, "tensor(float)", "tensor(float16)"):
        raise UserError(f"its input {port.name} is a {port.type}; expected uint8, float or float16")
    return port


def colours(port: ModelInput) -> int:
    """How many channels the pictures of an input have; 3 where the file leaves it open."""
    channels = port.shape[3 if port.type == BYTES else 1]
    return channels if isinstance(channels, int) else 3


def size_of(
    sides: Sequence[int | str | None], settings: CropNetworkSettings, metadata: dict[str, str]
) -> tuple[int, int]:
    """(height, width) of crops: as the file fixes it, else as the settings, its metadata or custom has it.

    Raises UserError where the settings want another size than the file has.
    """
    asked = settings.size or metadata.get("size", SIZE)
    if not re.fullmatch(HEIGHT_X_WIDTH, asked):
        raise UserError(f"its metadata says size={asked}, expected HEIGHTxWIDTH")
    height, width = map(int, asked.split("x"))
    size = tuple(side if isinstance(side, int) else other for side, other in zip(sides, (height, width), strict=True))
    if settings.size and size != (height, width):
        raise UserError(f"size={settings.size}: its input is fixed at {size[0]}x{size[1]}; leave size out")
    return size[0], size[1]


def limits_of(metadata: dict[str, str]) -> tuple[float | None, float | None]:
    """(limit, upper_threshold): the calibrated cosine distances that the file states, if any. Raises UserError at others."""
    limit, upper_threshold = (number_of(metadata, name, 2, "a cosine distance") for name in ("limit", "farthest"))
    return limit, upper_threshold


def number_of(metadata: dict[str, str], name: str, most: float, what: str) -> float | None:
    """A number in 0…most that the file states, if it does. Raises UserError where it is none."""
    if name not in metadata:
        return None
    try:
        number = float(metadata[name])
    except ValueError:
        number = np.nan
    if not 0 < number <= most:
        raise UserError(f"its metadata says {name}={metadata[name]}, expected {what} in 0…{most:g}")
    return number


def levels(settings: CropNetworkSettings, kind: type[np.generic]) -> NDArray[Any]:
    """(3, 256): each level of red, green and blue as the network wants it."""
    mean, deviation = NORMALISATIONS[settings.normalisation]
    return ((np.arange(256) - mean[:, None]) / deviation[:, None]).astype(kind)
