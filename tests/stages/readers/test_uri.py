import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.source import SourceError
from stages.readers.uri import (
    Address,
    Kind,
    file_path,
    is_camera,
    is_file,
    is_live,
    is_pipe,
    is_scene,
    look_up,
    parse_address,
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def pipe() -> Iterator[int]:
    """A number at which this process has the reading end of a pipe."""
    reading, writing = os.pipe()
    yield reading
    os.close(reading)
    os.close(writing)


def refuse(uri: str) -> str:
    with pytest.raises(SourceError) as refused:
        parse_address(uri)
    return str(refused.value)


@pytest.mark.parametrize(
    ("uri", "kind", "live"),
    [
        ("0", is_camera, True),
        (" 0 ", is_camera, True),
        ("/dev/video0", is_camera, True),
        ("/dev/v4l/by-id/usb-cam-index0", is_camera, True),
        ("clip.mp4", is_file, False),
        ("/data/clip 1.mkv", is_file, False),
        ("images", is_file, False),
        ("0.mp4", is_file, False),  # begins like the number of a camera
        ("²", is_file, False),  # a digit to Python, and no number
        ("12:30.mp4", is_file, False),
        ("concat:a.mp4", is_file, False),
        ("dir/rtsp://x", is_file, False),  # a scheme has no slash
        ("/dev/shm/clip.mp4", is_file, False),
        ("file:///data/clip%201.mkv", is_file, False),
        ("FILE:///data/clip.mkv", is_file, False),
        ("-", is_pipe, True),
        ("/dev/stdin", is_pipe, True),
        ("/dev/fd/913", is_pipe, True),
        ("pipe:913", is_pipe, True),
        ("scene://street?seed=7", is_scene, False),
        ("SCENE://street", is_scene, False),
    ],
)
def test_an_address_tells_its_kind(uri: str, kind: object, live: bool) -> None:
    """Whether or not it is there. Standard input of a test is whatever it is."""
    if kind is not is_pipe or uri not in ("-", "/dev/stdin"):
        kinds = [test for test in (is_camera, is_file, is_pipe, is_scene) if test(uri)]
        assert kinds == [kind]
        assert is_live(uri) == live


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("rtsp://cam/1", "rtsp://cam/1"),
        ("RTSP://Cam/1", "rtsp://Cam/1"),
        ("  http://cam/video.mjpg\n", "http://cam/video.mjpg"),
        ("udp://@:5000", "udp://@:5000"),
        ("tcp://raspberrypi:8888", "tcp://raspberrypi:8888"),
    ],
)
def test_network_streams_are_live_and_known_to_be_there_when_opened_only(
    uri: str, location: str
) -> None:
    assert parse_address(uri) == Address(Kind.STREAM, uri, location)
    assert is_live(uri)
    assert not any(kind(uri) for kind in (is_camera, is_file, is_pipe, is_scene))


@pytest.mark.parametrize(
    ("uri", "path"),
    [("0", "/dev/video0"), ("007", "/dev/video7"), (" 255 ", "/dev/video255"),
     ("/dev/video3", "/dev/video3")],
)  # fmt: skip
def test_a_number_is_the_device_of_that_number(uri: str, path: str) -> None:
    assert parse_address(uri) == Address(Kind.CAMERA, uri, path)


@pytest.mark.parametrize("uri", ["256", "20240501", "9" * 5000])
def test_a_number_that_no_camera_has_is_refused(uri: str) -> None:
    assert refuse(uri) == (
        f"{uri}: no such file or folder, and the cameras of this machine have the numbers 0 to 255"
    )


@pytest.mark.parametrize(
    "name",
    ["0", "20240501", "12:30.mp4", "concat:a.mp4", "file:z.mp4", "subfile,,start,1:x", "rtsp:a",
     "scene:street", "pipe:0", "-", " a.mp4 ", "~", "l\udcfc.mp4"],
)  # fmt: skip
def test_what_exists_is_what_is_meant(name: str) -> None:
    Path(name).touch()
    address = parse_address(name)
    assert address.kind is Kind.FILE
    assert os.path.samefile(address.location, name)
    # FFmpeg takes what stands before a colon for a protocol.
    assert ":" not in address.location.partition("/")[0]


def test_spaces_at_the_ends_count_in_names_only() -> None:
    Path("a.mp4").touch()
    assert file_path(" a.mp4 ") == "a.mp4"
    Path(" a.mp4 ").touch()
    assert file_path(" a.mp4 ") == " a.mp4 "


def test_a_folder_may_be_a_number() -> None:
    Path("2024").mkdir()
    assert parse_address("2024") == Address(Kind.FOLDER, "2024", "2024")


def test_a_home_directory_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("a.mp4").touch()
    assert file_path("~/a.mp4") == f"{tmp_path}/a.mp4"


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("none.mp4", "none.mp4: no such file, folder or camera"),
        ("/dev/shm/none.mp4", "/dev/shm/none.mp4: no such file, folder or camera"),
        ("x" * 300, f"{'x' * 300}: File name too long"),
        ("file:///none.mp4", "file:///none.mp4: no such file, folder or camera"),
        ("file://host/a.mp4", "file://host/a.mp4: expected file:///path, a file of this machine"),
        ("file://[a.mp4", "file://[a.mp4: expected file:///path, a file of this machine"),
        ("scene://[street", "scene address 'scene://[street': Invalid IPv6 URL"),
        ("nul\0.mp4", "nul\0.mp4: no such file, folder or camera"),
        ("scene://moon", "scene address 'scene://moon': expected the world 'street', got 'moon'"),
        ("scene:street", "scene address 'scene:street': expected the world 'street', got 'street'"),
        ("scene://street?width=1", "scene option 'width': expected 160 to 3840, got 1"),
        ("/dev/video\0", "/dev/video\0: no such file, folder or camera"),
        ("/dev/null", "/dev/null: expected a file, folder, pipe or camera, got a character device"),
        ("/dev/fd/999", "/dev/fd/999: file descriptor 999 is not open"),
        ("   ", "   : no such file, folder or camera"),
    ],
)
def test_what_is_known_to_be_wrong_is_refused(uri: str, why: str) -> None:
    assert refuse(uri) == why


def test_a_socket_is_refused() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("here")
        assert refuse("here") == "here: expected a file, folder, pipe or camera, got a socket"


def test_a_file_may_be_given_as_a_url(tmp_path: Path) -> None:
    path = tmp_path / "a clip#1.mp4"
    path.touch()
    assert file_path(path.as_uri()) == str(path)
    assert parse_address(path.as_uri()).kind is Kind.FILE
    assert file_path("clip%20.mp4") == "clip%20.mp4"  # no URL: it means what it says


def test_a_url_may_hold_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "l\udcfc.mp4").touch()
    assert file_path(f"file://{tmp_path}/l%FC.mp4") == f"{tmp_path}/l\udcfc.mp4"


@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}", "pipe:{}", "fd:{}"])
def test_an_open_pipe_is_found_from_any_process(pipe: int, form: str) -> None:
    uri = form.format(pipe)
    assert parse_address(uri) == Address(Kind.PIPE, uri, f"/proc/{os.getpid()}/fd/{pipe}")


def test_an_open_file_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.touch()
    with path.open() as file:
        address = parse_address(f"/dev/fd/{file.fileno()}")
        assert address.kind is Kind.FILE
        path.unlink()  # it stays open
        assert parse_address(address.name) == address
        assert os.path.exists(address.location)


def test_a_fifo_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo("fifo")
    assert parse_address("fifo") == Address(Kind.PIPE, "fifo", "fifo")
    assert parse_address(f"file://{tmp_path}/fifo").kind is Kind.PIPE


def test_what_has_vanished_keeps_its_kind_where_its_name_tells() -> None:
    assert look_up("/data/gone.mp4").kind is Kind.FILE
