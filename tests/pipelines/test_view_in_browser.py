"""`idfree view` in headless Chromium, by clicks: play, choose, merge, split, rename, delete, undo, save."""

import time

import cv2
import numpy as np
import pytest

import idfree
from idfree.show.video_writer import VideoWriter

LANE, LABEL = 18, 46  # pixels, as in view.js


@pytest.fixture
def chromium(browser, tmp_path):
    """A browser that downloads into tmp_path."""
    if browser.CHROMIUM is None:
        pytest.skip("needs chromium")
    with browser.Browser(tmp_path) as chromium:
        yield chromium


@pytest.fixture
def street(tmp_path):
    """street.txt and street/000001.png …: 1 in frames 1 to 3 and 2 from 5 are one person; 5 is filled in frame 4."""
    rows = [(f, i, 10 + f, 10, 20, 40, 0.5) for f, i in [(1, 1), (2, 1), (3, 1), (5, 2), (6, 2), (7, 2), (8, 2)]]
    rows += [(f, 5, 60.25, 10, 20, 40, 0 if f == 4 else 0.5) for f in range(1, 9)]
    text = "".join(",".join(map(str, (*row, 1, -1, -1))) + "\n" for row in sorted(rows))
    (tmp_path / "street.txt").write_text(text)
    (tmp_path / "street").mkdir()
    for number in range(1, 9):
        cv2.imwrite(str(tmp_path / "street" / f"{number:06}.png"), np.full((60, 90, 3), 20 * number, np.uint8))
    return tmp_path


def saved(chromium):
    """The text of the file that Save downloads."""
    chromium.click("save")
    file, end = chromium.downloads / "street.txt", time.monotonic() + 60
    while not file.is_file():
        assert time.monotonic() < end
        time.sleep(0.02)
    return file.read_text()


def choose(chromium, lane):
    """Click the number of a lane."""
    chromium.click("time", LABEL / 2, LANE * (lane + 0.5))


def test_every_edit_undone_gives_the_same_file(chromium, street):
    chromium.open(idfree.view(street / "street.txt", street / "street"))
    before = (street / "street.txt").read_text()
    assert chromium.run("['merge', 'split', 'rename', 'delete', 'undo'].every((name) => get(name).disabled)")
    choose(chromium, 0)
    assert chromium.text("chosen").startswith("Identity 1")
    chromium.click("merge")
    choose(chromium, 2)
    assert chromium.text("message") == "Merged 2 into 1"
    chromium.run("go(7)")
    chromium.click("split")
    assert chromium.text("message") == "Split 1: it is 6 from frame 7"
    chromium.run("window.prompt = () => '9'")
    choose(chromium, 1)
    chromium.click("rename")
    assert chromium.text("message") == "Renamed 5 to 9"
    chromium.click("delete")
    assert chromium.text("counts").startswith("2 identities, 7 boxes")
    for _ in range(4):
        chromium.click("undo")
    assert chromium.run("get('undo').disabled")
    assert saved(chromium) == before


def test_merged_split_renamed_and_deleted(chromium, street):
    chromium.open(idfree.view(street / "street.txt"))
    choose(chromium, 0)
    chromium.click("merge")
    choose(chromium, 2)
    chromium.run("go(7)")
    chromium.click("split")
    chromium.run("window.prompt = () => '9'")
    choose(chromium, 2)
    chromium.click("rename")
    choose(chromium, 1)
    chromium.click("delete")
    rows = [(f, 1 if f < 7 else 9, 10 + f) for f in (1, 2, 3, 5, 6, 7, 8)]
    assert saved(chromium) == "".join(f"{f},{i},{x},10,20,40,0.5,1,-1,-1\n" for f, i, x in rows)


def test_impossible_edits_are_told(chromium, street):
    chromium.open(idfree.view(street / "street.txt"))
    choose(chromium, 0)
    chromium.click("merge")
    choose(chromium, 1)
    assert chromium.text("message") == "1 and 5 are both in frame 1: split one of them first"
    chromium.click("split")
    assert chromium.text("message") == "1 has no boxes on one side of frame 1"
    for answer, message in (("5", "5 exists: use Merge"), ("-3", "Expected a whole number from 1")):
        chromium.run(f"window.prompt = () => '{answer}'")
        chromium.click("rename")
        assert chromium.text("message") == message
    assert chromium.run("get('undo').disabled")


def test_embedded_frames_play_to_the_end(chromium, street):
    chromium.open(idfree.view(street / "street.txt", street / "street"))
    first = chromium.run("get('image').src")
    chromium.click("play")
    chromium.wait_for("now === 8 && get('play').textContent === 'Play'")
    assert chromium.run("get('image').src") != first


def test_a_video_plays_and_its_frames_are_those_of_the_boxes(chromium, street):
    with VideoWriter(street / "film.mp4", 8.0, (60, 90)) as video:
        for number in range(1, 9):
            video.write(np.full((60, 90, 3), 25 * number, np.uint8))
    chromium.open(idfree.view(street / "street.txt", street / "film.mp4", street / "page.html"))
    chromium.wait_for("get('video').readyState > 1")
    chromium.run("go(5)")
    chromium.wait_for("!get('video').seeking && get('video').readyState > 1")
    level = chromium.run("""(() => { const c = document.createElement('canvas'), p = c.getContext('2d');
        c.width = 90; c.height = 60; p.drawImage(get('video'), 0, 0);
        try { return p.getImageData(45, 30, 1, 1).data[0]; } catch { return null; } })()""")
    assert level is None or abs(level - 125) < 12  # pages from disk may not look at their pixels
    assert chromium.run("get('note').hidden")
    chromium.click("play")
    chromium.wait_for("now === 8")


def test_re_detections_and_filled_parts(chromium, street):
    """5 is filled in frame 4 and detected again in 5, as is 1 after the merge with 2."""
    chromium.open(idfree.view(street / "street.txt"))
    jumps = "events['re-detections']().map(([f, k]) => [f, k].join()).join(' ')"
    assert chromium.run(jumps) == "5,5"
    choose(chromium, 0)
    chromium.click("merge")
    choose(chromium, 2)
    assert chromium.run(jumps) == "5,1 5,5"
    assert chromium.run("lanes[1].runs.filter((run) => run[2]).map((run) => run[0]).join()") == "4"


def test_a_click_on_the_map_chooses_the_identity(chromium, street):
    rows = np.loadtxt(street / "street.txt", delimiter=",")
    stored = rows[np.isin(rows[:, 0], (1, 4))]  # 1 and 5, and 5 filled: t-SNE may put more points upon each other
    embeddings = np.where(stored[:, 1:2] == 5, [[0.0, 1.0]], [[1.0, 0.1]])
    np.save(street / "street.npy", np.concatenate([stored[:, :7], embeddings], axis=1))
    chromium.open(idfree.view(street / "street.txt", appearance=str(street / "street.npy")))
    assert chromium.run("[...embeddingMap.row].map((row) => id[row]).join()") == "1,5"  # not the filled box
    for point, identity in enumerate((1, 5)):
        x, y = chromium.run(f"mapPoint({point}, get('points').clientWidth)")
        chromium.click("points", x, y)
        assert chromium.text("chosen").startswith(f"Identity {identity}:")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_page(chromium, street, width):
    chromium.resize(width, 800)
    chromium.open(idfree.view(street / "street.txt", street / "street"))
    choose(chromium, 1)
    assert chromium.run("document.documentElement.scrollWidth") <= width


def test_lanes_use_the_height_of_the_window(browser, chromium, tmp_path):
    rows = [f"{frame},{id},{10 + frame},10,20,40,0.5,1,-1,-1\n" for frame in (1, 2) for id in range(1, 33)]
    (tmp_path / "wide.txt").write_text("".join(rows))
    chromium.resize(1280, 1200)
    chromium.open(idfree.view(tmp_path / "wide.txt"))
    assert 1120 < chromium.run("get('lanes').getBoundingClientRect().bottom") < 1200
    assert chromium.run("document.documentElement.scrollHeight") <= 1200
    chromium.resize(1280, 300)
    chromium.run("resize()")
    assert chromium.run("get('lanes').offsetHeight") == 200
    choose(chromium, 0)
    assert chromium.text("chosen").startswith("Identity 1")
