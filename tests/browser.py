"""A headless Chromium, driven by the DevTools protocol over a pipe: no driver, no package."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 120  # until a browser that hangs is ended
OPTIONS = "--headless --no-sandbox --disable-gpu --hide-scrollbars --remote-debugging-pipe --mute-audio"


class Browser:
    """A page of its own. Use as a context manager; downloads go to FOLDER/downloads."""

    def __init__(self, folder: Path, size: tuple[int, int] = (1280, 800)) -> None:
        self.count, self.rest, self.downloads = 0, b"", folder / "downloads"
        (read_end, self.write_to), (self.read_from, write_end) = os.pipe(), os.pipe()
        command = [str(CHROMIUM), *OPTIONS.split(), f"--user-data-dir={folder}/profile", "about:blank"]
        redirect = f'exec 3<&{read_end} 4>&{write_end}; exec "$@"'  # the protocol's pipes are 3 and 4
        self.process = subprocess.Popen(
            ["bash", "-c", redirect, "bash", *command], pass_fds=(read_end, write_end), stderr=subprocess.DEVNULL
        )
        os.close(read_end)
        os.close(write_end)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        self.resize(*size)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(SECONDS)
        os.close(self.write_to)
        os.close(self.read_from)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a method of the protocol."""
        self.count += 1
        message: dict[str, Any] = {"id": self.count, "method": method, "params": params}
        message |= {"sessionId": self.session} if hasattr(self, "session") else {}
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]

    def receive(self) -> dict[str, Any]:
        """The next message."""
        while b"\0" not in self.rest:
            assert select.select([self.read_from], [], [], SECONDS)[0], "the browser does not answer"
            part = os.read(self.read_from, 1 << 16)
            assert part, "the browser has ended"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def resize(self, width: int, height: int) -> None:
        """Set the size of the page; less than 500 pixels wide is a telephone."""
        mobile = width < 500
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1 + mobile,
            mobile=mobile,
        )

    def open(self, page: Path) -> None:
        """Open a file, and wait until its script has run."""
        self.call("Page.navigate", url=page.as_uri())
        self.wait_for("document.readyState === 'complete' && document.title !== ''")

    def run(self, script: str) -> Any:
        """The value of an expression."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + SECONDS
        while not self.run(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def click(self, name: str, x: float | None = None, y: float | None = None) -> None:
        """Click an element by its id, in its middle or at a position in it."""
        self.run(f"document.getElementById('{name}').scrollIntoView({{block: 'nearest'}})")
        box = self.run(f"document.getElementById('{name}').getBoundingClientRect().toJSON()")
        at = {"x": box["x"] + (box["width"] / 2 if x is None else x)}
        at |= {"y": box["y"] + (box["height"] / 2 if y is None else y)}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **at, button="left", clickCount=1)

    def text(self, name: str) -> str:
        """The text of an element by its id."""
        return self.run(f"document.getElementById('{name}').textContent")

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))
