"""Chromium without a window, driven by its own protocol over a WebSocket."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from websockets.sync.client import connect

from tests.running_line import PATIENCE_S, wait_until

COMMAND = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--mute-audio", "--remote-debugging-port=0",
)  # fmt: skip
_NAVIGATED = "Inspected target navigated or closed"


class Browser:
    """One page. What it has to say on its console is kept in `complaints`."""

    def __init__(self, *flags: str) -> None:
        assert COMMAND is not None, "no Chromium"
        self._home = Path(tempfile.mkdtemp(prefix="browser-"))
        self._process = subprocess.Popen(
            [COMMAND, *_FLAGS, *flags, f"--user-data-dir={self._home}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._numbers = count(1)
        self.complaints: list[str] = []
        self._open = ExitStack()
        self._open.callback(self._end)
        try:
            self._socket = self._open.enter_context(connect(self._find_page(), max_size=None))
            for domain in ("Page", "Runtime", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._open.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command, and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(PATIENCE_S))
            self._hear(said)
            if said.get("id") == number:
                assert "error" not in said, said["error"]
                result: dict[str, Any] = said["result"]
                return result

    def visit(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def resize(self, width: int, height: int, *, scale: float = 1, dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        done = self._run(script)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait_for(self, script: str, what: str) -> None:
        """Until an expression is true; what it is about may not be there yet."""

        def there() -> bool:
            time.sleep(0.1)
            try:
                done = self._run(script)
            except AssertionError as error:
                if _NAVIGATED in str(error):  # in the middle of it
                    return False
                raise
            return "exceptionDetails" not in done and bool(done["result"].get("value"))

        try:
            wait_until(there, what)
        except AssertionError as error:
            shown = self.evaluate("location.href + '\\n' + document.body?.innerText")
            raise AssertionError(f"{error}:\n{shown}\n{self.complaints}") from None

    def screenshot(self, path: Path) -> None:
        taken = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(taken["data"]))

    def _run(self, script: str) -> dict[str, Any]:
        return self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )

    def _find_page(self) -> str:
        """Where the page listens for commands."""
        port_file = self._home / "DevToolsActivePort"
        wait_until(lambda: port_file.exists() and "\n" in port_file.read_text(), "Chromium runs")
        port = port_file.read_text().split()[0]
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE_S) as answer:
            pages = [each for each in json.load(answer) if each["type"] == "page"]
        return str(pages[0]["webSocketDebuggerUrl"])

    def _end(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # its own group: it has many processes
        self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _hear(self, said: dict[str, Any]) -> None:
        parameters = said.get("params", {})
        if said.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif said.get("method") == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
