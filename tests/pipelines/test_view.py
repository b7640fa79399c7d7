"""`idfree view`: the data in the page by hand, and a track that is merged, split and saved in headless Chromium."""

import base64
import json
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

import idfree
from idfree.cli import main

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 60  # until a browser that hangs is ended

# Merges 2 into 1 by clicks on their lanes, splits the whole at frame 7, and keeps the saved file in the page.
CLICKS = """
<pre id="saved"></pre><script>
const click = (name, x, y) => {
  const rect = get(name).getBoundingClientRect();
  get(name).dispatchEvent(new MouseEvent("click", { clientX: rect.left + x, clientY: rect.top + y, bubbles: true }));
};
URL.createObjectURL = (blob) => { blob.text().then((text) => { get("saved").textContent = text; }); return "#"; };
click("time", 10, 9);
get("merge").click();
click("time", 10, 45);
go(7);
get("split").click();
get("save").click();
</script></body>
"""


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


def test_mistakes_are_marked(street):
    truth = street / "truth" / "gt"
    truth.mkdir(parents=True)
    rows = [(f, 1, 10 + f, 10, 20, 40, 1, 1, 1) for f in range(1, 10)]
    (truth / "gt.txt").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    marks = data_of(idfree.view(street / "street.txt", truth=truth.parent))["marks"]
    assert decode(marks["missed"]["frame"], "<i4").tolist() == [4, 9]
    assert len(decode(marks["false_alarm"], "<i4")) == 8
    assert (decode(marks["switched"], "<i4").tolist(), decode(marks["switched_from"], "<i4").tolist()) == ([7], [4])


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


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_merge_split_and_save_in_a_browser(street):
    page = idfree.view(street / "street.txt")
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", CLICKS), encoding="utf-8")
    options = f"--headless --no-sandbox --disable-gpu --virtual-time-budget=2000 --user-data-dir={street}/browser"
    command = [CHROMIUM, *options.split(), "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    saved = re.search(r'<pre id="saved">(.*?)</pre>', done.stdout, re.DOTALL).group(1)
    before = (street / "street.txt").read_text()
    expected = re.sub(r"^([78]),2,", r"\1,6,", before, flags=re.MULTILINE)
    expected = re.sub(r"^([56]),2,", r"\1,1,", expected, flags=re.MULTILINE)
    assert saved == expected
