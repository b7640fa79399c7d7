"""Live preview window, by Tk: OpenCV's headless build has no windows."""

from types import TracebackType

import cv2

from idfree.core.errors import UserError
from idfree.core.types import Image

MAX_SCREEN_FRACTION = 0.9  # of the screen's width or height that the image may take


class Window:
    """A context manager; closing the window raises KeyboardInterrupt. Raises UserError without a display."""

    def __init__(self, title: str):
        try:
            import tkinter  # a separate package on some systems

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
        """The window, which is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the window."""
        self.root.destroy()

    def close(self) -> None:
        """Handle the window's close button."""
        self.closed = True

    def write(self, image: Image) -> None:
        """Show a BGR image, downscaled to fit the screen. Raises KeyboardInterrupt once the window is closed."""
        if self.closed:
            raise KeyboardInterrupt
        height, width = image.shape[:2]
        scale = (
            min(self.root.winfo_screenwidth() / width, self.root.winfo_screenheight() / height) * MAX_SCREEN_FRACTION
        )
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        portable_pixmap = cv2.imencode(".ppm", image)[1].tobytes()
        from tkinter import PhotoImage

        self.photo = PhotoImage(data=portable_pixmap)  # Tk keeps no reference to it
        self.label.configure(image=self.photo)
        self.root.update()
