"""Make a synthetic street sequence: images, exact ground truth, and simulated detections with embeddings."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Sequence
from idfree.synthetic.canvas import PinholeCamera
from idfree.synthetic.people import sample_appearance
from idfree.synthetic.scenery import draw_scenery
from idfree.synthetic.simulated_detections import simulate_detections
from idfree.synthetic.street import Street, StreetSettings, annotate_people
from idfree.synthetic.trajectories import sample_trajectories


@dataclass(frozen=True)
class SyntheticSequence:
    """A rendered sequence with its ground truth and simulated detections.

    truth: ids from 1; xyxy is the full extent of a person clipped to the image, visibility the visible fraction of the
    person's pixels. detections: embedding (K, D) with unit rows, id −1. The class is 1 throughout.
    """

    sequence: Sequence
    truth: Annotation
    detections: Annotation


def make_street(
    seed: int = 0,
    people: int = 30,
    frames: int = 240,
    size_hw: tuple[int, int] = (540, 960),
    frame_rate: float = 20.0,
    settings: StreetSettings | None = None,
) -> SyntheticSequence:
    """Make a street sequence with `people` pedestrians; the same arguments give the same pixels, truth and detections.

    Images are rendered during iteration. Each person is inside the image at some time, though perhaps occluded.
    Raises UserError for a negative number of people, no frames, a side shorter than 32 px, or a frame rate ≤ 0.
    """
    settings = settings or StreetSettings()
    if people < 0 or frames < 1 or min(size_hw) < 32 or frame_rate <= 0:
        raise UserError(
            f"street: {people} people in {frames} frames of {size_hw[1]}x{size_hw[0]} at {frame_rate} per second; "
            "expected no fewer than 0 people, 1 frame and 32 px a side, and a positive rate"
        )
    appearance_rng, trajectory_rng, scenery_rng, detection_rng = np.random.default_rng(seed).spawn(4)
    camera = PinholeCamera(size_hw)
    appearance = sample_appearance(appearance_rng, people, settings.lookalikes)
    trajectories = sample_trajectories(
        trajectory_rng, camera, people, frames, frame_rate, settings.together, settings.stopping
    )
    street = Street(
        camera, appearance, trajectories, *draw_scenery(camera, scenery_rng, settings.hoarding), settings.shadows
    )
    truth, occluder = annotate_people(street)
    detections = simulate_detections(detection_rng, truth, occluder, street, settings)
    read = partial(street.render_frames, frame_rate)
    return SyntheticSequence(Sequence(f"street-{seed}", read, frames, frame_rate, size_hw), truth, detections)
