"""Inference sessions for ONNX and OpenVINO IR files: ONNX Runtime or OpenVINO, execution providers, error messages."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import MissingExtra, UserError
from idfree.core.reading import is_file, is_folder
from idfree.core.threads import cpu_limit

IR_SUFFIX = ".xml"  # of OpenVINO's intermediate representation (IR), whose weights lie beside it in a .bin
MODEL_SUFFIXES = (".onnx", IR_SUFFIX)  # of the files that `open_session` opens
METADATA_KEY = "framework"  # of the dict in an IR that holds what ONNX calls metadata
FATAL_ONLY = 4  # ONNX Runtime's log severity; 3 would also log what exceptions tell, 2 every dropped weight

NUMPY_TYPES: dict[str, type[np.generic]] = {  # by ONNX Runtime's name of the type of an input
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
OPENVINO_PRECISION = {"openvino": "f32", "openvino:bf16": "bf16"}  # by device
ONNX_TYPES = {"f32": "float", "f16": "float16", "i64": "int64", "i32": "int32", "u8": "uint8"}  # by OpenVINO's name


class ModelInput(Protocol):
    """Description of a model input: name, shape (None or a name for a dynamic dimension), type ("tensor(float)")."""

    @property
    def name(self) -> str:
        """Name of the input."""

    @property
    def shape(self) -> Sequence[int | str | None]:
        """Shape; None or a name for a dynamic dimension."""

    @property
    def type(self) -> str:
        """Type as ONNX Runtime names it, such as "tensor(float)"."""


class Session(Protocol):
    """The part of the interface of onnxruntime.InferenceSession that idfree uses."""

    def get_inputs(self) -> Sequence[ModelInput]:
        """Descriptions of the inputs."""

    def get_modelmeta(self) -> Any:
        """The metadata, as `custom_metadata_map`."""

    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> Sequence[NDArray[Any]]:
        """All outputs for arrays of the inputs by name."""


def open_session(path: Path | str, device: str = "auto", threads: int | None = None) -> Session:
    """Open an ONNX file with ONNX Runtime, or with OpenVINO if the device is `openvino`; an OpenVINO IR with OpenVINO.

    device: `auto` (CUDA if this ONNX Runtime has it, else CPU), `cpu`, `cuda`, `cuda:1`, `mps`, `openvino` (CPU,
    float32) or `openvino:bf16`. threads: CPU threads within an operator, which sleep while they
    wait; None uses all cores that this process may use.
    Raises UserError if the file does not exist, cannot be read as a model, or the device is not available.
    """
    if not is_file(Path(path)):
        raise UserError(f"{path}: {'is a folder' if is_folder(Path(path)) else 'no such file'}, expected an ONNX model")
    if is_ir(path):
        return open_ir(path, device, threads)
    if device in OPENVINO_PRECISION:
        return OpenVinoSession(path, OPENVINO_PRECISION[device], threads)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    options.intra_op_num_threads = threads or cpu_limit() or 0
    for kind in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{kind}.allow_spinning", "0")
    providers = execution_providers(device, onnxruntime.get_available_providers())
    try:
        session: Session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise UserError(f"{path}: ONNX Runtime cannot load it as a model: {summarise_error(error)}") from error
    return session


def is_ir(path: Path | str) -> bool:
    """Whether a path is that of an OpenVINO IR, by its suffix."""
    return Path(path).suffix.lower() == IR_SUFFIX


def open_ir(path: Path | str, device: str, threads: int | None) -> "OpenVinoSession":
    """Open an OpenVINO IR on the CPU. Raises UserError for another device, and if its weights are missing."""
    weights = Path(path).with_suffix(".bin")
    if not is_file(weights):
        raise UserError(f"{path}: its weights are missing: {weights.name} must lie beside it")
    if device not in ("auto", "cpu", *OPENVINO_PRECISION):
        raise UserError(f"--device {device}: an OpenVINO IR runs on auto, cpu, openvino or openvino:bf16 only")
    return OpenVinoSession(path, OPENVINO_PRECISION.get(device, "f32"), threads, f"{path}, an OpenVINO IR,")


@dataclass(frozen=True)
class OpenVinoInput:
    """Description of a model input, as onnxruntime.NodeArg."""

    name: str
    shape: tuple[int | None, ...]
    type: str


class OpenVinoSession:
    """An ONNX or IR file run by OpenVINO on the CPU, with the interface `Session`.

    precision: `f32`, or `bf16` (three significant digits), several times as fast on CPUs that support it.
    purpose: what needs OpenVINO, for the message if it is missing.
    Raises MissingExtra without the package openvino, and UserError if OpenVINO cannot read the model.
    """

    def __init__(
        self,
        path: Path | str,
        precision: str = "f32",
        threads: int | None = None,
        purpose: str = "--device openvino",
    ):
        try:
            import openvino
            from openvino.frontend.onnx import ConversionExtension
        except ModuleNotFoundError as error:
            raise MissingExtra("openvino", "openvino", purpose) from error
        self.path, self.core = path, openvino.Core()
        # Without this conversion, OpenVINO 2026.4 crashes on the operator.
        self.core.add_extension(ConversionExtension("DeformConv", convert_deform_conv))
        options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        self.options = options | {"INFERENCE_NUM_THREADS": str(threads or cpu_limit() or 0)}
        with self.explained("load it as a model"):
            self.model = self.core.read_model(str(path))
        self.compile()

    @contextmanager
    def explained(self, action: str) -> Iterator[None]:
        """Raise UserError for OpenVINO's errors. action: what it cannot do."""
        try:
            yield
        except RuntimeError as error:
            raise UserError(f"{self.path}: OpenVINO cannot {action}: {summarise_error(error)}") from error

    def compile(self) -> None:
        """Prepare inference for the model as it is now."""
        with self.explained("load it as a model"):
            self.request = self.core.compile_model(self.model, "CPU", self.options).create_infer_request()

    def reshape(self, name: str, shape: Sequence[int]) -> None:
        """Change the shape of an input that the file fixes. Raises UserError if the network does not allow it."""
        with self.explained(f"change its input {name} to {tuple(shape)}"):
            self.model.reshape({name: list(shape)})
        self.compile()

    def get_inputs(self) -> list[OpenVinoInput]:
        """Descriptions of the inputs."""
        return [
            OpenVinoInput(
                port.any_name,
                tuple(side.get_length() if side.is_static else None for side in port.partial_shape),
                f"tensor({ONNX_TYPES.get(port.element_type.to_string(), port.element_type.to_string())})",
            )
            for port in self.model.inputs
        ]

    def get_outputs(self) -> list[SimpleNamespace]:
        """The outputs, each with its `name`."""
        return [SimpleNamespace(name=port.any_name) for port in self.model.outputs]

    def get_modelmeta(self) -> Any:
        """The metadata, as `custom_metadata_map`."""
        metadata = dict(self.model.get_rt_info().items()).get(METADATA_KEY, {})
        return SimpleNamespace(
            custom_metadata_map={name: str(getattr(value, "value", value)) for name, value in metadata.items()}
        )

    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in the order of `get_outputs`, for arrays of the inputs by name."""
        outputs = self.request.infer(dict(input_feed))
        return [outputs[k] for k in range(len(self.model.outputs))]


def convert_deform_conv(node: Any) -> Any:
    """Convert a DeformConv node (ONNX opset 19) to OpenVINO's deformable convolution and an addition of the bias."""
    from openvino import opset8

    x, weight, offset, bias, mask = (node.get_input(k) for k in range(5))
    strides, pads, dilations = (
        node.get_attribute(name, default)
        for name, default in (("strides", [1, 1]), ("pads", [0] * 4), ("dilations", [1, 1]))
    )
    convolved = opset8.deformable_convolution(
        x, offset, weight, strides, pads[:2], pads[2:], dilations, mask=mask, bilinear_interpolation_pad=True
    )
    return opset8.add(convolved, opset8.reshape(bias, np.array([1, -1, 1, 1]), False)).outputs()


def execution_providers(device: str, available: Sequence[str]) -> list[str | tuple[str, dict[str, int]]]:
    """Execution providers of ONNX Runtime for a device, CPU last. Raises UserError if ONNX Runtime lacks it."""
    kind, _, number = device.partition(":")
    if kind == "auto":
        kind = "cuda" if "CUDAExecutionProvider" in available else "cpu"
    names = {"cpu": None, "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
    if kind not in names or (number and not (kind == "cuda" and number.isdecimal())):
        raise UserError(f"--device {device}: expected auto, cpu, cuda, cuda:N, mps, openvino or openvino:bf16")
    name = names[kind]
    if name is None:
        return ["CPUExecutionProvider"]
    if name not in available:
        hint = "; pip install onnxruntime-gpu in its place" if kind == "cuda" else ""
        raise UserError(f"--device {device}: this ONNX Runtime has only {', '.join(available)}{hint}")
    provider = (name, {"device_id": int(number)}) if number else name
    return [provider, "CPUExecutionProvider"]


def summarise_error(error: Exception, length: int = 200) -> str:
    """First line of an error of ONNX Runtime or OpenVINO, at most `length` characters, without error codes."""
    text = str(error).partition(" failed:")[2] or str(error) or type(error).__name__
    lines = text.strip().splitlines()
    # OpenVINO's messages begin with places in its source.
    line = next((line for line in lines if not line.startswith(("Exception from", "Check '"))), lines[0])
    return line if len(line) <= length else line[: length - 1] + "…"
