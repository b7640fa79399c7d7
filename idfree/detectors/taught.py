"""Detectors taught by `idfree teach`: a third party's file with an embedding head on its own feature maps.

The graph holds the head, but not the reading of boxes from its output, OUTPUT: boxes are decoded and suppressed outside
of the graph, for all formats in one way, so a graph could only read every candidate, hundreds for each box that stays.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.onnx_model import KIND_KEY, prefix_errors
from idfree.core.onnx_session import ModelInput, Session
from idfree.core.settings import override
from idfree.core.stripes import read_own_stripes
from idfree.core.types import Floats, Frame, Image, View
from idfree.detectors.onnx import OnnxDetector, OnnxDetectorSettings

MAPS, TAUGHT = "maps", "taught"  # kinds of files: with the maps themselves as the last output, or with the head
OUTPUTS_KEY, FORMAT_KEY, SETTINGS_KEY = "idfree.outputs", "idfree.format", "idfree.settings"  # of the metadata
CLASSES_KEY, STRIPES_KEY = "idfree.classes", "idfree.stripes"

Embed = Callable[[Image, Floats], NDArray[np.floating[Any]]]  # (image, xyxy (N, 4)) → unit embeddings (N, E)


class DetectorWithMaps(OnnxDetector):
    """A third-party detector whose file has one more output, `map` (C, h, w) of the last image."""

    map: NDArray[Any]

    def allocate_inputs(self, inputs: Sequence[ModelInput]) -> None:
        """Also separate the map from the outputs of the detector. Raises UserError as OnnxDetector does."""
        self.own_outputs = int(self.model.stored_number(OUTPUTS_KEY, 0, expected="a number of outputs") or 1)
        self.model.output_names = self.model.output_names[: self.own_outputs]
        super().allocate_inputs(inputs)

    def run(self) -> list[NDArray[Any]]:
        """The outputs of the detector; the last output of the graph becomes `map`."""
        *outputs, maps = super().run()
        self.map = maps[0]
        return outputs


@dataclass(frozen=True)
class TaughtDetectorSettings(OnnxDetectorSettings):
    """Those of OnnxDetector, and whether colour is used."""

    colour: bool = True  # concatenate a colour histogram with the embeddings, if the file was calibrated with one


class TaughtDetector(DetectorWithMaps):
    """A detector whose boxes have embeddings, read from its map in horizontal stripes.

    histogram: of colour, whose embeddings are concatenated (see ConcatenatedEncoder) with the weight in the file's
    metadata; None for none. Raises UserError as OnnxDetector does.
    """

    has_embeddings = True

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.histogram: Embed | None = None
        number = self.model.stored_number
        self.stripes = int(number(STRIPES_KEY, 0, expected="a number of stripes") or 1)
        has_colour = getattr(self.settings, "colour", True)
        self.colour_weight = (number("colour", 0, 1, "a share of the embedding in 0…1") or 0.0) if has_colour else 0.0
        suffix = "" if self.colour_weight else ".alone"
        self.match_threshold, self.upper_threshold = number(f"limit{suffix}"), number(f"farthest{suffix}")
        if len(self.map) % self.stripes:
            raise UserError(f"{self.name}: its map has {len(self.map)} channels for {self.stripes} stripes")

    def __call__(self, frame: Frame) -> View:
        view = super().__call__(frame)
        assert frame.image is not None  # else the detector has raised an error
        embedding = self.embed(frame.image, view.detections.xyxy)
        return replace(
            view,
            detections=replace(view.detections, embedding=embedding),
            match_threshold=self.match_threshold,
            upper_threshold=self.upper_threshold,
        )

    def embed(self, image: Image, xyxy: Floats) -> NDArray[np.float32]:
        """Unit embeddings (N, D) of boxes (N, 4) of the last image."""
        assert self.letterbox is not None
        embedding = read_own_stripes(self.map, self.letterbox.to_input(xyxy), self.size_hw, self.stripes)
        length = np.linalg.norm(embedding, axis=1, keepdims=True)
        own = embedding / np.maximum(length, np.finfo(np.float32).tiny)
        if self.histogram is None or not self.colour_weight:
            return own
        weight = self.colour_weight
        return np.hstack([np.sqrt(1 - weight) * own, np.sqrt(weight) * self.histogram(image, xyxy)]).astype(np.float32)


def stored_options(metadata: dict[str, str]) -> tuple[str | None, list[str], list[str]]:
    """Format, settings (`name=value`) and classes that a file was taught with. Raises UserError for damaged ones."""
    try:
        settings, classes = (json.loads(metadata.get(key, "[]")) for key in (SETTINGS_KEY, CLASSES_KEY))
        return metadata.get(FORMAT_KEY), [str(each) for each in settings], [str(each) for each in classes]
    except (ValueError, TypeError) as error:
        raise UserError(f"its metadata says {SETTINGS_KEY}={metadata.get(SETTINGS_KEY)}, expected a list") from error


def open_taught(
    spec: Path | str, format: str | None, assignments: Iterable[str], classes: Sequence[str | int], session: Session
) -> DetectorWithMaps:
    """Open a file of the kinds MAPS and TAUGHT, with the options that it was taught with unless others are given.

    format, assignments, classes: as of `open_detector`. Raises UserError.
    """
    metadata = dict(session.get_modelmeta().custom_metadata_map)
    with prefix_errors(str(spec)):
        stored_format, stored_settings, stored_classes = stored_options(metadata)
    chosen = classes or stored_classes or None
    is_taught = metadata.get(KIND_KEY) == TAUGHT
    settings = override(
        TaughtDetectorSettings() if is_taught else OnnxDetectorSettings(), [*stored_settings, *assignments]
    )
    opened = TaughtDetector if is_taught else DetectorWithMaps
    return opened(spec, format or stored_format, settings, chosen, session=session)
