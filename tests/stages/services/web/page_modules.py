"""The modules of the page beside an empty page in Chromium, to be asked without a line."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stages.services.web.page import read_assets
from tests.browser import Browser


class _Assets(http.server.BaseHTTPRequestHandler):
    """The files of the page alone."""

    files = read_assets()

    def do_GET(self) -> None:
        content = self.files.get(self.path.removeprefix("/assets/"), b"<title>nothing</title>")
        kind = "text/javascript" if self.path.endswith(".js") else "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve_modules(browser: Browser) -> Iterator[Browser]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Assets)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        browser.visit(f"http://127.0.0.1:{server.server_port}/empty")
        browser.wait_for("document.title == 'nothing'", "the empty page is there")
        yield browser
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(browser: Browser, module: str, script: str) -> Any:
    """`script` is an expression in which `m` is the module."""
    return browser.evaluate(f"import('/assets/{module}').then((m) => {script})")
