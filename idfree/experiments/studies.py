"""Studies of a clone of the repository: what each script of experiments/ measures, its page and how long it takes."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("experiments")  # below the folder of the clone, where scripts are run
PAGE = re.compile(r"\bdocs/\w+\.md")
DURATION = re.compile(r"\bTakes ([^.]+)\.")


@dataclass(frozen=True)
class Study:
    """A script with what its docstring says. question: the first line. duration: what follows "Takes"."""

    script: Path
    question: str
    page: str
    duration: str


def read_studies(folder: Path = FOLDER) -> Iterator[Study]:
    """The studies of a folder, by name: of the scripts that say their page and duration; none without the folder."""
    for script in sorted(folder.glob("*.py")):
        text = " ".join((ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or "").split())
        page, duration = PAGE.search(text), DURATION.search(text)
        if page and duration:
            yield Study(script, text.partition(". ")[0], page[0], duration[1])
