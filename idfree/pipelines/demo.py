"""Demonstration on a synthetic street: compare trackers; write videos, a picture before and after, tracks, a page."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from idfree.appearance import open_encoder
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.crops import crop_boxes
from idfree.appearance.encoder import Encoder
from idfree.core.boxes import iou
from idfree.core.files import make_folder, write_bytes
from idfree.core.progress import progress
from idfree.core.types import Annotation, Image, Tracks
from idfree.core.wording import counted
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.whole_video import Video, refine_tracks
from idfree.pipelines.adaptation.candidates import CropAppearance, closed_form_candidates
from idfree.pipelines.adaptation.choice import choose
from idfree.pipelines.adaptation.relink import cut_tracklets
from idfree.pipelines.adaptation.trained_candidate import SIZE_HW
from idfree.pipelines.labelling.crop_sets import crops_of_labels
from idfree.pipelines.labelling.label_sequence import label_sequence
from idfree.pipelines.labelling.pseudolabels import LabelSettings
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracking_run import TrackingRun, concatenate_tracks
from idfree.pipelines.view import view
from idfree.sequences.motchallenge import write_ground_truth, write_results
from idfree.show.drawing import Drawing, DrawingSettings
from idfree.show.text import draw_heading
from idfree.show.video_output import VideoOutput
from idfree.show.video_writer import VideoWriter
from idfree.synthetic.scene import SyntheticSequence, make_street

MIN_VISIBILITY = 0.25  # less visible people are ignored in the evaluation
MATCH = 0.5  # least intersection over union of a box and the person whom perfect association gives it to
HEADING = 16  # px, height of a capital
NAME = "street"  # of the sequence, in progress bars
FOOTAGE = "footage"  # folder
TRUTH = Path("truth") / NAME  # folder, laid out as a MOTChallenge sequence, so that the table of `eval` has its name
CROPS = 30  # of a tracklet, to adapt to
COLOUR = 0.5  # share of colour in what adapts, as in `idfree adapt`


@dataclass(frozen=True)
class DemoResult:
    """Files of the demonstration, and TrackEval's metrics by tracker.

    truth: folder of the ground truth. hidden: people who are less visible than MIN_VISIBILITY in all frames.
    """

    video: Path
    image: Path
    tracks: Path
    page: Path
    metrics: dict[str, dict[str, float]]
    truth: Path
    hidden: int


def run_demo(out: str | Path, *, people: int = 24, frames: int = 200, seed: int = 0, quiet: bool = True) -> DemoResult:
    """Render a street of 20 frames per second, track it in several ways, and write the tracks of the whole video."""
    out = Path(out)
    make_folder(out)
    street = make_street(seed, people, frames)
    street = replace(street, sequence=replace(street.sequence, name=NAME))
    files = out / "street.mp4", out / "street.png", out / "street.txt", out / "street.html"
    result = DemoResult(*files, {}, out / TRUTH, count_hidden(street))
    write_footage(street, out / FOOTAGE, out / TRUTH, quiet)
    before = prepare_run(street, "sort").track_all()
    run = prepare_run(street, "fused", ColourHistogram())
    kept = run.kept_embeddings = KeptEmbeddings()
    colour = write_video(street, run, result.video, frames, quiet)
    video = Video(street.sequence.frame_rate, street.sequence.size_hw)
    offline = refine_tracks(colour, video, kept=kept)
    chosen, encoder = adapt_to(street, out, seed, quiet)
    adapted = colour if chosen == "colour" else prepare_run(street, "fused", encoder).track_all()
    results = {
        "motion alone (sort)": before,
        "motion, weak boxes (bytetrack)": prepare_run(street, "bytetrack").track_all(),
        "motion and colour (fused)": colour,
        f"selected by adapt: {chosen}": adapted,
        "colour, offline": offline,
        "same boxes, perfect association": associate_perfectly(street),
    }
    result.metrics.update({name: measure(street, tracks) for name, tracks in results.items()})
    write_results(result.tracks, offline)
    write_bytes(result.image, cv2.imencode(".png", draw_before_and_after(street, before, offline))[1].tobytes())
    view(result.tracks, out / FOOTAGE / "street.mp4", result.page, truth=out / TRUTH, quiet=quiet)
    return result


def write_footage(street: SyntheticSequence, folder: Path, truth: Path, quiet: bool) -> None:
    """Write the street as a user would have it, street.mp4, its detections, det.txt, and its truth, TRUTH/gt/gt.txt."""
    make_folder(folder)
    make_folder(truth / "gt")
    size_hw = street.sequence.size_hw
    assert size_hw is not None
    with VideoWriter(folder / "street.mp4", street.sequence.frame_rate, size_hw) as video:
        for frame in progress(street.sequence, f"{NAME}: rendering", street.sequence.length, quiet):
            if frame.image is not None:
                video.write(frame.image)
    write_ground_truth(truth / "gt" / "gt.txt", ground_truth(street))
    write_results(folder / "det.txt", street.detections)


def adapt_to(street: SyntheticSequence, out: Path, seed: int, quiet: bool) -> tuple[str, Encoder]:
    """The name of the best candidate without training, and its encoder, which is written to OUT/appearance.onnx."""
    crop = partial(crop_boxes, size_hw=SIZE_HW)
    labels = LabelSettings(max_crops=CROPS, scene_cut=None)
    found = label_sequence(street.sequence, prepare_detector(street), labels, crop, quiet=quiet)
    crops = crops_of_labels(found)
    everything = np.ones(crops.tracklet_count, dtype=bool)
    cuts = cut_tracklets(crops, everything, [street.sequence.frame_rate], seed)
    appearance = CropAppearance.of(crops, cuts, np.array([street.sequence.frame_rate]), COLOUR, "a synthetic street")
    winner, _ = choose(closed_form_candidates(appearance, everything, seed, are_people=True), cuts, crops.xyxy)
    assert winner.file is not None
    write_bytes(out / "appearance.onnx", winner.file)
    return winner.name, open_encoder(out / "appearance.onnx")


def measure(street: SyntheticSequence, tracks: Annotation) -> dict[str, float]:
    """TrackEval's metrics of tracks of the street."""
    return compute_metrics(evaluate(ground_truth(street), tracks, "plain", street.sequence.length))


def ground_truth(street: SyntheticSequence) -> Annotation:
    """The true boxes; people who are less visible than MIN_VISIBILITY have the score 0, and are ignored."""
    return replace(street.truth, score=(street.truth.visibility >= MIN_VISIBILITY).astype(float))


def count_hidden(street: SyntheticSequence) -> int:
    """The number of people who are less visible than MIN_VISIBILITY in all frames, and so are not evaluated."""
    truth = ground_truth(street)
    return len(np.setdiff1d(truth.id, truth.id[truth.score > 0]))


def associate_perfectly(street: SyntheticSequence) -> Annotation:
    """The detections with the ids of the people they overlap most, one to one; others get an id of their own."""
    boxes, truth = street.detections, street.truth
    id = np.arange(len(boxes)) + 1 + int(truth.id.max(initial=0))
    for frame in np.unique(boxes.frame):
        rows, people = np.flatnonzero(boxes.frame == frame), np.flatnonzero(truth.frame == frame)
        overlap = iou(boxes.xyxy[rows], truth.xyxy[people])
        found, person = linear_sum_assignment(np.where(overlap >= MATCH, overlap, 0), maximize=True)
        is_match = overlap[found, person] >= MATCH
        id[rows[found[is_match]]] = truth.id[people[person[is_match]]]
    return replace(boxes, id=id, embedding=None)


def draw_before_and_after(street: SyntheticSequence, before: Annotation, after: Annotation) -> Image:
    """The frame with the most tracks, once by motion alone and below it offline, with boxes, ids and trails."""
    count = np.bincount(after.frame, minlength=2)
    fullest = int(count.argmax())
    first = max(1, fullest - DrawingSettings().trail)
    frames = [frame for frame in street.sequence if first <= frame.number <= fullest]
    pictures = []
    for name, tracks in (("motion alone", before), ("colour, offline (dashed: filled in)", after)):
        drawing, canvas = Drawing(), np.zeros((1, 1, 3), dtype=np.uint8)
        for frame in frames:
            if frame.image is not None:
                canvas = drawing.draw(frame.image, tracks.tracks_at(frame.number))
        known = len(np.unique(tracks.id))
        people = len(np.unique(street.truth.id))
        draw_heading(canvas, f"{name}: {counted(known, 'track')} of {counted(people, 'person', 'people')}", HEADING)
        pictures.append(canvas)
    return np.vstack([pictures[0], np.full((6, pictures[0].shape[1], 3), 255, dtype=np.uint8), pictures[1]])


def write_video(street: SyntheticSequence, run: TrackingRun, path: Path, frames: int, quiet: bool) -> Annotation:
    """Track and write the annotated video; return the tracks."""
    results: list[tuple[int, Tracks]] = []
    with VideoOutput(path, street.sequence.frame_rate) as output:
        for frame, tracks in progress(run, f"{NAME}: tracking and drawing", frames, quiet):
            output.add(frame, tracks)
            results.append((frame.number, tracks))
    return concatenate_tracks(results)


def prepare_detector(street: SyntheticSequence) -> PrecomputedDetector:
    """The simulated detections without their embeddings."""
    return PrecomputedDetector(replace(street.detections, embedding=None), street.sequence.size_hw)


def prepare_run(street: SyntheticSequence, tracker: str, encoder: Encoder | None = None) -> TrackingRun:
    """A run on the simulated detections, by motion alone or also by an encoder's embeddings."""
    return make_tracking_run(
        street.sequence, prepare_detector(street), tracker, images=encoder is not None, encoder=encoder
    )
