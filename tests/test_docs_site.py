"""The documentation: the menu, links, and a page for each tracker and method."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from idfree.learn.methods.catalogue import METHODS
from idfree.trackers.registry import TRACKERS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
IN_MENU = re.findall(r":\s+(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_page_is_in_the_menu_once():
    assert sorted(IN_MENU) == [page.relative_to(DOCS).as_posix() for page in PAGES]


def test_every_tracker_and_method_has_a_page():
    assert {*TRACKERS, *METHODS, "common"} == {page.stem for page in (DOCS / "methods").glob("*.md")}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    targets = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [t for t in targets if t and "://" not in t and not (page.parent / t).exists()]
    assert not missing


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs pip install 'idfree[docs]'")
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "methods" / "sort.html").is_file()
