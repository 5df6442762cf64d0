"""Passwords that a configuration refers to: the camera gets them, and nobody else."""

import base64
import itertools
import os
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import StartLine
from tests.integration.mjpeg_camera import stream
from tests.running_line import RunningLine, wait_until

FIRST, SECOND = "p@ss/w:rd #1", "ch4nged%40"


class Camera(ThreadingHTTPServer):
    """Motion JPEG for those who know the password."""

    daemon_threads = True
    password = FIRST

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.let_in: list[str] = []  # passwords


class _Handler(BaseHTTPRequestHandler):
    server: Camera

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        password = self.server.password
        if base64.b64decode(given).decode() != f"admin:{password}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=c")
            self.end_headers()
            return
        self.server.let_in.append(password)
        try:
            for part in stream(iter(itertools.count())):
                if self.server.password != password:
                    return
                self.wfile.write(part)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def camera() -> Iterator[Camera]:
    with Camera() as camera:
        thread = Thread(target=camera.serve_forever)
        thread.start()
        yield camera
        camera.shutdown()
        thread.join()


def what_ps_shows(line: RunningLine) -> str:
    """The command lines of the line and its processes."""
    pids = [line.process.pid, *line.children().values()]
    return " ".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in pids)


@pytest.mark.usefixtures("default_hang_up")
def test_a_camera_gets_the_password_of_a_file_and_the_next_one_after_a_reload(
    start_line: StartLine, camera: Camera, tmp_path: Path
) -> None:
    (tmp_path / "gate.password").write_text(f"{FIRST}\n")
    port = camera.server_address[1]
    (tmp_path / "line.yaml").write_text(
        f"sources:\n  - uri: http://admin:${{file:gate.password}}@127.0.0.1:{port}/v\n"
        "    name: gate\n    retry: {first_s: 0.1, cap_s: 0.2}\n    silence_s: 20\n"
    )
    line = start_line(tmp_path / "line.yaml", "--set", "log=DEBUG")
    line.wait_for_messages(3)
    assert FIRST not in what_ps_shows(line)
    (tmp_path / "gate.password").write_text(SECOND)
    camera.password = SECOND
    os.kill(line.process.pid, signal.SIGHUP)
    wait_until(lambda: SECOND in camera.let_in, "the camera has got the new password")
    line.wait_for_more(3)
    line.look()
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    said = line.stdout + line.stderr
    assert "sources[0]" in said, "it is said that the address has changed"
    for secret in (FIRST, SECOND, "ss/w", "ch4nged"):
        assert secret not in said
    assert line.leftovers() == []


def test_a_variable_that_is_not_there_ends_the_start_with_one_line(
    start_line: StartLine, tmp_path: Path
) -> None:
    line = start_line("--source", "rtsp://admin:${GATE_PASSWORD_OF_NOBODY}@127.0.0.1/1")
    assert line.wait() == 2
    assert line.stderr == (
        "error: sources[0].uri: ${GATE_PASSWORD_OF_NOBODY}: expected a variable "
        "GATE_PASSWORD_OF_NOBODY in the environment, got none\n"
    )
