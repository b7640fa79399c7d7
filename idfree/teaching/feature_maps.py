"""Choice of the feature maps of a detector that an embedding head reads: of the backbone, and of several strides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError

STRIDE = 8  # px of the input per cell that is read; finer maps are averaged down to it
FINE_STRIDE = 4  # of one finer map that is read, too
MIN_CHANNELS = 8  # fewer are outputs or inputs rather than features

OUTPUT = "idfree_maps"  # name of the new output: of the maps, or, in a taught graph, of the head


@dataclass(frozen=True)
class FeatureMap:
    """A tensor (1, channels, height, width) within a detector; stride: pixels of the input per cell."""

    name: str
    channels: int
    stride: int


class DetectorGraph(Protocol):
    """The graph of a detector's file, which can be written with one more output.

    output_count: of its own outputs, which come first. suffix: of the files that it writes.
    """

    output_count: int
    suffix: str

    def feature_maps(self, size_hw: tuple[int, int]) -> list[FeatureMap]:
        """The inputs of its convolutions, in the order of computation, for an input image of (height, width)."""

    def write(
        self,
        path: Any,
        maps: Sequence[FeatureMap],
        metadata: dict[str, str],
        head: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    ) -> None:
        """Write the graph with one more output, OUTPUT: the maps at one stride, concatenated.

        head: weight (C, D) and bias (D,) of a 1×1 convolution of them. Raises UserError if the file cannot be written.
        """


def find_map(size_hw: tuple[int, int], name: str, shape: Sequence[int | None]) -> FeatureMap | None:
    """A tensor of this shape as a feature map of an input of (height, width); None if it is none."""
    if len(shape) != 4 or not all(isinstance(side, int) and side > 1 for side in shape[1:]):
        return None
    _, channels, height, width = (int(side or 0) for side in shape)
    stride = size_hw[0] // height
    if channels < MIN_CHANNELS or size_hw != (height * stride, width * stride):
        return None
    return FeatureMap(name, channels, stride)


def choose_maps(maps: Sequence[FeatureMap], name: str) -> list[FeatureMap]:
    """Choose one or two maps to read.

    maps: all of a graph, in the order of computation. name: of the file, for messages. Chosen are the last of the
    widest (most channels) at FINE_STRIDE and at STRIDE, both before the backbone goes on to coarser ones; more maps
    cost time and did not help (docs/teach.md). Coarser strides stand in for STRIDE if there are none as fine. Raises
    UserError if there are no maps.
    """
    if not maps:
        raise UserError(
            f"{name} cannot be taught: none of its tensors is a feature map (1, C, H, W) whose cells are whole pixels"
        )
    stride = min((each.stride for each in maps if each.stride >= STRIDE), default=max(each.stride for each in maps))
    coarser = next((k for k, each in enumerate(maps) if each.stride > stride), len(maps))
    fine = widest(maps[:coarser], FINE_STRIDE)[-1:] if stride > FINE_STRIDE else []
    return [*fine, (widest(maps[:coarser], stride) or widest(maps, stride))[-1]]


def widest(maps: Sequence[FeatureMap], stride: int) -> list[FeatureMap]:
    """The maps of a stride with the most channels."""
    of_stride = [each for each in maps if each.stride == stride]
    most = max((each.channels for each in of_stride), default=0)
    return [each for each in of_stride if each.channels == most]


def named_maps(maps: Sequence[FeatureMap], names: Sequence[str]) -> list[FeatureMap]:
    """The maps of these names, in their order. Raises UserError for a name that is not among them."""
    known = {each.name: each for each in maps}
    for name in names:
        if name not in known:
            raise UserError(f"--set maps={name}: no feature map; among them are {', '.join(list(known)[-8:])}")
    return [known[name] for name in names]


def common_stride(maps: Sequence[FeatureMap]) -> int:
    """The coarsest stride of the maps. Raises UserError if another one does not divide it."""
    stride = max(each.stride for each in maps)
    for each in maps:
        if stride % each.stride:
            raise UserError(f"maps of strides {each.stride} and {stride}: expected one to divide the other")
    return stride
