"""`--appearance auto`: own embeddings, else colour histograms where a model reads the images, else none."""

from dataclasses import dataclass

import numpy as np
import pytest

from idfree.appearance.colour import ColourHistogram
from idfree.core.types import Detections, Frame, Sequence, View
from idfree.pipelines.detection.callable_detector import CallableDetector
from idfree.pipelines.detection.open_appearance import automatic_encoder, open_appearance
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.selection import Selection


@dataclass(frozen=True)
class Model:
    """A detector of one box, with or without images and embeddings."""

    needs_images: bool = True
    has_embeddings: bool = False
    name: str = "made up"

    def __call__(self, frame):
        return View(Detections(np.array([[2.0, 2, 12, 22]]), np.array([0.9])), frame)


@pytest.mark.parametrize(
    ("model", "appearance", "is_colour"),
    [
        (Model(), "auto", True),
        (Model(), "own", False),
        (Model(), "none", False),
        (Model(has_embeddings=True), "auto", False),
        (Model(needs_images=False), "auto", False),  # boxes from a file: the video would be read for colour alone
    ],
)
def test_colour_where_a_model_gives_no_embeddings(model, appearance, is_colour):
    assert isinstance(automatic_encoder(appearance, model), ColourHistogram) == is_colour


def test_a_function_of_the_user_may_give_embeddings():
    assert automatic_encoder("auto", CallableDetector(lambda frame: None)) is None
    assert open_appearance("auto") is None


def test_tracks_have_colours():
    images = [np.full((32, 32, 3), 60, np.uint8)] * 2
    frames = [Frame(number, image, 0.0) for number, image in enumerate(images, 1)]
    sequence = Sequence("made up", lambda: iter(frames), 2, 10.0, (32, 32))
    run = make_tracking_run(sequence, Model(), selection=Selection(appearance="auto"))
    list(run)
    assert run.detections.embedding.shape == (1, ColourHistogram().dimension)
