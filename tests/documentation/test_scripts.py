"""Scripts of experiments/ and benchmarks/ that a page names exist, and take the options that are named there."""

import argparse
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = (ROOT / "experiments", ROOT / "benchmarks")
CALL = re.compile(r"\bpython\s+((?:experiments|benchmarks)/\w+\.py[^`\n#]*(?:\\?\n[^`\n#]+(?=`))?)")


def calls():
    """Commands of scripts in the pages, each once: (script, options)."""
    found = {}
    for page in PAGES:
        for text in CALL.findall(page.read_text(encoding="utf-8")):
            script, *options = shlex.split(text.replace("\\\n", " "))
            found[script, tuple(word for word in options if word not in ("…", "..."))] = page
    return sorted(found)


class ParsedError(Exception):
    """Raised instead of what a script does after it has read its options."""


@pytest.fixture
def parse_only(monkeypatch):
    """Scripts end when they have read their options; modules beside them are forgotten afterwards."""
    parse_args = argparse.ArgumentParser.parse_args

    def parse(parser, *arguments, **options):
        parse_args(parser, *arguments, **options)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    yield
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or ROOT).parent in FOLDERS:
            del sys.modules[name]


@pytest.mark.parametrize(("script", "options"), calls(), ids=lambda value: value if isinstance(value, str) else "")
def test_scripts_take_these_options(script, options, parse_only, monkeypatch, capsys):
    assert (ROOT / script).is_file()
    pytest.importorskip("torch", reason="most scripts train")
    monkeypatch.setattr(sys, "argv", [script, *options])
    monkeypatch.syspath_prepend(str((ROOT / script).parent))
    try:
        with pytest.raises(ParsedError):
            runpy.run_path(str(ROOT / script), run_name="__main__")
    except SystemExit:
        pytest.fail(capsys.readouterr().err)
