"""Detections that are there already: from a file, or from an array."""

from idfree.types import Annotation, Frame, View


class Given:
    """A detector that looks its boxes up by frame number; it needs no image.

    annotation: rows sorted by frame, embeddings and all. size_hw: (height, width) of the frames, if known.
    name: what it is called in reports. A frame without rows gives an empty view.
    """

    needs_images = False

    def __init__(self, annotation: Annotation, size_hw: tuple[int, int] | None = None, name: str = "given"):
        self.annotation = annotation
        self.size_hw = size_hw
        self.name = name
        self.has_embeddings = annotation.embedding is not None

    def __call__(self, frame: Frame) -> View:
        return View(self.annotation.at(frame.number), frame=frame, size_hw=self.size_hw)
