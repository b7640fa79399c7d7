"""An ONNX file opened for running: where it runs, and what its failures mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import MissingExtra, UserError

ERRORS_ONLY = 3  # ONNX Runtime's severities: 2 warns of every weight it drops and every node it leaves on the CPU

KINDS: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
OPENVINO = {"openvino": "f32", "openvino:bf16": "bf16"}  # devices, and the precision in which OpenVINO then works
ELEMENTS = {
    "f32": "float",
    "f16": "float16",
    "i64": "int64",
    "i32": "int32",
    "u8": "uint8",
}  # its types in ONNX's words


class ModelInput(Protocol):
    """An input or output: its shape has an int where the size is fixed, a name or None where it is left open."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Sequence[int | str | None]: ...
    @property
    def type(self) -> str: ...


class Session(Protocol):
    """What is asked of an onnxruntime.InferenceSession, or of anything that stands in for one."""

    def get_inputs(self) -> Sequence[ModelInput]: ...
    def get_modelmeta(self) -> Any: ...
    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> Sequence[NDArray[Any]]: ...


def open_session(path: Path | str, device: str = "auto", threads: int | None = None) -> Session:
    """Open an ONNX file with ONNX Runtime, or on the device `openvino` with OpenVINO.

    device: `auto` (CUDA where this ONNX Runtime has it, else CPU), `cpu`, `cuda`, `cuda:1`, `mps`, `openvino` (the CPU,
    in float32), `openvino:bf16`. threads: CPU threads within an operator; None takes every core.
    Raises UserError where there is no such file, it cannot be read as a model, or the device is not to be had.
    """
    import onnxruntime

    if not Path(path).is_file():
        raise UserError(f"{path}: {'is a folder' if Path(path).is_dir() else 'no such file'}, expected an ONNX model")
    if device in OPENVINO:
        return OpenVinoSession(path, OPENVINO[device], threads)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads or 0
    wanted = providers(device, onnxruntime.get_available_providers())
    try:
        session: Session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        raise UserError(f"{path}: ONNX Runtime cannot load it as a model: {reason(error)}") from error
    return session


@dataclass(frozen=True)
class OpenVinoInput:
    """An input of a model in OpenVINO."""

    name: str
    shape: tuple[int | None, ...]
    type: str


class OpenVinoSession:
    """An ONNX file in OpenVINO, asked as one in ONNX Runtime.

    precision: `f32`, or `bf16`, in which CPUs that multiply it are several times as fast; a network's figures then have
    three digits. Raises MissingExtra without the package openvino, and UserError where it cannot read the model.
    """

    def __init__(self, path: Path | str, precision: str = "f32", threads: int | None = None):
        try:
            import openvino
            from openvino.frontend.onnx import ConversionExtension
        except ModuleNotFoundError as error:
            raise MissingExtra("openvino", "openvino", "--device openvino") from error
        core = openvino.Core()
        core.add_extension(ConversionExtension("DeformConv", deform_conv))  # without it, OpenVINO 2026.4 crashes
        options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        options |= {"INFERENCE_NUM_THREADS": str(threads or 0)}
        try:
            self.model = core.read_model(str(path))
            compiled = core.compile_model(self.model, "CPU", options)
        except RuntimeError as error:
            raise UserError(f"{path}: OpenVINO cannot load it as a model: {reason(error)}") from error
        self.request = compiled.create_infer_request()

    def get_inputs(self) -> list[OpenVinoInput]:
        return [
            OpenVinoInput(
                port.any_name,
                tuple(side.get_length() if side.is_static else None for side in port.partial_shape),
                f"tensor({ELEMENTS.get(port.element_type.to_string(), port.element_type.to_string())})",
            )
            for port in self.model.inputs
        ]

    def get_modelmeta(self) -> Any:
        said = dict(self.model.get_rt_info().items()).get("framework", {})
        return SimpleNamespace(custom_metadata_map={name: value.value for name, value in said.items()})

    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        found = self.request.infer(dict(input_feed))
        return [found[k] for k in range(len(self.model.outputs))]


def deform_conv(node: Any) -> Any:
    """ONNX's DeformConv (opset 19) in OpenVINO's operators, of which it is two."""
    from openvino import opset8

    x, weight, offset, bias, mask = (node.get_input(k) for k in range(5))
    strides, pads, dilations = (
        node.get_attribute(name, default)
        for name, default in (("strides", [1, 1]), ("pads", [0] * 4), ("dilations", [1, 1]))
    )
    found = opset8.deformable_convolution(
        x, offset, weight, strides, pads[:2], pads[2:], dilations, mask=mask, bilinear_interpolation_pad=True
    )
    return opset8.add(found, opset8.reshape(bias, np.array([1, -1, 1, 1]), False)).outputs()


def providers(device: str, available: Sequence[str]) -> list[str | tuple[str, dict[str, int]]]:
    """The execution providers for a device, the CPU last. Raises UserError where ONNX Runtime lacks the device's."""
    kind, _, number = device.partition(":")
    if kind == "auto":
        kind = "cuda" if "CUDAExecutionProvider" in available else "cpu"
    wanted = {"cpu": None, "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
    if kind not in wanted or (number and not (kind == "cuda" and number.isdecimal())):
        raise UserError(f"--device {device}: expected auto, cpu, cuda, cuda:N, mps, openvino or openvino:bf16")
    name = wanted[kind]
    if name is None:
        return ["CPUExecutionProvider"]
    if name not in available:
        hint = "; pip install onnxruntime-gpu in its place" if kind == "cuda" else ""
        raise UserError(f"--device {device}: this ONNX Runtime has only {', '.join(available)}{hint}")
    chosen = (name, {"device_id": int(number)}) if number else name
    return [chosen, "CPUExecutionProvider"]


def reason(error: Exception, length: int = 200) -> str:
    """The first line of what ONNX Runtime says, without its codes, the path and its tail."""
    text = str(error).partition(" failed:")[2] or str(error) or type(error).__name__
    line = text.strip().splitlines()[0]
    return line if len(line) <= length else line[: length - 1] + "…"
