"""The documentation: the menu, links, a page for each tracker and method, and the options of the commands in it."""

import contextlib
import io
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from idfree.cli import parser
from idfree.learn.methods.catalogue import METHODS
from idfree.trackers.registry import TRACKERS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(?:bash|sh|)\n(.*?)^```", re.MULTILINE | re.DOTALL)
IN_MENU = re.findall(r":\s+(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b|…|\.\.\.|\||\[")  # of a line that shows the form of a command


def test_every_page_is_in_the_menu_once():
    assert sorted(IN_MENU) == [page.relative_to(DOCS).as_posix() for page in PAGES]


def test_every_tracker_and_method_has_a_page():
    assert {*TRACKERS, *METHODS, "common"} == {page.stem for page in (DOCS / "methods").glob("*.md")}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    targets = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [t for t in targets if t and "://" not in t and not (page.parent / t).exists()]
    assert not missing


def commands(page):
    """The lines of a page's code blocks that call idfree, without comments; those that show a form are left out."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if not line.strip().startswith("idfree "):
                continue
            words = shlex.split(line.partition("  # ")[0].partition(" # ")[0], comments=True)
            if not any(PLACEHOLDER.search(word) for word in words if "=" not in word):
                yield words[1:]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_commands_exist_with_these_options(page):
    refused = {" ".join(words): said for words in commands(page) if (said := parse(words))}
    assert not refused


def parse(words):
    """What the parser says against a command; "" if nothing."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        parser().parse_args(words)
    return said.getvalue()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs pip install 'idfree[docs]'")
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "methods" / "sort.html").is_file()
