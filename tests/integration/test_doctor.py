"""The doctor looks at real cameras, and says what is amiss without a password."""

import itertools
import json
import re
import struct
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from stages.line.doctor import command
from stages.line.doctor.finding import Level
from tests.integration.mjpeg_camera import MjpegCamera, encode_frame
from tests.integration.test_rtsp import _needs_gstreamer, serve  # noqa: F401 - a fixture
from tests.ports import free_port
from tests.stages.readers.rtsp.pictures import SSRC, encode, packets
from tests.stages.readers.rtsp.scripted_server import Peer, ScriptedServer


def look(
    config: Path, capsys: pytest.CaptureFixture[str], *sources: str
) -> tuple[int, list[dict[str, Any]]]:
    config.write_text(f"sources: [{', '.join(sources)}]\n")
    code = command.main([str(config), "--json"])
    findings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, findings


def test_a_camera_is_described_with_what_is_amiss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    with serve(port, "320x240", "--coder", "b-frames"):
        _, findings = look(
            tmp_path / "line.yaml", capsys, f"{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate}}"
        )
    said = [finding for finding in findings if finding["what"] == "gate"]
    told = re.match(r"h264 320x240, ([\d.]+) fps, first frame after ", said[0]["value"])
    assert told is not None, said[0]["value"]
    assert float(told[1]) == pytest.approx(25, rel=0.2)  # measured, on a machine that may be busy
    assert said[1]["value"] == "has B-frames"
    assert said[2]["value"].startswith("clock right (RTCP ")  # GStreamer's, of this machine
    assert abs(said[2]["measured"]["clock_ahead_s"]) < 1.0
    assert len(said) == 3


@pytest.mark.parametrize("ahead_s", [-7200.0, 333.0])
def test_a_camera_whose_reports_tell_another_time_is_told(
    ahead_s: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def play(peer: Peer) -> None:
        for number, packet in enumerate(packets(encode("h264", 50))):
            peer.send_rtp(packet)
            if number == 0:
                peer.send_rtp(report_at(time.time() + ahead_s), channel=1)
        peer.wait()

    with ScriptedServer(play) as server:
        source = f"{{uri: '{server.url('me:S3cret')}', name: gate}}"
        code, findings = look(tmp_path / "line.yaml", capsys, source)
    (clock,) = (each for each in findings if each["what"] == "gate" and "clock" in each["value"])
    assert clock["level"] == Level.NOTE
    assert abs(clock["measured"]["clock_ahead_s"] - ahead_s) < 30.0
    assert clock["advice"]
    assert "S3cret" not in json.dumps(findings)
    assert not any(each["what"] == "gate" and each["level"] == "problem" for each in findings), code


def test_a_camera_of_http_is_asked_for_the_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(connection: int) -> Iterator[bytes]:
        date = formatdate(time.time() - 88_200, usegmt=True).encode()
        yield b"HTTP/1.0 200 OK\r\nDate: " + date + b"\r\n"
        yield b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        yield from map(encode_frame, itertools.count())

    with MjpegCamera(script) as camera:
        source = f"{{uri: '{camera.url}', name: door}}"
        _, findings = look(tmp_path / "line.yaml", capsys, source)
    (clock,) = (each for each in findings if each["what"] == "door" and "clock" in each["value"])
    assert re.fullmatch(r"clock 1 d 0 h behind \(HTTP -88\d\d\d s\)", clock["value"])
    assert clock["measured"]["clock_ahead_http_s"] == clock["measured"]["clock_ahead_s"]


def report_at(moment_s: float) -> bytes:
    """A sender report of RTCP: see tests/stages/readers/rtsp/test_rtcp.py."""
    ntp = round((moment_s + 2_208_988_800) * 2**32)
    return struct.pack("!BBHIQIII", 0x80, 200, 6, SSRC, ntp, 0, 0, 0)


def test_a_camera_that_cannot_be_reached_is_a_problem_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"rtsp://me:S3cret@127.0.0.1:{free_port()}/test"
    code, findings = look(tmp_path / "line.yaml", capsys, f"{{uri: '{address}', name: gate}}")
    (gate,) = (finding for finding in findings if finding["what"] == "gate")
    assert (code, gate["level"]) == (1, Level.PROBLEM)
    assert "S3cret" not in json.dumps(findings)


def test_sources_of_other_kinds_are_there_or_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, findings = look(
        tmp_path / "line.yaml", capsys,
        "{uri: 'scene://street', name: drawn}", "{uri: none.mp4, name: gone}",
    )  # fmt: skip
    said = {finding["what"]: finding for finding in findings}
    assert said["drawn"]["value"] == "scene scene://street: is there"
    assert said["gone"]["value"] == f"{tmp_path}/none.mp4: no such file, folder or camera"
    assert code == 1


def test_a_configuration_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_the_page_names_everything_once(capsys: pytest.CaptureFixture[str]) -> None:
    command.main([])
    page = capsys.readouterr().out
    for what in ("Python", "packages", "cores", "shared memory", "clock", "other lines"):
        assert len(re.findall(rf"^[ !-] {what} ", page, re.M)) == 1, page
