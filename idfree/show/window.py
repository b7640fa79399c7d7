"""A window that shows pictures as they come. Tk comes with Python; OpenCV's headless build has no windows."""

from types import TracebackType

import cv2

from idfree.core.errors import UserError
from idfree.core.types import Image

LARGEST_SHARE = 0.9  # of the screen


class Window:
    """A context manager; closing the window ends the run as Ctrl-C does. Raises UserError where there is no screen."""

    def __init__(self, title: str):
        try:
            import tkinter  # some systems pack it apart from Python

            self.root = tkinter.Tk()
        except ImportError as error:
            raise UserError("--show needs tkinter, which this Python lacks (Debian: apt install python3-tk)") from error
        except tkinter.TclError as error:
            raise UserError(f"cannot open a window: {error}; leave out --show") from error
        self.root.title(title)
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        self.label = tkinter.Label(self.root)
        self.label.pack()
        self.closed = False

    def __enter__(self) -> "Window":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.root.destroy()

    def close(self) -> None:
        """What the user's click on the cross does."""
        self.closed = True

    def write(self, image: Image) -> None:
        """Show a BGR picture, made smaller if the screen is."""
        if self.closed:
            raise KeyboardInterrupt
        height, width = image.shape[:2]
        room = min(self.root.winfo_screenwidth() / width, self.root.winfo_screenheight() / height) * LARGEST_SHARE
        if room < 1:
            image = cv2.resize(image, None, fx=room, fy=room, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        portable_pixmap = cv2.imencode(".ppm", image)[1].tobytes()
        from tkinter import PhotoImage

        self.picture = PhotoImage(data=portable_pixmap)  # kept: Tk does not own it
        self.label.configure(image=self.picture)
        self.root.update()
