"""An ONNX file opened for running: where it runs, and what its failures mean."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from idfree.errors import UserError

ERRORS_ONLY = 3  # ONNX Runtime's severities: 2 warns of every weight it drops and every node it leaves on the CPU

KINDS: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


class Port(Protocol):
    """An input or output: its shape has an int where the size is fixed, a name or None where it is left open."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Sequence[int | str | None]: ...
    @property
    def type(self) -> str: ...


class Session(Protocol):
    """What is asked of an onnxruntime.InferenceSession, or of anything that stands in for one."""

    def get_inputs(self) -> Sequence[Port]: ...
    def get_modelmeta(self) -> Any: ...
    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> Sequence[NDArray[Any]]: ...


def open_session(path: Path | str, device: str = "auto", threads: int | None = None) -> Session:
    """Open an ONNX file with ONNX Runtime.

    device: `auto` (CUDA where this ONNX Runtime has it, else CPU), `cpu`, `cuda`, `cuda:1`, `mps`. threads: CPU threads
    within an operator; None lets ONNX Runtime take every core.
    Raises UserError where there is no such file, it cannot be read as a model, or the device is not to be had.
    """
    import onnxruntime

    if not Path(path).is_file():
        raise UserError(f"{path}: {'is a folder' if Path(path).is_dir() else 'no such file'}, expected an ONNX model")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads or 0
    wanted = providers(device, onnxruntime.get_available_providers())
    try:
        session: Session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        raise UserError(f"{path}: ONNX Runtime cannot load it as a model: {reason(error)}") from error
    return session


def providers(device: str, available: Sequence[str]) -> list[str | tuple[str, dict[str, int]]]:
    """The execution providers for a device, the CPU last. Raises UserError where ONNX Runtime lacks the device's."""
    kind, _, number = device.partition(":")
    if kind == "auto":
        kind = "cuda" if "CUDAExecutionProvider" in available else "cpu"
    wanted = {"cpu": None, "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
    if kind not in wanted or (number and not (kind == "cuda" and number.isdecimal())):
        raise UserError(f"--device {device}: expected auto, cpu, cuda, cuda:N or mps")
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
