"""Third-party detectors exported to ONNX or OpenVINO IR: letterboxed image in, boxes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import clip
from idfree.core.errors import UserError
from idfree.core.letterbox import Letterbox, draw, letterbox
from idfree.core.onnx_model import OnnxModel, describe_inputs, input_size, prefix_errors, requested_size
from idfree.core.onnx_session import ModelInput, Session
from idfree.core.suppression import demote_parts, nms
from idfree.core.types import Detections, Floats, Frame, Image, Integers, View
from idfree.detectors.candidates import Candidates
from idfree.detectors.classes import class_names, select_class_ids
from idfree.detectors.formats import get_format
from idfree.detectors.input_shape import PIXELS_KEY, SIZE_HW, image_size, numpy_type, shape_like
from idfree.detectors.normalisation import normalisation_table, parse_triple
from idfree.detectors.recognition import recognise
from idfree.detectors.refinement import MIN_SCORE, refine_by_candidates

PADDING = 114  # grey level around a letterboxed image: YOLOX, YOLOv5 and later


@dataclass(frozen=True)
class OnnxDetectorSettings:
    """Set by `--set detector.NAME=VALUE`. Raises ValueError for values out of range."""

    min_score: float = 0.1  # ByteTrack (Zhang 2022, sec. 3) still uses boxes of 0.1; trackers have their own thresholds
    max_iou: float = 0.65  # of non-maximum suppression within a class: YOLOX, COCO evaluation; for crowds 0.7
    part_score: float = 1.0  # factor of the score of a box that is a part of a better one, or holds it; 1: the same
    max_boxes: int = 300  # per frame, by score: Ultralytics' max_det
    max_candidates: int = 3000  # before suppression, by score: bounds its time
    size: str | None = None  # WIDTHxHEIGHT of the input if the file leaves it open; None: as its metadata say, or 640²
    scale: float | None = None  # input value of white before mean and deviation, 1 or 255; None: of the format
    mean: str | None = None  # subtracted then: of red, green and blue, as "0.485,0.456,0.406", or one number
    deviation: str | None = None  # divided by then, as "0.229,0.224,0.225"
    channels: Literal["auto", "rgb", "bgr"] = "auto"  # colour order of the input; auto: of the format

    def __post_init__(self) -> None:
        if not (0 <= self.min_score <= 1 and 0 <= self.max_iou <= 1):
            raise ValueError(f"min_score={self.min_score} and max_iou={self.max_iou} must lie in 0…1")
        if not 0 <= self.part_score <= 1:
            raise ValueError(f"part_score={self.part_score} must lie in 0…1")
        if self.max_boxes < 1 or self.max_candidates < 1:
            raise ValueError(f"max_boxes={self.max_boxes} and max_candidates={self.max_candidates} must be at least 1")
        if self.scale is not None and not 0 < self.scale < inf:
            raise ValueError(f"scale={self.scale} must be positive: 1 for intensities 0…1, 255 for 0…255")
        for name, text in (("mean", self.mean), ("deviation", self.deviation)):
            parse_triple(name, text, is_positive=name == "deviation")


class OnnxDetector:
    """A detector from an ONNX file whose outputs are in one of `formats.FORMATS`.

    format: name of the format; None recognises it by the outputs. classes: names or numbers of the
    classes to detect; None detects all. device, threads: see `open_session`. session: an open session to use; `path`
    is then only a name.
    The model's input is one image (1, 3, H, W), fp32 or fp16, in a buffer that is reused for every frame. If the file
    leaves H and W open and says how many pixels it wants (PIXELS_KEY), the input has the shape of the images.
    Raises UserError if the file cannot be opened, is no such detector, or gives NaN.
    """

    needs_images = True
    has_embeddings = False
    is_network = True

    def __init__(
        self,
        path: Path | str,
        format: str | None = None,
        settings: OnnxDetectorSettings | None = None,
        classes: Sequence[str | int] | None = None,
        device: str = "auto",
        threads: int | None = None,
        session: Session | None = None,
    ):
        self.settings = settings or OnnxDetectorSettings()
        self.model = OnnxModel(path, device, threads, session)
        self.name = self.model.name
        with prefix_errors(str(path)):
            self.allocate_inputs(self.model.inputs)
            self.set_format(format)
            self.class_ids = None if classes is None else select_class_ids(classes, self.names)

    def allocate_inputs(self, inputs: Sequence[ModelInput]) -> None:
        """Allocate the input buffers. Raises UserError if the input is not one image."""
        images = [port for port in inputs if len(port.shape) == 4]
        sizes = [port for port in inputs if len(port.shape) == 2]
        masks = [port for port in inputs if len(port.shape) == 3 and "mask" in port.name]
        count = len(images) + len(sizes) + len(masks)
        if len(images) != 1 or len(inputs) != count or len(sizes) > 1 or len(masks) > 1:
            raise UserError(
                f"takes {describe_inputs(inputs)}; a detector takes one image (1, 3, H, W), "
                "and at most the size (1, 2) of the image beside it"
            )
        (image,) = images
        if self.settings.size is not None:
            image = self.model.resize_input(image, requested_size(self.settings.size, SIZE_HW))
        self.size_hw = image_size(image, self.settings.size, self.model.metadata)
        self.port, self.feed = image, {}
        self.allocate_planes()
        pixels = self.model.stored_number(PIXELS_KEY, 0, expected="a number of pixels")
        self.pixels = None if self.settings.size or sizes or masks else pixels
        for port in sizes:  # RT-DETR's orig_target_sizes, (width, height): that of the input, so that boxes are in it
            self.feed[port.name] = np.array([self.size_hw[::-1]], dtype=numpy_type(port))
        for port in masks:  # DETR's pixel_mask: all pixels are of the image
            sides = input_size(port.shape[1:], None, self.size_hw)
            self.feed[port.name] = np.ones((1, *sides), dtype=numpy_type(port))

    def allocate_planes(self) -> None:
        """Allocate the image input of `size_hw`."""
        self.planes = np.zeros((1, 3, *self.size_hw), dtype=numpy_type(self.port))
        self.feed[self.port.name] = self.planes

    def set_format(self, format: str | None) -> None:
        """Determine the format, the normalisation and the class names from the outputs for an image of seeded noise.

        The network runs once, as dynamic output shapes are unknown before, and so that its errors show up early.
        """
        self.planes[...] = np.random.default_rng(0).random(self.planes.shape, dtype=np.float32)
        outputs = self.run()
        shapes = [output.shape for output in outputs]
        name = format or recognise(outputs, self.model.output_names, self.model.metadata, self.size_hw)
        self.format = get_format(name, shapes, self.size_hw)
        self.rgb = self.format.rgb if self.settings.channels == "auto" else self.settings.channels == "rgb"
        settings = (self.settings.scale, self.settings.mean, self.settings.deviation)
        self.table = normalisation_table(self.format, *settings, self.rgb).astype(self.planes.dtype)
        self.letterbox: Letterbox | None = None
        self.names = class_names(self.model.metadata, self.format.class_count(shapes))

    def __call__(self, frame: Frame) -> View:
        if frame.image is None:
            raise UserError(f"frame {frame.number} comes without its image: the detector {self.name} needs one")
        geometry = self.draw_input(frame.image)
        with prefix_errors(f"{self.name}, frame {frame.number}"):
            outputs = self.run()
            candidates = self.format.decode(outputs, self.size_hw, self.settings.min_score)
        detections, refiner = self.select_detections(candidates, geometry), partial(self.refine, outputs, geometry)
        return View(detections, frame=frame, size_hw=geometry.image_hw, refiner=refiner)

    def refine(
        self, outputs: Sequence[NDArray[Any]], geometry: Letterbox, xyxy: Floats, class_id: Integers
    ) -> tuple[Floats, Floats]:
        """See `refine_by_candidates`; the candidates of these outputs are decoded only when this is called."""
        candidates = self.limit_candidates(self.format.decode(outputs, geometry.input_hw, MIN_SCORE))
        in_image = candidates._replace(xyxy=clip(geometry.to_image(candidates.xyxy), geometry.image_hw))
        return refine_by_candidates(xyxy, class_id, in_image)

    def draw_input(self, bgr: Image) -> Letterbox:
        """Draw an image into the input buffer; the padding is filled only if the image size changes."""
        image_hw = (bgr.shape[0], bgr.shape[1])
        if self.letterbox is None or self.letterbox.image_hw != image_hw:
            self.fit_input(image_hw)
            self.letterbox = letterbox(image_hw, self.size_hw, self.format.placement)
            self.planes[...] = self.table[:, PADDING, None, None]
        draw(bgr, self.letterbox, self.table, self.rgb, self.planes[0])
        return self.letterbox

    def fit_input(self, image_hw: tuple[int, int]) -> None:
        """Give the input the shape of an image, if the file says how many pixels it should have."""
        size_hw = self.size_hw if self.pixels is None else shape_like(image_hw, self.pixels)
        if size_hw != self.size_hw:
            self.size_hw = size_hw
            self.port = self.model.resize_input(self.port, size_hw)
            self.allocate_planes()

    def run(self) -> list[NDArray[Any]]:
        """Outputs for the input buffers, fp16 converted to fp32. Raises UserError if the network fails or gives NaN."""
        outputs = self.model.run(self.feed, f"{self.size_hw[1]}x{self.size_hw[0]}")
        return [o.astype(np.float32) if o.dtype == np.float16 else np.asarray(o) for o in outputs]

    def select_detections(self, candidates: Candidates, geometry: Letterbox) -> Detections:
        """Candidates in input pixels → detections in image pixels, by descending score."""
        settings = self.settings
        candidates = self.limit_candidates(candidates)
        if self.format.suppress:
            candidates = self.demote(candidates.take(nms(*candidates, settings.max_iou)))
        xyxy, score, class_id = candidates.take(np.arange(len(candidates.score)) < settings.max_boxes)
        detections = Detections(clip(geometry.to_image(xyxy), geometry.image_hw), score, class_id)
        return detections[detections.valid_mask(geometry.image_hw)]

    def demote(self, candidates: Candidates) -> Candidates:
        """Candidates with lower scores of parts, by descending score, as far as they reach the least score."""
        if self.settings.part_score == 1:
            return candidates
        score = demote_parts(*candidates, self.settings.part_score)
        reaching = np.count_nonzero(score >= self.settings.min_score)
        return candidates._replace(score=score).take(np.argsort(-score, kind="stable")[:reaching])

    def limit_candidates(self, candidates: Candidates) -> Candidates:
        """The finite candidates of the classes to detect, by descending score, as many as the settings allow."""
        mask = np.isfinite(candidates.xyxy.sum(axis=1))
        if self.class_ids is not None:
            mask &= np.isin(candidates.class_id, self.class_ids)
        candidates = candidates.take(mask)
        return candidates.take(np.argsort(-candidates.score, kind="stable")[: self.settings.max_candidates])
