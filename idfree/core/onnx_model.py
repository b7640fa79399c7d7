"""An ONNX model of any kind: its metadata, its inputs, and inference, with errors as UserError.

Detectors (idfree.detectors) and appearance networks (idfree.appearance) run their files by `OnnxModel`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.onnx_session import ModelInput, Session, open_session, summarise_error

KIND_KEY = "idfree.kind"  # metadata key of idfree's own files: "tracker" or "appearance"

Size = tuple[int, int]


class OnnxModel:
    """An ONNX model, ready to run.

    name: file name without its folder. metadata: of the file. inputs: descriptions of the model's inputs. output_names:
    of its outputs, () if unknown.
    device, threads: see `onnx_session.open_session`. session: an open session to use; `path` is then only a name.
    Raises UserError if the file cannot be opened.
    """

    def __init__(
        self, path: Path | str, device: str = "auto", threads: int | None = None, session: Session | None = None
    ):
        self.name = Path(path).name
        self.session = session or open_session(path, device, threads)
        self.metadata: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)
        self.inputs: Sequence[ModelInput] = self.session.get_inputs()
        outputs: Sequence[Any] = getattr(self.session, "get_outputs", tuple)()  # not every session has it
        self.output_names = tuple(str(port.name) for port in outputs)

    def run(self, feed: Mapping[str, NDArray[Any]], description: str) -> Sequence[NDArray[Any]]:
        """Outputs for the arrays of `feed`, by input name. description: of the feed, for messages, such as "640x480".

        Raises UserError if the network fails or an output contains NaN.
        """
        try:
            outputs = self.session.run(None, feed)
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            raise UserError(f"the network cannot run on {description}: {summarise_error(error)}") from error
        if any(has_nan(output) for output in outputs):
            raise UserError(
                "the network gives NaN: broken weights, a precision too low for them (if fp16, try an fp32 export), "
                "or a normalisation without epsilon, which divides by zero where a channel is constant"
            )
        return outputs

    def resize_input(self, port: ModelInput, size: Size) -> ModelInput:
        """The image input (N, C, H, W) at another (height, width), if the session can change it, as that of an IR.

        Raises UserError if the network does not allow it.
        """
        if not hasattr(self.session, "reshape") or tuple(port.shape[2:]) == size:
            return port
        self.session.reshape(port.name, [side or 1 for side in port.shape[:2]] + list(size))
        self.inputs = self.session.get_inputs()
        return next(each for each in self.inputs if each.name == port.name)

    def stored_size(self, default_hw: Size | None = None) -> Size:
        """(height, width) in the metadata `size`, "HEIGHTxWIDTH" in files; `default_hw` if the file has none.

        Raises UserError if it is not of that form, or missing without a default.
        """
        if "size" not in self.metadata and default_hw is not None:
            return default_hw
        text = self.metadata.get("size", "")
        size = parse_size(text)
        if size is None:
            raise UserError(f"its metadata says size={text}, expected HEIGHTxWIDTH")
        return size[::-1]

    def stored_number(self, key: str, low: float = -inf, high: float = inf, expected: str = "a number") -> float | None:
        """A number of the metadata in (low, high]; None if the file does not have it.

        expected: description of a valid number. Raises UserError if it is no number in that range.
        """
        if key not in self.metadata:
            return None
        try:
            number = float(self.metadata[key])
        except ValueError:
            number = nan
        if not low < number <= high:
            raise UserError(f"its metadata says {key}={self.metadata[key]}, expected {expected}")
        return number


def input_size(sides: Sequence[int | str | None], requested: str | None, default_hw: Size) -> Size:
    """(height, width) of an input image: the fixed sides of the model's input, else `requested`, else `default_hw`.

    sides: height and width of the input, an int if fixed. requested: "WIDTHxHEIGHT" or None.
    Raises UserError if `requested` is not of that form or differs from a fixed side.
    """
    wanted = default_hw if requested is None else requested_size(requested, default_hw)
    height, width = (side if isinstance(side, int) else other for side, other in zip(sides, wanted, strict=True))
    if requested is not None and (height, width) != wanted:
        raise UserError(f"--set size={requested}: its input is fixed at {width}x{height}; leave size out")
    return height, width


def requested_size(text: str, example_hw: Size) -> Size:
    """(height, width) from the setting `size`. Raises UserError if it is not "WIDTHxHEIGHT"."""
    size = parse_size(text)
    if size is None:
        raise UserError(f"--set size={text}: expected WIDTHxHEIGHT, such as {example_hw[1]}x{example_hw[0]}")
    return size


def parse_size(text: str) -> Size | None:
    """(height, width) from "WIDTHxHEIGHT"; None if `text` is not of that form."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    width, height = map(int, match.groups()) if match else (0, 0)
    return (height, width) if width and height else None


def describe_inputs(inputs: Sequence[ModelInput]) -> str:
    """Names and shapes of inputs as text, for example "images (1, 3, 640, 640)"."""
    return ", ".join(f"{port.name} ({', '.join(map(str, port.shape))})" for port in inputs) or "nothing"


def has_nan(array: NDArray[Any]) -> bool:
    """Whether an array contains NaN."""
    return array.dtype.kind == "f" and array.size > 0 and bool(np.isnan(array.min()))


@contextmanager
def prefix_errors(prefix: str) -> Iterator[None]:
    """Put `prefix: ` before the message of a UserError, for example the path of the file."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{prefix}: {error}") from error
