"""What a fork of the supervisor keeps of it, and what it lets go."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.processes import server_process
from pipeline.processes.server_process import ForkedServer, start_server
from tests.running_line import PATIENCE_S, wait_until

_NOBODY = "no.program"


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_process, "count_threads", lambda: 1)


def start(serve: Callable[[socket.socket], int]) -> tuple[ForkedServer, bytes]:
    """The server, and what it has sent up to its end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.settimeout(PATIENCE_S)
    with ours:
        with theirs:
            server = start_server(theirs, serve, _NOBODY)
        said = b"".join(iter(lambda: ours.recv(65536), b""))
    assert isinstance(server, ForkedServer)
    return server, said


def test_the_code_of_the_function_is_that_of_the_process() -> None:
    server, _ = start(lambda theirs: 7)
    assert server.wait(PATIENCE_S) == 7
    assert server.poll() == 7
    assert server.wait() == 7


def test_an_error_is_printed_and_is_a_crash(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(theirs: socket.socket) -> int:
        raise ValueError("no stage")

    server, _ = start(fail)
    assert server.wait(PATIENCE_S) == 1
    assert capfd.readouterr().err.endswith("ValueError: no stage\n")


def test_files_of_the_supervisor_are_closed_in_it(tmp_path: Path) -> None:
    def tell(theirs: socket.socket) -> int:
        links = [Path(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        targets = [os.readlink(link) for link in links if link.is_symlink()]
        theirs.sendall("\n".join(targets).encode())
        return 0

    with (tmp_path / "locked").open("w"):
        server, said = start(tell)
    targets = said.decode().split("\n")
    assert server.wait(PATIENCE_S) == 0
    assert "/dev/null" in targets
    assert not [target for target in targets if "locked" in target]
    assert len([target for target in targets if target.startswith("socket:")]) <= 3


def test_signals_and_session_are_its_own() -> None:
    def tell(theirs: socket.socket) -> int:
        is_default = signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
        is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        theirs.sendall(f"{is_default} {is_ignored} {os.getsid(0) == os.getpid()}".encode())
        return 0

    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        _, said = start(tell)
    finally:
        signal.signal(signal.SIGUSR2, before)
        signal.signal(signal.SIGHUP, hung_up)
    assert said == b"True True True"


def test_one_that_runs_on_can_be_waited_for_and_killed() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        server = start_server(theirs, lambda theirs: len(theirs.recv(1)), _NOBODY)
        assert server.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.01)
        server.kill()
        assert server.wait() == -signal.SIGKILL
        server.kill()  # nothing is there any more
        wait_until(lambda: not Path(f"/proc/{server.pid}").exists(), "it is gone")
