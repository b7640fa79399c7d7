"""The preview window, with a stub of Tk, as test machines have no screen."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.show.window import Window


class Tk:
    """Stub of the part of tkinter that the window uses."""

    TclError = RuntimeError

    def __init__(self) -> None:
        self.shown: list[bytes] = []
        self.gone = False
        self.tkinter = SimpleNamespace(
            Tk=lambda: self,
            TclError=self.TclError,
            Label=lambda root: SimpleNamespace(pack=lambda: None, configure=lambda image: self.shown.append(image)),
            PhotoImage=lambda data: data,
        )

    def title(self, text: str) -> None:
        self.text = text

    def protocol(self, name: str, function: object) -> None:
        self.on_close = function

    def winfo_screenwidth(self) -> int:
        return 100

    def winfo_screenheight(self) -> int:
        return 100

    def update(self) -> None:
        pass

    def destroy(self) -> None:
        self.gone = True


def test_pictures_fit_the_screen_and_closing_ends_the_run(monkeypatch):
    tk = Tk()
    monkeypatch.setitem(sys.modules, "tkinter", tk.tkinter)
    with Window("street") as window:
        window.write(np.zeros((200, 400, 3), dtype=np.uint8))
        assert tk.shown[0].startswith(b"P6\n90 45\n")
        tk.on_close()
        with pytest.raises(KeyboardInterrupt):
            window.write(np.zeros((200, 400, 3), dtype=np.uint8))
    assert tk.gone


def test_no_screen(monkeypatch):
    tk = Tk()

    def refuse() -> None:
        raise tk.TclError("no display name")

    tk.tkinter.Tk = refuse
    monkeypatch.setitem(sys.modules, "tkinter", tk.tkinter)
    with pytest.raises(UserError, match="cannot open a window: no display name"):
        Window("street")


def test_no_tk(monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(UserError, match="needs tkinter"):
        Window("street")
