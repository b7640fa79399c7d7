"""idfree's own trackers: one look at the picture gives boxes and embeddings (Zhang 2020, FairMOT)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.letterbox import Letterbox, letterbox
from idfree.core.onnx_session import Session, open_session, reason
from idfree.core.types import Detections, Frame, Image, View
from idfree.detectors.onnx import chosen, class_names

KIND = "tracker"  # what the files call themselves (metadata idfree.kind)
GREY = 127  # around the picture, as in training
MULTIPLE = 32  # of which the sides of the network's picture are


@dataclass(frozen=True)
class OneShotDetectorSettings:
    min_score: float = 0.1  # ByteTrack (Zhang 2022, sec. 3) still uses boxes of 0.1; a tracker can always ask for more
    size: str | None = None  # WIDTHxHEIGHT of the network's picture; None: the one that it was trained at

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score={self.min_score} must lie in 0…1")


class OneShotDetector:
    """A detector whose boxes come with embeddings, and with the distances that suit them if the file knows them.

    The network takes `image` uint8 (1, H, W, 3) BGR, letterboxed, and gives boxes (K, 4) in its pixels, scores (K,),
    classes (K,) and embeddings (K, D), best first. classes: the names or numbers to keep; None keeps all. device,
    threads: see session.open_session. session: one opened already (`path` is then only its name).
    Raises UserError where the file cannot be opened, is no such network, or gives NaN.
    """

    needs_images = True
    has_embeddings = True

    def __init__(
        self,
        path: Path | str,
        settings: OneShotDetectorSettings | None = None,
        classes: Sequence[str | int] | None = None,
        device: str = "auto",
        threads: int | None = None,
        session: Session | None = None,
    ):
        self.name = Path(path).name
        self.settings = settings or OneShotDetectorSettings()
        self.session = session or open_session(path, device, threads)
        meta = self.session.get_modelmeta()
        self.metadata: dict[str, str] = dict(meta.custom_metadata_map)
        try:
            self.size_hw = size_of(self.settings.size, self.metadata)
            self.match_threshold = distance_of("limit", self.metadata)
            self.upper_threshold = distance_of("farthest", self.metadata)
            self.class_ids = None if classes is None else chosen(classes, class_names(meta, None))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        self.picture = np.full((1, *self.size_hw, 3), GREY, dtype=np.uint8)
        self.fit: Letterbox | None = None

    def __call__(self, frame: Frame) -> View:
        if frame.image is None:
            raise UserError(f"frame {frame.number} comes without its image: the detector {self.name} needs one")
        fit = self.put(frame.image)
        try:
            found = self.found(fit)
        except UserError as error:
            raise UserError(f"{self.name}, frame {frame.number}: {error}") from error
        return View(
            found,
            frame,
            fit.image_hw,
            match_threshold=self.match_threshold,
            upper_threshold=self.upper_threshold,
        )

    def put(self, bgr: Image) -> Letterbox:
        """Draw the picture as it was in training: as large as it fits, in the middle of grey."""
        import cv2

        size_hw = (bgr.shape[0], bgr.shape[1])
        if self.fit is None or self.fit.image_hw != size_hw:
            self.fit = letterbox(size_hw, self.size_hw, "centre")
            self.picture[...] = GREY
        (left, top), (height, width) = self.fit.offset_xy, self.fit.resized_hw
        target = self.picture[0, top : top + height, left : left + width]
        target[...] = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_LINEAR)
        return self.fit

    def found(self, fit: Letterbox) -> Detections:
        """What the network makes of its picture, in the pixels of the image."""
        boxes, score, class_id, embedding = self.run()
        kept = score >= self.settings.min_score
        if self.class_ids is not None:
            kept &= np.isin(class_id, self.class_ids)
        xyxy = fit.to_image(boxes[kept].astype(np.float64))  # not cut to the picture: people go on beyond its border
        detections = Detections(xyxy, score[kept], class_id[kept], embedding[kept])
        return detections.only(detections.sane(fit.image_hw))

    def run(self) -> Sequence[NDArray[Any]]:
        """The outputs. Raises UserError where the network fails or gives NaN."""
        try:
            outputs = self.session.run(None, {"image": self.picture})
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            size = f"{self.size_hw[1]}x{self.size_hw[0]}"
            raise UserError(f"the network cannot run on {size}: {reason(error)}") from error
        if any(np.isnan(output).any() for output in outputs):
            raise UserError("the network gives NaN: broken weights, or a precision too low for them")
        return outputs


def size_of(wanted: str | None, metadata: dict[str, str]) -> tuple[int, int]:
    """(height, width) of the network's picture: `wanted` ("WIDTHxHEIGHT") or what the file says ("HEIGHTxWIDTH").

    Raises UserError where either is none.
    """
    said = metadata.get("size", "") if wanted is None else "x".join(wanted.split("x")[::-1])
    height, _, width = said.partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        where = "metadata size" if wanted is None else "--set detector.size"
        raise UserError(f"{where}={said if wanted is None else wanted}: expected two numbers, such as 1088x608")
    if int(height) % MULTIPLE or int(width) % MULTIPLE:
        raise UserError(f"size {width}x{height}: expected multiples of {MULTIPLE}")
    return int(height), int(width)


def distance_of(name: str, metadata: dict[str, str]) -> float | None:
    """A cosine distance (see View), if the file knows it. Raises UserError where it is no number."""
    try:
        return float(metadata[name])
    except KeyError:
        return None
    except ValueError:
        raise UserError(f"metadata {name} is {metadata[name]!r}, expected a number") from None
