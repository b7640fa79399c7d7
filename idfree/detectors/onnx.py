"""Other people's detectors, exported to ONNX: picture in, boxes out."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import clip
from idfree.core.errors import UserError
from idfree.core.letterbox import Letterbox, draw, letterbox
from idfree.core.onnx_session import KINDS, ModelInput, Session, open_session, reason
from idfree.core.types import Detections, Frame, Image, View
from idfree.detectors.coco import NAMES
from idfree.detectors.formats import Candidates, class_count, listed, named, recognise
from idfree.detectors.suppression import nms

PAD = 114  # the grey around a letterboxed picture, in YOLOX, YOLOv5 and all after it
SIZE = "640x640"  # what nearly all of them are trained at


@dataclass(frozen=True)
class OnnxDetectorSettings:
    min_score: float = 0.1  # ByteTrack (Zhang 2022, sec. 3) still uses boxes of 0.1; a tracker can always ask for more
    max_iou: float = 0.65  # above, of two boxes of a class one goes; YOLOX (its COCO evaluation); for crowds 0.7
    max_boxes: int = 300  # the best of a frame (Ultralytics' max_det)
    max_candidates: int = 3000  # the best before suppression: bounds its time, 10 ms in a crowd at any min_score
    size: str | None = None  # WIDTHxHEIGHT of the input where the file leaves it open; None: its `imgsz`, or 640x640

    def __post_init__(self) -> None:
        if not (0 <= self.min_score <= 1 and 0 <= self.max_iou <= 1):
            raise ValueError(f"min_score={self.min_score} and max_iou={self.max_iou} must lie in 0…1")
        if self.max_boxes < 1 or self.max_candidates < 1:
            raise ValueError(f"max_boxes={self.max_boxes} and max_candidates={self.max_candidates} must be at least 1")


class OnnxDetector:
    """A detector from an ONNX file in one of `formats.FORMATS`.

    format: its name; None recognises it by the shapes of its outputs. classes: the names or numbers to keep; None keeps
    all. device, threads: see session.open_session. session: one opened already (`path` is then only its name).
    The input is one RGB or BGR picture (1, 3, H, W), fp32 or fp16, in a buffer that is used again for every frame.
    Raises UserError where the file cannot be opened, is no such detector, or gives NaN.
    """

    needs_images = True
    has_embeddings = False

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
        self.name = Path(path).name
        self.settings = settings or OnnxDetectorSettings()
        self.session = session or open_session(path, device, threads)
        try:
            self.prepare(self.session.get_inputs())
            self.recognise(format)
            self.class_ids = None if classes is None else chosen(classes, self.names)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    def prepare(self, ports: Sequence[ModelInput]) -> None:
        """Make the input's buffers. Raises UserError where it is not one picture."""
        pictures = [port for port in ports if len(port.shape) == 4]
        sizes = [port for port in ports if len(port.shape) == 2]
        if len(pictures) != 1 or len(ports) != len(pictures) + len(sizes) or len(sizes) > 1:
            raise UserError(
                f"takes {described(ports)}; a detector takes one picture (1, 3, H, W), "
                "and at most the size (1, 2) of the picture beside it"
            )
        (picture,) = pictures
        self.size_hw = input_size(picture, self.settings.size, told(self.session.get_modelmeta(), "imgsz"))
        self.planes = np.zeros((1, 3, *self.size_hw), dtype=kind(picture))
        self.feed: dict[str, NDArray[Any]] = {picture.name: self.planes}
        for port in sizes:  # RT-DETR's orig_target_sizes, (width, height): boxes are to come out in input pixels
            self.feed[port.name] = np.array([self.size_hw[::-1]], dtype=kind(port))

    def recognise(self, format: str | None) -> None:
        """Settle the format, the levels of the picture and the classes' names, by what a black picture gives.

        Shapes that the file leaves open are known only then; and a network that cannot run says so at once.
        """
        shapes = [output.shape for output in self.run()]
        name = format or recognise(shapes, self.size_hw)
        self.format = named(name, shapes, self.size_hw)
        self.levels = (np.arange(256) * (self.format.white / 255)).astype(self.planes.dtype)
        self.fit: Letterbox | None = None
        self.names = class_names(self.session.get_modelmeta(), class_count(shapes, name))

    def __call__(self, frame: Frame) -> View:
        if frame.image is None:
            raise UserError(f"frame {frame.number} comes without its image: the detector {self.name} needs one")
        fit = self.put(frame.image)
        try:
            candidates = self.format.decode(self.run(), self.size_hw, self.settings.min_score)
        except UserError as error:
            raise UserError(f"{self.name}, frame {frame.number}: {error}") from error
        return View(self.detections(candidates, fit), frame=frame, size_hw=fit.image_hw)

    def put(self, bgr: Image) -> Letterbox:
        """Put the picture into the input's buffer; the padding is drawn once per size of picture."""
        size_hw = (bgr.shape[0], bgr.shape[1])
        if self.fit is None or self.fit.image_hw != size_hw:
            self.fit = letterbox(size_hw, self.size_hw, self.format.place)
            self.planes[...] = self.levels[PAD]
        draw(bgr, self.fit, self.levels, self.format.rgb, self.planes[0])
        return self.fit

    def run(self) -> list[NDArray[Any]]:
        """The outputs, fp16 widened. Raises UserError where the network fails or gives NaN."""
        try:
            outputs = self.session.run(None, self.feed)
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise UserError(
                f"the network cannot run on {self.size_hw[1]}x{self.size_hw[0]}: {reason(error)}"
            ) from error
        if any(output.size and np.isnan(output.min()) for output in outputs):
            raise UserError("the network gives NaN: broken weights, or fp16 overflowing; try an fp32 export")
        return [o.astype(np.float32) if o.dtype == np.float16 else np.asarray(o) for o in outputs]

    def detections(self, candidates: Candidates, fit: Letterbox) -> Detections:
        """Candidates in input pixels → the frame's detections in image pixels, best first."""
        settings = self.settings
        kept = np.isfinite(candidates.xyxy.sum(axis=1))
        if self.class_ids is not None:
            kept &= np.isin(candidates.class_id, self.class_ids)
        candidates = candidates.take(kept)
        best = np.argsort(-candidates.score, kind="stable")
        candidates = candidates.take(best[: settings.max_candidates])
        if self.format.suppress:
            candidates = candidates.take(nms(*candidates, settings.max_iou))
        xyxy, score, class_id = candidates.take(np.arange(len(candidates.score)) < settings.max_boxes)
        detections = Detections(clip(fit.to_image(xyxy), fit.image_hw), score, class_id)
        return detections[detections.sane(fit.image_hw)]


def told(meta: Any, key: str) -> Any:
    """What an export's metadata says of `key`, a Python literal as Ultralytics writes it; None if nothing."""
    try:
        return ast.literal_eval(meta.custom_metadata_map[key])
    except (KeyError, ValueError, SyntaxError):
        return None


def input_size(picture: ModelInput, wanted: str | None, usual: Any = None) -> tuple[int, int]:
    """(height, width) of the picture; where the file leaves it open, `wanted` ("WIDTHxHEIGHT") or `usual` ([H, W]).

    Raises UserError where the input is no picture, or `wanted` no size, or not the size that it has.
    """
    batch, channels, *sides = picture.shape
    if (isinstance(batch, int) and batch != 1) or (isinstance(channels, int) and channels != 3):
        raise UserError(f"takes {described([picture])}; expected one picture (1, 3, H, W): export it with batch 1")
    own = f"{usual[1]}x{usual[0]}" if isinstance(usual, list | tuple) and len(usual) == 2 else SIZE
    width, _, height = (wanted or own).partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UserError(f"--set size={wanted}: expected WIDTHxHEIGHT, such as {SIZE}")
    asked = (int(height), int(width))
    size = tuple(side if isinstance(side, int) else other for side, other in zip(sides, asked, strict=True))
    if wanted and size != asked:
        raise UserError(f"--set size={wanted}: its input is fixed at {size[1]}x{size[0]}; leave size out")
    return size[0], size[1]


def kind(port: ModelInput) -> type[np.generic]:
    """The NumPy type of an input. Raises UserError for one that is not among session.KINDS."""
    if port.type not in KINDS:
        raise UserError(f"its input {port.name} is a {port.type}; expected one of {', '.join(KINDS)}")
    return KINDS[port.type]


def class_names(meta: Any, count: int | None) -> dict[int, str]:
    """Class number → name: the file's own (`names`, as Ultralytics writes it), COCO's where it tells 80 apart, or none.

    Raises UserError where the file names another number of classes than its outputs have columns for.
    """
    own = told(meta, "names")
    if not isinstance(own, list | tuple | dict):
        return dict(enumerate(NAMES)) if count == len(NAMES) else {}
    pairs = own.items() if isinstance(own, dict) else enumerate(own)
    names = {int(k): str(v) for k, v in pairs if str(k).isdecimal()}
    if count is not None and len(names) != count:
        raise UserError(
            f"names {len(names)} classes but gives {count} columns for them: a pose, segmentation or oriented-box "
            "export? Only plain detection can be read"
        )
    return names


def chosen(classes: Sequence[str | int], names: dict[int, str]) -> NDArray[np.int64]:
    """The numbers of the classes asked for, by name or number. Raises UserError for a name that is not there."""
    numbers = []
    for wanted in classes:
        matches = [k for k, name in names.items() if name.lower() == str(wanted).strip().lower()]
        if not matches and not str(wanted).strip().isdecimal():
            known = ", ".join(list(names.values())[:8]) + (", …" if len(names) > 8 else "")
            raise UserError(
                f"--classes {wanted}: unknown; "
                + (f"it knows {known}" if names else "the file does not name its classes, so give their numbers")
            )
        numbers += matches or [int(wanted)]
    return np.array(numbers, dtype=np.int64)


def described(ports: Sequence[ModelInput]) -> str:
    return ", ".join(f"{port.name} {listed([port.shape])}" for port in ports) or "nothing"
