"""Figures as PNG and SVG, ticks, and the plots of tracks."""

from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

import idfree
from idfree.cli import main
from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.show.axes import ticks
from idfree.show.figure import Figure, cut_dashes
from idfree.show.plots import draw_heat, draw_timeline, draw_trails, smooth_pieces


@pytest.fixture
def street(tmp_path):
    """One person walks to the right, another stands and is not seen in frames 5 to 30."""
    rows = [f"{f},1,{10 + 5 * f},20,10,40,0.9,1,-1,-1" for f in range(1, 41)]
    rows += [f"{f},2,100,60,10,30,{0 if f == 31 else 0.9},1,-1,-1" for f in range(1, 41) if not 5 <= f <= 30]
    rows.sort(key=lambda row: int(row.split(",")[0]))
    (tmp_path / "street.txt").write_text("\n".join(rows) + "\n")
    return tmp_path / "street.txt"


def test_both_formats_show_the_same_marks(tmp_path):
    figure = Figure(200, 100)
    figure.bar(10, 10, 50, 20, (0, 0, 255))
    figure.line([[0, 90], [199, 90]], (255, 0, 0), 3)
    figure.dot([150, 50], 10, (0, 255, 0))
    figure.bar(100, 10, 20, 20, (0, 0, 0), opacity=0.5)
    figure.text(20, 70, "a < b")
    image = figure.render()
    assert image[20, 30].tolist() == [0, 0, 255]
    assert image[90, 100].tolist() == [255, 0, 0]
    assert image[50, 150].tolist() == [0, 255, 0]
    assert image[20, 110].tolist() == pytest.approx([127, 127, 127], abs=2)
    root = ElementTree.fromstring(figure.to_svg())
    kinds = [each.tag.rpartition("}")[2] for each in root]
    assert kinds == ["rect", "polygon", "polyline", "circle", "polygon", "text"]
    assert root[5].text == "a < b"


def test_marks_outside_are_cut_off():
    figure = Figure(50, 50)
    figure.bar(-20, -20, 30, 30, (0, 0, 0), opacity=0.5)
    figure.bar(100, 100, 30, 30, (0, 0, 0), opacity=0.5)
    figure.text(45, 2, "long text", halo=(0, 0, 0))
    assert figure.render().shape == (50, 50, 3)


def test_files(tmp_path):
    figure = Figure(30, 20)
    for name in ("a.png", "a.svg"):
        figure.save(tmp_path / name)
    assert cv2.imread(str(tmp_path / "a.png")).shape == (20, 30, 3)
    assert (tmp_path / "a.svg").read_text().startswith("<svg xmlns")
    with pytest.raises(UserError, match=r"pictures are written as \.png or \.svg"):
        figure.save(tmp_path / "a.bmp")


def test_ticks():
    assert ticks(35, 7) == [0, 5, 10, 15, 20, 25, 30, 35]
    assert ticks(1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(7, 4) == [0, 2, 4, 6]
    assert ticks(2.2, 6, min_step=1.0) == [0, 1, 2]  # of counts


def test_dashes():
    parts = cut_dashes(np.array([[0.0, 0], [10, 0], [10, 4]]), 4)
    assert [part.tolist() for part in parts] == [[[0, 0], [4, 0]], [[8, 0], [10, 0], [10, 2]]]


def read(path):
    from idfree.sequences.tables import read_tracks

    return read_tracks(path)


def texts(figure):
    return [element.text for element in ElementTree.fromstring(figure.to_svg()).iter() if element.tag.endswith("text")]


def test_trails_and_heat_are_where_the_feet_are(street):
    image = np.zeros((100, 280, 3), dtype=np.uint8)  # five times as large in the plot
    trails = draw_trails(read(street), image, 30).render()
    assert trails.shape == (532, 1400, 3)  # with the legend
    saturation = np.ptp(trails.astype(int), axis=2)
    assert (saturation[290:310, 400:900].max(axis=0) > 60).all()  # y = 60 from frame 13 to 33
    assert saturation[100].max() == 0
    assert trails[100].min() > 100  # pale, though the scene is black: dark colours are visible
    assert {"start", "end, with the id"} <= {*texts(draw_trails(read(street), image, 30))}
    heat = draw_heat(read(street), image, 30).render()
    assert heat[450, 525].sum() > heat[300, 700].sum() > 0  # who stands stays longest
    assert heat[20, 20].sum() == 0


def test_timeline(street):
    """Lanes of 16 px below y = 210; 40 frames are 1300 px wide: 2 is not seen at frame 15, and pale at 31."""
    image = draw_timeline(read(street), 30).render()
    first, second = 210 + 6, 210 + 16 + 6
    at = [70 + round((frame - 0.5) / 40 * 1300) for frame in (15, 31, 35)]
    assert all(image[first, x].min() < 250 for x in at)
    missing, filled, seen = (image[second, x].astype(int) for x in at)
    assert missing.min() > 220
    assert seen.sum() < filled.sum() < 3 * 255


@pytest.mark.parametrize("plot", ["trails", "heat", "timeline"])
def test_the_command_without_images(street, capsys, plot, tmp_path):
    assert main(["show", str(street), str(make_sequence(tmp_path)), "--plot", plot]) == 0
    assert capsys.readouterr().out == f"{street.with_name(f'street-{plot}.png')}\n"
    path = idfree.plot_tracks(street, out=tmp_path / "a.svg", plot=plot)["street"]
    ElementTree.parse(path)


def make_sequence(folder):
    (folder / "street").mkdir()
    (folder / "street/seqinfo.ini").write_text("[Sequence]\nseqLength=40\nimWidth=280\nimHeight=100\nframeRate=30\n")
    return folder / "street"


def test_no_tracks(tmp_path):
    (tmp_path / "a.txt").write_text("")
    for plot in ("trails", "heat", "timeline"):
        assert idfree.plot_tracks(tmp_path / "a.txt", plot=plot) == {"a": str(tmp_path / f"a-{plot}.png")}


def test_mistakes(street):
    with pytest.raises(UserError, match="--plot cloud: expected trails, heat or timeline"):
        idfree.plot_tracks(street, plot="cloud")
    with pytest.raises(UserError, match="pictures are written as"):
        idfree.plot_tracks(street, out="a.mp4")


def test_a_trail_is_not_smoothed_across_a_gap():
    """Three seconds unseen, between two stays 300 px apart: each piece remains where the person stood."""
    frame = np.r_[1:11, 41:51]
    left = np.where(frame < 20, 100.0, 400.0)
    track = Annotation(
        frame, np.ones(20, int), np.column_stack([left, left * 0, left + 20, left * 0 + 50]), np.ones(20),
        np.zeros(20, int), np.ones(20),
    )  # fmt: skip
    before, after = smooth_pieces(track, 1.0, 10.0)
    np.testing.assert_allclose(before, np.tile([110, 50], (10, 1)))
    np.testing.assert_allclose(after, np.tile([410, 50], (10, 1)))
