"""The sound of a real network camera: AAC is recorded as it is, other sound is left out."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.browser import COMMAND, Browser
from tests.conftest import StartLine
from tests.films import check_with_ffmpeg, play_in_chromium
from tests.integration.test_recorder import films
from tests.integration.test_rtsp import _needs_gstreamer, serve
from tests.ports import free_port
from tests.running_line import wait_until

__all__ = ["_needs_gstreamer"]


def record(start_line: StartLine, folder: Path, sound: str, transport: str) -> tuple[str, Path]:
    """The log of a line with one camera, and its film of twenty kilobytes or more."""
    port = free_port()
    source = f"{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate, rtsp_transport: {transport}}}"
    with serve(port, "320x240", "--bitrate", "256", "--sound", sound):
        line = start_line(
            "--set", f"sources=[{source}]",
            "--set", f"record.folder={folder}",
            "--set", "record.continuous={segment_s: 60}",
        )  # fmt: skip
        wait_until(
            lambda: any(p.stat().st_size > 90_000 for p in folder.rglob("[0-9]*.mp4")), "a film"
        )
        line.process.terminate()
        assert line.wait() == 0, line.stderr
    ((path, _),) = films(folder)
    return line.stderr, path


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_aac_is_recorded_as_it_is_and_together_with_the_pictures(
    start_line: StartLine, tmp_path: Path, transport: str
) -> None:
    _, path = record(start_line, tmp_path / "record", "aac", transport)
    check_with_ffmpeg(path)
    with av.open(str(path)) as film:
        (pictures,), (sound,) = film.streams.video, film.streams.audio
        assert (sound.codec_context.name, sound.codec_context.sample_rate) == ("aac", 16000)
        ends = {pictures.index: 0.0, sound.index: 0.0}
        begins: dict[int, float] = {}
        for packet in film.demux():
            if packet.size and packet.pts is not None and packet.time_base is not None:
                at_s = float(packet.pts * packet.time_base)
                begins.setdefault(packet.stream_index, at_s)
                ends[packet.stream_index] = max(ends[packet.stream_index], at_s)
        assert begins[sound.index] == pytest.approx(begins[pictures.index], abs=0.5)
        assert ends[sound.index] == pytest.approx(ends[pictures.index], abs=0.5)
        end_of_pictures_s = ends[pictures.index]
        film.seek(0)
        heard = [np.abs(frame.to_ndarray()).max() for frame in film.decode(sound)]
        assert max(heard) > 0.1, "the tone of the server"
    if COMMAND is not None and transport == "tcp":
        with Browser() as browser:
            end_s, width, height = play_in_chromium(browser, path)
        assert (width, height) == (320, 240)
        assert end_s == pytest.approx(end_of_pictures_s, abs=0.5)


def test_other_sound_is_left_out_with_one_line(start_line: StartLine, tmp_path: Path) -> None:
    log, path = record(start_line, tmp_path / "record", "pcma", "tcp")
    assert log.count("its sound is not recorded: expected AAC, got PCMA") == 1
    check_with_ffmpeg(path)
    with av.open(str(path)) as film:
        assert not film.streams.audio
