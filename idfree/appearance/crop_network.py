"""Crop networks from ONNX and OpenVINO IR files: idfree's own, or third-party person re-identification."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.encoder import Encoder
from idfree.core.errors import UserError
from idfree.core.onnx_model import KIND_KEY, OnnxModel, describe_inputs, input_size, parse_size, prefix_errors
from idfree.core.onnx_session import NUMPY_TYPES, ModelInput, Session, is_ir
from idfree.core.types import Crops

KIND = "appearance"  # metadata idfree.kind of idfree's own files
OWN_TYPE = "tensor(uint8)"  # input type of idfree's own files: crops (N, H, W, 3)
SIZE_HW = (256, 128)  # training size of Torchreid and nearly all others
NORMALISATIONS = {  # mean and standard deviation of red, green and blue in 0…255
    "imagenet": (np.multiply(255, (0.485, 0.456, 0.406)), np.multiply(255, (0.229, 0.224, 0.225))),
    "unit": (np.zeros(3), np.full(3, 255.0)),
    "none": (np.zeros(3), np.ones(3)),
}


@dataclass(frozen=True)
class CropNetworkSettings:
    """How a crop network is fed. Raises ValueError for values out of range."""

    batch: int = 64  # maximum number of crops at once, unless the file has a fixed batch size
    size: str | None = None  # WIDTHxHEIGHT of a crop if the file leaves it open; None: its metadata, or 128x256
    limit: float | None = None  # match threshold (cosine distance); None: that of the file's metadata
    # Of third-party files. auto: imagenet and rgb for ONNX, as Torchreid; none (0…255) and bgr for an OpenVINO IR, as
    # the Open Model Zoo.
    normalisation: Literal["auto", "imagenet", "unit", "none"] = "auto"
    channels: Literal["auto", "rgb", "bgr"] = "auto"

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch={self.batch} must be at least 1")
        if self.size is not None and parse_size(self.size) is None:
            raise ValueError(f"size={self.size}: expected WIDTHxHEIGHT, such as {SIZE_HW[1]}x{SIZE_HW[0]}")


class CropNetwork(Encoder):
    """An encoder from an ONNX or OpenVINO IR file with one input and one output, embeddings (N, D) of any length.

    idfree's own files take crops (N, H, W, 3) in uint8, normalise them in the graph, may have calibrated thresholds in
    their metadata, and other outputs after the first. Third-party files take images (N, 3, H, W) in fp32 or fp16,
    normalised as the settings say.
    colour_weight: weight of a colour histogram to concatenate (see concatenated.py), 0 for none. metadata: of the file.
    device, threads: see `open_session`. session: an open session to use; `path` is then only a name.
    Raises UserError if the file cannot be opened, is no such network, or gives NaN.
    """

    def __init__(
        self,
        path: Path | str,
        settings: CropNetworkSettings | None = None,
        device: str = "auto",
        threads: int | None = None,
        session: Session | None = None,
    ):
        self.settings, self.path = settings or CropNetworkSettings(), path
        self.model = OnnxModel(path, device, threads, session)
        self.name, self.metadata = self.model.name, self.model.metadata
        with prefix_errors(str(path)):
            self.configure_input()
            self.match_threshold, self.upper_threshold = self.thresholds()
            self.colour_weight = self.model.stored_number("colour", 0, 1, "a share of the embedding in 0…1") or 0.0
            self.dimension = self.probe()

    def configure_input(self) -> None:
        """Set the batch size, crop size and normalisation of the input. Raises UserError if it is not suitable."""
        self.input = crop_input(self.model)
        count, *sides = self.input.shape
        self.output = 0
        self.has_fixed_batch = isinstance(count, int)
        self.batch = count if isinstance(count, int) else self.settings.batch
        self.is_own = is_own = self.input.type == OWN_TYPE
        normalisation, self.channels = preprocessing(self.settings, is_ir(self.path))
        self.levels = None if is_own else normalised_levels(normalisation, NUMPY_TYPES[self.input.type])
        default_hw = SIZE_HW if self.settings.size else self.model.stored_size(SIZE_HW)
        self.size_hw = input_size(sides[:2] if is_own else sides[1:], self.settings.size, default_hw)

    def probe(self) -> int:
        """Length of an embedding, from a crop of seeded noise. Raises UserError if it is NaN.

        Not from a constant crop: a network without epsilon in its normalisation divides by zero there, and only there.
        """
        noise = np.random.default_rng(0).integers(0, 256, (1, *self.size_hw, 3), dtype=np.uint8)
        return int(self.encode(noise).shape[1])

    def thresholds(self) -> tuple[float | None, float | None]:
        """Match threshold and upper threshold: of the settings, else of the file, else None. Raises UserError."""
        limit, farthest = (
            self.model.stored_number(key, 0, 2, "a cosine distance in 0…2") for key in ("limit", "farthest")
        )
        return (limit, farthest) if self.settings.limit is None else (self.settings.limit, None)

    def encode(self, crops: Crops) -> NDArray[np.floating[Any]]:
        """Unit embeddings (N, D) of crops (N, H, W, 3), BGR."""
        count = len(crops)
        if self.has_fixed_batch and count < self.batch:
            crops = crops[np.arange(self.batch) % count]  # repeated: constant ones give NaN in some networks
        embedding = self.run(crops if self.levels is None else self.normalise(crops, self.levels))[:count]
        length = np.linalg.norm(embedding, axis=1, keepdims=True)
        return embedding / np.maximum(length, np.finfo(np.float32).tiny)

    def normalise(self, crops: Crops, levels: NDArray[Any]) -> NDArray[Any]:
        """Input (N, 3, H, W) of third-party networks: crops mapped by `levels` (3, 256) of red, green and blue."""
        planes = np.empty((len(crops), 3, *self.size_hw), dtype=levels.dtype)
        for plane, colour in enumerate("rgb".index(letter) for letter in self.channels):
            planes[:, plane] = levels[colour].take(crops[..., 2 - colour])  # faster than indexing
        return planes

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Output (N, D) of the network. Raises UserError if it fails, gives NaN or infinity, or has another shape."""
        height, width = self.size_hw
        outputs = self.model.run({self.input.name: batch}, f"{len(batch)} crops {width}x{height}")
        outputs = outputs[self.output : self.output + 1] if self.is_own else outputs
        if len(outputs) != 1 or outputs[0].ndim != 2 or len(outputs[0]) != len(batch):
            shapes = ", ".join(str(output.shape) for output in outputs)
            raise UserError(
                f"gives {shapes} for {len(batch)} crops, expected ({len(batch)}, D), an embedding for each;"
                " if it finds boxes, it is a detector (--detector)"
            )
        embedding = np.asarray(outputs[0], dtype=np.float32)
        if not np.isfinite(embedding).all():
            raise UserError("the network gives infinite numbers: broken weights, or fp16 overflows (try fp32)")
        return embedding


def crop_input(model: OnnxModel) -> ModelInput:
    """The model's only input. Raises UserError if it does not take crops, or if the model is of another kind."""
    kind = model.metadata.get(KIND_KEY, KIND)
    if kind != KIND:
        raise UserError(f"is an idfree model of the kind {kind!r}, expected {KIND!r}, one that describes crops")
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4 or channel_count(model.inputs[0]) != 3:
        raise UserError(
            f"takes {describe_inputs(model.inputs)}; a crop network takes images, (N, 3, H, W) or, in uint8,"
            " (N, H, W, 3)"
        )
    port = model.inputs[0]
    if port.type not in (OWN_TYPE, "tensor(float)", "tensor(float16)"):
        raise UserError(f"its input {port.name} is a {port.type}; expected uint8, float or float16")
    return port


def channel_count(port: ModelInput) -> int:
    """Number of channels of an image input; 3 if the file leaves it open."""
    channels = port.shape[3 if port.type == OWN_TYPE else 1]
    return channels if isinstance(channels, int) else 3


def preprocessing(settings: CropNetworkSettings, is_ir: bool) -> tuple[str, str]:
    """Normalisation and channel order of a third-party file, by the settings, else by the kind of file."""
    normalisation, channels = ("none", "bgr") if is_ir else ("imagenet", "rgb")
    return (
        normalisation if settings.normalisation == "auto" else settings.normalisation,
        channels if settings.channels == "auto" else settings.channels,
    )


def normalised_levels(normalisation: str, dtype: type[np.generic]) -> NDArray[Any]:
    """(3, 256): input value of each 8-bit level of red, green and blue."""
    mean, deviation = NORMALISATIONS[normalisation]
    return ((np.arange(256) - mean[:, None]) / deviation[:, None]).astype(dtype)
