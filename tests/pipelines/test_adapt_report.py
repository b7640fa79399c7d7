"""The verdict of `idfree adapt`'s report, what follows from it, and the page."""

import numpy as np
import pytest

from idfree.appearance.colour import ColourHistogram
from idfree.core.cropset import CropSet
from idfree.pipelines.adaptation.people import MAX_SHOWN, group_people
from idfree.pipelines.adaptation.report import give_verdict, make_report, next_commands, relinking_table
from idfree.pipelines.labelling.calibration import sensitivity_index
from idfree.show.report import render_page

RED, BLUE = (0, 0, 200), (200, 0, 0)


def relinking(winner: str, gain: float | None, tracklets: int = 8) -> dict:
    candidates: dict = {name: {"rank1": 0.5, "right": 0.25} for name in ("nothing", "colour", "people", "adapted")}
    candidates["nothing"]["right"] = None
    error = None if gain is None else 0.02
    candidates["people"] |= {"over": "colour", "gain": None, "standard_error": None}
    candidates["adapted"] |= {"over": "colour", "gain": gain, "standard_error": error}
    return {
        "cuts": 40, "tracklets": tracklets, "candidates": candidates, "default": "colour", "winner": winner,
        "gain": gain, "standard_error": error,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("winner", "gain", "tracklets", "words"),
    [
        (
            "adapted",
            0.1,
            8,
            "Selected: the crop network adapted to these videos, which is clearly better in the test than plain",
        ),
        (
            "adapted",
            0.1,
            8,
            "(+10.0 ± 2.0 points). The test: 8 tracklets were cut in two, 40 times in all, and the later",
        ),
        ("adapted", 0.1, 8, "found again: colour in 50.0 % (25.0 % within its threshold); people in "),
        ("colour", 0.01, 8, "Selected: plain colour. `adapt` takes it unless another is better by twice the standard"),
        ("colour", None, 3, "3 of 12 tracklets are long enough for that (2 crops before and 2 after a gap of 0.5 s)"),
    ],
)
def test_the_verdict_names_what_the_file_carries_and_by_how_much(winner, gain, tracklets, words):
    assert words in give_verdict(relinking(winner, gain, tracklets), found=12)


def test_the_table_has_a_row_for_each_candidate_and_marks_the_winner():
    rows = relinking_table(relinking("colour", 0.01))
    assert [row[0] for row in rows[1:]] == ["nothing", "colour", "people", "adapted"]
    assert [row[4] for row in rows[1:]] == ["", "chosen", "", ""]
    assert rows[3][3] == "too few tracklets"
    assert rows[1][1:3] == ["50.0 %", "–"]
    assert rows[4][3] == "+1.0 ± 2.0 over colour"


def test_the_next_command_tracks_with_the_file_that_carries_the_winner():
    (command,) = next_commands("run/a.onnx", ["my street.mp4"], "d.onnx", "person")
    assert "'my street.mp4' --detector d.onnx --classes person --appearance run/a.onnx" in command


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
    report = make_report(Colour(), crops, crops, {}, relinking("colour", None))
    assert (report["held_out"]["tracklets"], report["held_out"]["coexisting_pairs"]) == (3, 2)


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
