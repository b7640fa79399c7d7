"""`idfree view`: the data in the page by hand, and a track that is merged, split and saved in headless Chromium."""

import base64
import json
import re

import cv2
import numpy as np
import pytest

import idfree
from idfree.cli import main


@pytest.fixture
def street(tmp_path):
    """street.txt: 1 in frames 1 to 3 and 2 in frames 5 to 8 are one person; 5 is another, filled in frame 4."""
    first = [(f, 1) for f in (1, 2, 3)] + [(f, 2) for f in (5, 6, 7, 8)]
    rows = [(f, i, 10 + f, 10, 20, 40, 0.5) for f, i in first]
    rows += [(f, 5, 60, 10, 20, 40, 0 if f == 4 else 0.5) for f in range(1, 9)]
    text = "".join(",".join(map(str, (*row, 1, -1, -1))) + "\n" for row in sorted(rows))
    (tmp_path / "street.txt").write_text(text)
    return tmp_path


def data_of(page):
    """The data in a page."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8")).group(1))


def decode(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def test_boxes_alone(street):
    page = idfree.view(street / "street.txt")
    data = data_of(page)
    assert page == street / "street.html"
    assert (data["name"], data["size"], data["video"], data["marks"]) == ("street", [80, 50], None, None)
    assert decode(data["tracks"]["frame"], "<i4").tolist() == [1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8]
    assert decode(data["tracks"]["box"], "<f4")[:4].tolist() == [11, 10, 20, 40]
    assert decode(data["score"], "<f4")[6] == 0
    assert not re.search(r'(src|href)="|https?:', page.read_text(encoding="utf-8"))


def test_names_cannot_end_the_script_or_be_replaced(street):
    name = "<!--<script>@SCRIPT@"
    (street / f"{name}.txt").write_bytes((street / "street.txt").read_bytes())
    page = idfree.view(street / f"{name}.txt")
    assert data_of(page)["name"] == name
    assert "<!--<script>" not in page.read_text(encoding="utf-8")


def test_mistakes_are_marked(street):
    truth = street / "truth" / "gt"
    truth.mkdir(parents=True)
    rows = [(f, 1, 10 + f, 10, 20, 40, 1, 1, 1) for f in range(1, 10)]
    (truth / "gt.txt").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    marks = data_of(idfree.view(street / "street.txt", truth=truth.parent))["marks"]
    assert decode(marks["missed"]["frame"], "<i4").tolist() == [4, 9]
    assert len(decode(marks["false_positive"], "<i4")) == 8
    assert (decode(marks["switched"], "<i4").tolist(), decode(marks["switched_from"], "<i4").tolist()) == ([7], [4])


def test_first_frames(street):
    """Of boxes, truth and images; what follows is no mistake."""
    (street / "gt").mkdir()
    rows = [(f, 1, 10 + f, 10, 20, 40, 1, 1, 1) for f in range(1, 10)]
    (street / "gt" / "gt.txt").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    (street / "street").mkdir()
    for number in range(1, 9):
        cv2.imwrite(str(street / "street" / f"{number:06}.png"), np.full((60, 90, 3), 20 * number, np.uint8))
    data = data_of(idfree.view(street / "street.txt", street / "street", truth=street / "gt" / "gt.txt", frames=4))
    assert sorted(data["images"]) == ["1", "2", "3", "4"]
    assert decode(data["tracks"]["frame"], "<i4").max() == 4
    assert decode(data["marks"]["missed"]["frame"], "<i4").tolist() == [4]
    assert len(decode(data["times"], "<f8")) == 4


def test_images_are_embedded(street):
    (street / "street").mkdir()
    for number in range(1, 9):
        cv2.imwrite(str(street / "street" / f"{number:06}.png"), np.full((60, 90, 3), 20 * number, np.uint8))
    data = data_of(idfree.view(street / "street.txt", street / "street", street / "page.html"))
    assert data["size"] == [90, 60]
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data["images"]["4"]), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (60, 90, 3)
    assert abs(int(image[30, 45, 0]) - 80) < 3
    assert sorted(map(int, data["crops"])) == list(range(15))


def test_command(street, capsys):
    assert main(["view", str(street / "street.txt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"page": str(street / "street.html")}
    assert main(["view", str(street / "street.txt"), "-o", str(street / "street.txt")]) == 2
    assert main(["view", str(street / "nothing.txt")]) == 2


def test_mistakes_of_several_classes(street):
    """2 is a car in the truth and in the results, 1 a person whom the results call a car."""
    truth = street / "truth" / "gt"
    truth.mkdir(parents=True)
    rows = [(f, 1, 10 + f, 10, 20, 40, 1, 1, 1) for f in (1, 2, 3)] + [(f, 2, 60, 10, 20, 40, 1, 3, 1) for f in (1, 2)]
    (truth / "gt.txt").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    results = [(f, 1, 10 + f, 10, 20, 40, 0.5, 3, -1, -1) for f in (1, 2, 3)]
    results += [(f, 6 + f, 60, 10, 20, 40, 0.5, 3, -1, -1) for f in (1, 2)] + [(3, 9, 0, 0, 5, 5, 1, 7, -1, -1)]
    (street / "street.txt").write_text("".join(",".join(map(str, row)) + "\n" for row in sorted(results)))
    marks = data_of(idfree.view(street / "street.txt", truth=truth.parent))["marks"]
    assert decode(marks["missed"]["id"], "<i4").tolist() == [1, 1, 1]
    assert decode(marks["false_positive"], "<i4").tolist() == [0, 2, 4]
    assert (decode(marks["switched"], "<i4").tolist(), decode(marks["switched_from"], "<i4").tolist()) == ([3], [1])


def test_map_of_embeddings(street):
    """Embeddings of a file; rows without a detection, and filled ones, have no point."""
    rows = np.loadtxt(street / "street.txt", delimiter=",")
    embeddings = np.where(rows[:, 1:2] == 5, [[0.0, 1.0]], [[1.0, 0.1]])
    np.save(street / "street.npy", np.concatenate([rows[2:, :7], embeddings[2:]], axis=1))
    found = data_of(idfree.view(street / "street.txt", appearance=str(street)))["map"]
    row, xy = decode(found["row"], "<i4"), decode(found["xy"], "<f4").reshape(-1, 2)
    assert row.tolist() == [2, 3, 4, 5, *range(7, 15)]
    assert xy.min() >= 0
    assert xy.max() <= 1
    ids = rows[row, 1] == 5
    assert np.linalg.norm(xy[ids].mean(axis=0) - xy[~ids].mean(axis=0)) > 0.3
    assert data_of(idfree.view(street / "street.txt"))["map"] is None


@pytest.mark.parametrize(
    ("appearance", "message"),
    [("colour", "needs the images"), ("nothing.npy", "expected colour, a model"), ("street.txt", "without embeddings")],
)
def test_user_errors_of_the_map(street, monkeypatch, appearance, message):
    monkeypatch.chdir(street)
    with pytest.raises(idfree.UserError, match=message):
        idfree.view(street / "street.txt", appearance=appearance)
