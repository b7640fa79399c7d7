"""Progress bars: where they are shown."""

import io
import sys

import pytest

from idfree.core.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("total", "quiet", "is_shown"), [(3, False, True), (1, False, False), (3, True, False)])
def test_a_bar_on_a_terminal_unless_quiet_or_of_one_item(total, quiet, is_shown, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress(range(total), "reading", total, quiet)) == list(range(total))
    assert ("reading" in terminal.getvalue()) == is_shown
