"""The verdict of `idfree adapt`'s report, what follows from it, and the page."""

import numpy as np
import pytest

from idfree.appearance.colour import ColourHistogram
from idfree.core.cropset import CropSet
from idfree.pipelines.adapt_people import MAX_SHOWN, group_people
from idfree.pipelines.adapt_report import FEW_HELD_OUT, compare_with_colour, give_verdict, make_report, next_commands
from idfree.pipelines.calibration import sensitivity_index
from idfree.show.report import render_page

RED, BLUE = (0, 0, 200), (200, 0, 0)


def held_out(tracklets: int, model: tuple[float, float], colour: tuple[float, float]) -> dict:
    """model, colour: equal error rate and d′."""
    metrics = [{"pairs": [9, 9], "error": error, "d_prime": d_prime} for error, d_prime in (model, colour)]
    return {"tracklets": tracklets, "coexisting_pairs": 1, "model": metrics[0], "colour": metrics[1]}


@pytest.mark.parametrize(
    ("tracklets", "model", "colour", "better", "words"),
    [
        (40, (0.01, 4.0), (0.02, 3.0), "model", "better than plain colour does: equal error rate 1.00 %"),
        (40, (0.02, 3.0), (0.01, 4.0), "colour", "no better than plain colour"),
        (40, (0.0, 6.0), (0.0, 4.0), "model", "d′ 6.0, plain colour 4.0"),
        (40, (0.0, 4.0), (0.0, 6.0), "colour", "no better than plain colour"),
        (2, (0.0, 6.0), (0.0, 4.0), "unknown", "Cannot tell"),
        (2, (0.1, 2.0), (0.2, 1.0), "model", "uncertain: only 2 tracklets"),
    ],
)
def test_the_verdict_names_what_is_better_and_how_few_tell(tracklets, model, colour, better, words):
    metrics = held_out(tracklets, model, colour)
    assert compare_with_colour(metrics) == better
    assert words in give_verdict(metrics)
    assert ("only 2" in give_verdict(metrics)) == (tracklets < FEW_HELD_OUT)


def test_without_tracklets_at_the_same_time_nothing_can_be_told():
    metrics = {"tracklets": 3, "model": {"pairs": [4, 0]}, "colour": {"pairs": [4, 0]}}
    assert compare_with_colour(metrics) == "unknown"
    assert "no two of the 3 held-out tracklets" in give_verdict(metrics)


def test_the_next_commands_agree_with_the_verdict():
    commands = {
        better: next_commands(better, "run/a.onnx", ["my street.mp4"], "d.onnx", "person")
        for better in ("model", "colour", "unknown")
    }
    assert [len(lines) for lines in commands.values()] == [1, 1, 2]
    assert "--appearance run/a.onnx" in commands["model"][0]
    assert "'my street.mp4' --detector d.onnx --classes person --appearance colour" in commands["colour"][0]
    assert commands["unknown"][0].split("--appearance")[1].split()[0] == "run/a.onnx"
    assert len({line.split("-o ")[1] for line in commands["unknown"]}) == 2


def test_d_prime_grows_where_rates_of_errors_do_not():
    same = np.array([0.0, 0.2])  # variance 0.01
    assert sensitivity_index(same, np.array([0.5, 0.7])) == pytest.approx(5)
    assert sensitivity_index(same, np.array([0.9, 1.1])) == pytest.approx(9)
    assert sensitivity_index(np.zeros(2), np.ones(2)) == 0


def crop_set(*tracklets: tuple[int, int, tuple[int, int, int]], video: tuple[int, ...] = ()) -> CropSet:
    """tracklets: first and last frame, and colour of all crops, two each."""
    crops = np.array([np.full((32, 16, 3), colour) for _, _, colour in tracklets for _ in range(2)], dtype=np.uint8)
    number = np.arange(len(tracklets)).repeat(2)
    frame = np.array([frame for first, last, _ in tracklets for frame in (first, last)])
    videos = np.array(video or [0] * len(tracklets))[number]
    return CropSet(crops, number, frame, videos, np.tile([0.0, 0.0, 40.0, 80.0], (len(crops), 1)))


class Colour(ColourHistogram):
    match_threshold = 0.1


def test_tracklets_of_one_look_are_one_person_unless_seen_together():
    crops = crop_set((1, 10, RED), (5, 20, BLUE), (15, 30, RED), (18, 25, RED))
    people = group_people(Colour(), crops, ["street"])
    assert [title for title, _ in people] == [
        "Person 1: 2 tracklets",
        "Person 2: tracklet 2, frames 5–20",
        "Person 3: tracklet 4, frames 18–25",
    ]
    assert [caption for caption, _ in people[0][1]] == ["tracklet 1, frames 1–10", "tracklet 3, frames 15–30"]


def test_people_of_two_videos_are_named_by_video_and_not_grouped():
    people = group_people(Colour(), crop_set((1, 10, RED), (30, 40, RED), video=(0, 1)), ["one", "two"])
    assert [title[:14] for title, _ in people] == ["Person 1 (one)", "Person 2 (two)"]


def test_not_more_tracklets_are_shown_than_fit():
    crops = crop_set(*((1, 10, RED) for _ in range(MAX_SHOWN + 5)))
    assert len(group_people(Colour(), crops, ["street"])) == MAX_SHOWN


def test_the_report_counts_what_was_held_out():
    crops = crop_set((1, 10, RED), (5, 20, BLUE), (15, 30, RED))
    report = make_report(Colour(), crops, crops, {})
    assert (report["held_out"]["tracklets"], report["held_out"]["coexisting_pairs"]) == (3, 2)
    assert report["better"] == "unknown"


def test_the_page_fits_phones_and_begins_with_the_lead():
    page = render_page("a", {"t": [["x"], ["1 %"]]}, [], {}, ["first & last"], ["idfree '<x> y'"], {"t": "a note"})
    assert "name=viewport" in page
    assert (
        page.index("first &amp; last")
        < page.index("<span>&#x27;&lt;x&gt; y&#x27;</span>")
        < page.index("<h2>")
        < page.index("a note")
    )
    assert "1\u00a0%" in page
