"""Our RTSP client at a real server: every picture of every coding, at once and with its time."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.source import SourceDenied, SourceError
from stages.readers.rtsp.stream import RtspStream, UnsupportedStream
from tests.integration.test_rtsp import SERVER, SYSTEM_PYTHON, _needs_gstreamer
from tests.ports import free_port
from tests.stages.readers.rtsp.certificate import make_certificate

__all__ = ["_needs_gstreamer"]  # skips this file, too
FPS = 50
COUNT = 40


@contextlib.contextmanager
def stream(*options: str, transport: str = "tcp", scheme: str = "rtsp") -> Iterator[RtspStream]:
    port = free_port()
    command = [SYSTEM_PYTHON, str(SERVER), str(port), "320x240", str(FPS), *options]
    account = next((a + "@" for a in options if ":" in a), "")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"listening\n"
        made = RtspStream(
            f"{scheme}://{account}127.0.0.1:{port}/test", transport=transport, silence_s=10.0
        )
        try:
            yield made
        finally:
            made.close()
            server.kill()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    "options",
    [
        ("--codec", "h264"),
        ("--codec", "h265"),
        ("--coder", "b-frames"),
        ("--codec", "h265", "--coder", "b-frames-265"),
        ("--coder", "slices"),
        ("--mtu", "200"),
        ("--codec", "h265", "--mtu", "200"),
    ],
)
def test_every_picture_is_decoded_with_its_time(options: tuple[str, ...], transport: str) -> None:
    with stream(*options, transport=transport) as made:
        made.open()
        units = [made.read() for _ in range(COUNT)]
        frames = [frame for unit in units for frame in made.decoder.decode(unit.packet)]
        frames += made.decoder.decode(None)
    assert len(frames) == COUNT
    times = [index * 90_000 // FPS for index in range(COUNT)]
    assert [frame.pts for frame in frames][:-3] == times[:-3]  # the last may lack B-frames between
    assert not any(unit.damaged for unit in units)
    assert not any(frame.is_corrupt for frame in frames)
    assert made.lost == 0
    assert units[0].packet.is_keyframe


def test_a_server_that_ends_the_stream() -> None:
    with stream("--frames", str(COUNT)) as made:
        made.open()
        for _ in range(COUNT - 1):  # it drops its encoder's last one
            made.read()
        with pytest.raises(SourceError, match="/test: the stream ended"):
            made.read()


@pytest.mark.parametrize("method", [(), ("--digest",)])
def test_passwords(method: tuple[str, ...]) -> None:
    with stream("--account", "admin:S3cret", *method) as made:
        made.open()
        assert made.read().packet.is_keyframe


def test_a_wrong_password() -> None:
    with stream("--account", "admin:S3cret", "--digest") as right:
        uri = right.uri.replace("S3cret", "wr0ng")
        with pytest.raises(SourceDenied, match=r"refused \(401 Unauthorized\)"):
            RtspStream(uri, transport="tcp", silence_s=10.0).open()


def test_tls(tmp_path: Path) -> None:
    options = ("--account", "admin:S3cret", "--certificate", str(make_certificate(tmp_path)))
    with stream(*options, scheme="rtsps") as made:
        made.open()
        assert [made.read().packet.pts for _ in range(5)] == [i * 90_000 // FPS for i in range(5)]


def test_another_coding_is_left_to_others() -> None:
    with stream("--codec", "jpeg") as made, pytest.raises(UnsupportedStream, match="got JPEG"):
        made.open()
