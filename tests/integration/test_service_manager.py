"""What systemd is told of a line, on a socket as systemd gives it."""

import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.memory.vital_sign import well_s_ago
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration.mjpeg_camera import MjpegCamera
from tests.ports import free_port
from tests.running_line import PATIENCE_S, wait_until

STATUS_EVERY_S = 10.0
LONG_S = 4 * PATIENCE_S


class Manager:
    """Receives what is told, in order."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(PATIENCE_S)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.heard: list[str] = []
        self.senders = set[int]()  # process ids, as the kernel tells them

    def wait_for(self, *starts: str) -> None:
        """Until each has been heard after the others."""
        for start in starts:
            while not self._receive().startswith(start):
                pass

    def listen_until(self, end: Callable[[], bool]) -> None:
        """Take note of what is told, until something has happened elsewhere."""
        deadline_s = time.monotonic() + LONG_S
        while not end():
            assert time.monotonic() < deadline_s, "waited in vain"
            self._receive()

    def _receive(self) -> str:
        text, ((_, _, credentials),), _, _ = self._socket.recvmsg(65536, 1024)
        self.senders.add(struct.unpack_from("=i", credentials)[0])
        self.heard.append(text.decode())
        return self.heard[-1]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Manager]:
    name = f"{short_dir}/notify"
    is_abstract = request.param == "abstract"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if is_abstract else name)
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    with contextlib.closing(Manager(f"\0{name}" if is_abstract else name)) as manager:
        yield manager


def test_a_line_tells_that_it_is_ready_lives_and_stops(
    manager: Manager, start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 30)
    line = start_line("--source", clip, "--set", f"sources=[{{uri: {clip}, loop: true}}]")
    manager.wait_for("READY=1", "WATCHDOG=1", "STATUS=", "WATCHDOG=1")
    assert manager.heard.count("READY=1") == 1
    line.process.terminate()
    manager.wait_for("STOPPING=1")
    assert line.wait() == 0


def test_a_camera_that_is_away_is_no_reason_to_start_again(
    manager: Manager, start_line: StartLine
) -> None:
    line = start_line("--source", f"rtsp://127.0.0.1:{free_port()}/none")
    manager.wait_for("READY=1", "WATCHDOG=1", "WATCHDOG=1")
    line.process.terminate()
    manager.wait_for("STOPPING=1")
    assert line.wait() == 0


@pytest.mark.parametrize("manager", ["path"], indirect=True)
@pytest.mark.parametrize("stage", ["detect", "postprocess"])
def test_a_line_that_is_stuck_while_its_camera_sends_is_not_fed_until_it_goes_on(
    manager: Manager, start_line: StartLine, stage: str
) -> None:
    with MjpegCamera() as camera:
        line = start_line("--source", camera.url, "--set", "limits.frame_s=600")  # it kills nothing
        line.wait_for_messages(5)
        manager.wait_for("READY=1", "WATCHDOG=1")
        stopped = line.kill(stage, signal.SIGSTOP)
        manager.listen_until(lambda: line.complaints("the line is not well") > 0)
        came = line.ledger().came()
        manager.wait_for("STATUS=")  # what was told before it was stuck has been heard
        told = len(manager.heard)
        manager.wait_for("STATUS=")  # ten seconds, in which it was due ten times
        assert "WATCHDOG=1" not in manager.heard[told:]
        assert line.ledger().came() > came, "its camera goes on sending"
        assert (well_s_ago(line.run_dir()) or 0.0) > STATUS_EVERY_S
        os.kill(stopped, signal.SIGCONT)
        manager.wait_for("WATCHDOG=1", "WATCHDOG=1")
        line.wait_for_more(5)
        line.process.terminate()
        assert line.wait() == 0


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_a_line_whose_camera_goes_away_for_long_is_fed_all_the_time(
    manager: Manager, start_line: StartLine
) -> None:
    camera = MjpegCamera()
    line = start_line("--source", camera.url)
    line.wait_for_messages(5)
    manager.wait_for("READY=1", "WATCHDOG=1")
    camera.close()
    camera.cut()
    manager.wait_for(*["WATCHDOG=1"] * 45)  # one a second, for longer than a stuck line is
    assert line.complaints("the line is not well") == 0
    line.process.terminate()
    assert line.wait() == 0


def test_other_processes_of_the_line_do_not_speak_for_it(
    manager: Manager, start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 30)
    line = start_line("--set", f"sources=[{{uri: {clip}, loop: true}}]")
    line.wait_for_messages(1)
    manager.wait_for("READY=1", "WATCHDOG=1")
    line.kill("detect")
    manager.wait_for("WATCHDOG=1", "WATCHDOG=1")
    line.process.terminate()
    manager.wait_for("STOPPING=1")
    assert line.wait() == 0
    assert manager.senders == {line.process.pid}


def test_a_line_without_a_service_manager_is_well_once_it_is_ready(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 30)
    line = start_line("--set", f"sources=[{{uri: {clip}, loop: true}}]")
    run_dir = line.run_dir()
    wait_until(lambda: (well_s_ago(run_dir) or 99.0) < 5.0, "it is well")
    line.process.terminate()
    assert line.wait() == 0
