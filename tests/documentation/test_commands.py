"""The commands of README.md and docs/ run, page by page, on small stand-ins for the files they name."""

import contextlib
import io
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from idfree.cli import main, parser
from idfree.experiments.cli import main as experiments
from idfree.experiments.cli import parser as experiments_parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED, INDENTED = r"^```(\w*)\n(.*?)^```", r"^((?: {4}idfree(?:-experiments)? [^\n]*\n)+)"
BLOCK = re.compile(f"{FENCED}|{INDENTED}", re.MULTILINE | re.DOTALL)  # language, lines of a fence, lines
PROGRAMS = {"idfree": (main, parser), "idfree-experiments": (experiments, experiments_parser)}

NOT_RUN = {  # what is not run, and why
    r"rtsp://": "needs a network camera",
    r"model\.xml": "needs OpenVINO and a model in its format",
    r"^data pack": "needs results of all 42 sequences of MOT17",
    r"faster_?rcnn": "needs the weights of a Faster R-CNN; tests/learn/test_export_two_stage.py runs both commands",
}
LEARNING = ("adapt", "teach", "train", "label", "tune", "demo")  # commands that take more than a second or two
DEFAULT = {"track": "runs/track", "demo": "runs/demo"}  # where commands write without -o
EXTRA = {  # arguments added to the commands that match, so that they take seconds
    r"^train ": "--device cpu --set threads=1 --batch 2",
    r"^train (?!tdt)(?!.*--fine-tune)": "--size 96x64",
    r"^train tdt": "--size 192x128",  # RetinaNet's smallest anchors match no smaller objects
    r"^train (?!.*--fine-tune)(?!.*--backbone)": "--backbone narrow",
    r"^train (?!.*--resume)": "--epochs 1",
    r"^train .*--resume": "--epochs 2",
    r"^(teach|adapt .*--detector)": "--set label.min_height=16 --set label.min_iou=0.3 --set label.min_boxes=4",
    r"^demo": "--frames 20",
    r"^tune": "--trials 2",
    r"^run ": "--dry-run",  # of idfree-experiments
    r"^track (?!.*--detector)(?!.*--adapt)(?!.*--every)": "--frames 8",
}


@dataclass(frozen=True)
class Command:
    """A command of a page: its program, arguments, and the outputs that slow commands before it write."""

    program: str
    words: tuple[str, ...]

    @property
    def text(self):
        return " ".join(self.words)

    @property
    def reason(self):
        """Why it is not run; None if it is."""
        return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, self.text)), None)

    @property
    def learns(self):
        return self.words[0] in LEARNING or "--adapt" in self.words

    @property
    def out(self):
        """The file or folder that it writes; None for others than those of DEFAULT."""
        named = (self.words[n + 1] for n, word in enumerate(self.words) if word in ("-o", "--out"))
        return next(named, DEFAULT.get(self.words[0]))

    def writes(self, word):
        """Whether a word of another command lies in what it writes."""
        return self.out is not None and word.startswith(self.out)

    def run(self):
        """Run it with what EXTRA adds; the exit status and what was printed."""
        added = [word for pattern, words in EXTRA.items() if re.search(pattern, self.text) for word in words.split()]
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
            try:
                status = PROGRAMS[self.program][0]([*self.words, *added])
            except SystemExit as end:
                status = end.code or 0
        return status, printed.getvalue()


def commands(page):
    """The commands of this package in a page's code blocks, in their order."""
    for line in shell_lines(page.read_text(encoding="utf-8")):
        for part in line.split("&&"):
            words = shlex.split(part, comments=True)
            if words and words[0] in PROGRAMS:
                yield Command(words[0], tuple(words[1:]))


def shell_lines(text):
    """The lines of a page's code blocks without a language or for a shell, joined where they go on."""
    for language, fenced, indented in BLOCK.findall(text):
        if language in ("", "bash", "sh"):
            yield from re.sub(r"\\\n\s*", "", fenced or indented).splitlines()


def quick(page):
    """The commands that neither learn nor read what a command that learns has written."""
    learnt = []
    for command in commands(page):
        if command.learns or any(word.startswith(out) for word in command.words for out in learnt):
            learnt += [command.out] if command.out else []
        else:
            yield command


def rest(page):
    """The other commands, and those that write what these read."""
    fast = list(quick(page))
    slow = [command for command in commands(page) if command not in fast]
    words = [word for command in slow for word in command.words]
    return [each for each in commands(page) if each in slow or (each.out and any(map(each.writes, words)))]


def named(page):
    return page.relative_to(ROOT).with_suffix("").as_posix()


WITH_COMMANDS = [page for page in PAGES if any(True for _ in commands(page))]
WITH_LEARNING = [page for page in PAGES if any(command.learns for command in commands(page))]


def run_all(chosen):
    """Run commands one after the other; those that fail, with their last lines."""
    failed = {}
    for command in chosen:
        if command.reason is None:
            status, printed = command.run()
            if status != 0 and "not ready:" not in printed:  # of a dry run, which has no data here
                failed[f"{command.program} {command.text}"] = printed.splitlines()[-3:]
    return failed


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=named)
def test_commands_have_these_options(page):
    refused = {command.text: said for command in commands(page) if (said := parse(command))}
    assert not refused


def parse(command):
    """What the parser says against a command; "" if nothing."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        PROGRAMS[command.program][1]().parse_args(command.words)
    return said.getvalue()


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=named)
def test_commands_run(page, place):
    assert not run_all(quick(page))


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_LEARNING, ids=named)
def test_commands_that_learn_run(page, place, narrow):
    assert not run_all(rest(page))


def test_what_is_not_run_is_on_a_page():
    texts = [command.text for page in PAGES for command in commands(page)]
    assert all(any(re.search(pattern, text) for text in texts) for pattern in NOT_RUN | EXTRA)
