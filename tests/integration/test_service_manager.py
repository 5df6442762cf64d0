"""What systemd is told of a line, on a socket as systemd gives it."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.memory.vital_sign import well_s_ago
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.ports import free_port
from tests.running_line import PATIENCE_S, wait_until


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
