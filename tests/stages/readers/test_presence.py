"""What is seen of cameras that go and come, with real sockets and files."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.loops.backoff import Retry
from stages.readers import presence as presence_module
from stages.readers.presence import PathPresence, PortPresence, make_presence, retry_of
from tests.ports import free_port
from tests.running_line import PATIENCE_S, wait_until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look every few ms."""
    monkeypatch.setattr(presence_module, "_LOOK_S", 0.005)
    monkeypatch.setattr(presence_module, "_OPEN_LOOK_S", 0.005)


class Port:
    """A port of this machine, and what is done to it; a look at it is counted when it begins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = free_port()
        self.looks = 0
        self._connect = socket.create_connection
        self._server: socket.socket | None = None
        monkeypatch.setattr(socket, "create_connection", self._count)

    def _count(self, address: tuple[str, int], timeout: float) -> socket.socket:
        self.looks += 1
        return self._connect(address, PATIENCE_S)

    def open(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.number), backlog=64)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def look(self, presence: PortPresence, looks: int) -> list[bool]:
        """What is said until so many more looks have begun."""
        said, end = [], self.looks + looks
        while self.looks < end:
            said.append(presence.has_returned())
        return said


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[Port]:
    port = Port(monkeypatch)
    yield port
    port.close()


def test_a_port_that_opens_has_returned_once(port: Port) -> None:
    presence = PortPresence("127.0.0.1", port.number)
    assert not any(port.look(presence, 3))
    port.open()
    wait_until(presence.has_returned, "it has returned")
    assert not any(port.look(presence, 3))


def test_a_port_that_is_open_all_the_time_has_not_returned(port: Port) -> None:
    port.open()
    presence = PortPresence("127.0.0.1", port.number)
    assert not any(port.look(presence, 5))


def test_a_port_that_closes_and_opens_again_has_returned(port: Port) -> None:
    port.open()
    presence = PortPresence("127.0.0.1", port.number)
    port.look(presence, 3)
    port.close()
    assert not any(port.look(presence, 3))
    port.open()
    wait_until(presence.has_returned, "it has returned")


def test_a_port_that_was_closed_before_it_was_reached_has_not_returned(port: Port) -> None:
    presence = PortPresence("127.0.0.1", port.number)
    port.look(presence, 3)
    presence.forget()
    port.open()
    assert not any(port.look(presence, 3))


def test_a_port_that_was_reached_is_looked_at_at_once_when_it_fails(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it might be closed and open again before the next look, and count as open."""
    monkeypatch.setattr(presence_module, "_OPEN_LOOK_S", 3600.0)
    port.open()
    presence = PortPresence("127.0.0.1", port.number)
    port.look(presence, 1)
    wait_until(lambda: not any((presence.has_returned(), presence._look)), "it was looked at")
    presence.forget()
    port.close()
    port.look(presence, 2)
    port.open()
    wait_until(presence.has_returned, "it has returned")


def test_a_look_leaves_no_connection_open(port: Port) -> None:
    port.open()
    presence = PortPresence("127.0.0.1", port.number)
    port.look(presence, 2)
    assert port._server is not None
    peer, _ = port._server.accept()
    with peer:
        peer.settimeout(PATIENCE_S)
        assert peer.recv(1) == b"", "nothing is sent"


def test_an_answer_does_not_wait_for_a_name_that_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks_up, found = threading.Event(), threading.Event()

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        looks_up.set()
        found.wait(PATIENCE_S)
        raise socket.gaierror("unknown name")

    monkeypatch.setattr(socket, "create_connection", connect)
    presence = PortPresence("camera.invalid", 554)
    assert not presence.has_returned()
    assert looks_up.wait(PATIENCE_S)
    assert not any(presence.has_returned() for _ in range(9))
    found.set()


@pytest.mark.parametrize("host", ["x" * 70, "a..b", "\udcff"], ids=["long", "empty", "no text"])
def test_a_name_that_cannot_be_asked_for_is_away(port: Port, host: str) -> None:
    assert not any(port.look(PortPresence(host, 554), 3))


def test_a_device_that_is_plugged_in_again_has_returned(tmp_path: Path) -> None:
    presence = PathPresence(tmp_path / "video0")
    assert not presence.has_returned()
    (tmp_path / "video0").touch()
    assert presence.has_returned()
    assert not presence.has_returned(), "it is told once"
    (tmp_path / "video0").unlink()
    assert not presence.has_returned()
    presence.forget()
    (tmp_path / "video0").touch()
    assert not presence.has_returned()


def test_a_pipe_in_which_there_is_something_again_has_returned(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    presence = make_presence(str(fifo))
    assert presence is not None
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(fifo, os.O_WRONLY)
    assert not presence.has_returned()
    os.write(writing, b"video")
    assert presence.has_returned()
    assert not presence.has_returned(), "it is told once"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("rtsp://user:S3cret@10.0.0.7/1", ("10.0.0.7", 554)),
        ("RTSPS://cam:8322/1", ("cam", 8322)),
        ("rtsps://cam/1", ("cam", 322)),
        ("http://[fe80::1]/video", ("fe80::1", 80)),
        ("https://cam/live.m3u8", ("cam", 443)),
    ],
)
def test_the_port_of_an_address_is_looked_at(uri: str, address: tuple[str, int]) -> None:
    presence = make_presence(uri)
    assert isinstance(presence, PortPresence)
    assert presence._address == address


@pytest.mark.parametrize(
    "uri",
    ["udp://@:5000", "tcp://pi:8888", "srt://cam:9000", "clip.mp4", "scene://street",
     "rtsp:///1", "rtsp://cam:port/1", "rtsp://cam:0/1", "rtsp://[::1/1"],
)  # fmt: skip
def test_nothing_is_looked_at_where_a_look_would_use_it_or_tell_nothing(uri: str) -> None:
    assert make_presence(uri) is None


@pytest.mark.parametrize("uri", ["0", "/dev/video0"])
def test_the_device_of_a_camera_is_looked_at(uri: str) -> None:
    presence = make_presence(uri)
    assert isinstance(presence, PathPresence)
    assert presence._path == Path("/dev/video0")


def test_a_stream_that_cannot_be_looked_at_is_tried_every_few_seconds(tmp_path: Path) -> None:
    assert retry_of("tcp://pi:8888", Retry()) == Retry(first_s=0.5, cap_s=5.0)
    assert retry_of("udp://@:5000", Retry(60.0, 600.0)) == Retry(5.0, 5.0)
    assert retry_of("udp://@:5000", Retry(0.1, 1.0)) == Retry(0.1, 1.0)
    os.mkfifo(tmp_path / "fifo")
    assert retry_of(str(tmp_path / "fifo"), Retry()) == Retry(first_s=0.5, cap_s=5.0)


@pytest.mark.parametrize("uri", ["rtsp://cam/1", "0", "clip.mp4"])
def test_other_sources_are_tried_as_configured(uri: str) -> None:
    assert retry_of(uri, Retry(60.0, 600.0)) == Retry(60.0, 600.0)
