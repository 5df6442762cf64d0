"""The sound of a real network camera: AAC is recorded as it is, other sound is left out."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stages.services.archive.layout import NS, iso_utc
from tests.browser import COMMAND, Browser
from tests.conftest import StartLine
from tests.films import check_with_ffmpeg, play_in_chromium
from tests.integration.test_recorder import films
from tests.integration.test_rtsp import _needs_gstreamer, serve
from tests.ports import free_port
from tests.running_line import RunningLine, wait_until

__all__ = ["_needs_gstreamer"]


@contextmanager
def recording(
    start_line: StartLine, folder: Path, sound: str, transport: str, segment_s: int
) -> Iterator[RunningLine]:
    """A line with one camera, which has ended regularly afterwards."""
    port = free_port()
    source = f"{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate, rtsp_transport: {transport}}}"
    with serve(port, "320x240", "--bitrate", "256", "--sound", sound):
        line = start_line(
            "--set", f"sources=[{source}]",
            "--set", f"record.folder={folder}",
            "--set", f"record.continuous={{segment_s: {segment_s}}}",
        )  # fmt: skip
        yield line
        line.process.terminate()
        assert line.wait() == 0, line.stderr


def has_films(folder: Path, count: int, size: int) -> bool:
    """Whether there are so many, with so many bytes in each."""
    return sum(p.stat().st_size > size for p in folder.rglob("[0-9]*.mp4")) >= count


def record(
    start_line: StartLine, folder: Path, sound: str, transport: str
) -> tuple[RunningLine, Path]:
    """A line with one camera, which has ended, and its film of some seconds."""
    with recording(start_line, folder, sound, transport, 60) as line:
        wait_until(lambda: has_films(folder, 1, 90_000), "a film")
    ((path, _),) = films(folder)
    return line, path


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_aac_is_recorded_as_it_is_and_together_with_the_pictures(
    start_line: StartLine, tmp_path: Path, transport: str
) -> None:
    line, path = record(start_line, tmp_path / "record", "aac", transport)
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
        if transport == "tcp" or "damaged" not in line.stdout:
            assert ends[sound.index] == pytest.approx(ends[pictures.index], abs=0.5), line.stdout
        else:  # a starved reader loses packets of UDP, and all pictures up to the next key frame
            assert ends[sound.index] > ends[pictures.index] - 0.5
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
    line, path = record(start_line, tmp_path / "record", "pcma", "tcp")
    assert line.stderr.count("its sound is not recorded: expected AAC, got PCMA") == 1
    check_with_ffmpeg(path)
    with av.open(str(path)) as film:
        assert not film.streams.audio


def test_an_export_over_two_files_has_the_whole_tone_of_the_camera(
    start_line: StartLine, tmp_path: Path
) -> None:
    folder, out = tmp_path / "record", tmp_path / "out.mp4"
    with recording(start_line, folder, "aac", "tcp", 10):
        wait_until(lambda: has_films(folder, 2, 60_000), "the second film")
    (first, begin), *_, (last, end) = films(folder)
    command = [
        sys.executable, "-m", "stages.recording.export", "--folder", str(folder),
        "--camera", "gate", "--from", iso_utc(begin.begin_unix_ns - NS // 2),
        "--to", iso_utc(end.end_unix_ns + NS // 2), str(out),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {out} ({out.stat().st_size} bytes)\n"
    check_with_ffmpeg(out)
    assert count_pictures(out) == sum(count_pictures(path) for path, _ in films(folder))
    length_s, loud = loudness(out)
    wanted_s = (end.end_unix_ns - begin.begin_unix_ns) / NS
    assert length_s == pytest.approx(wanted_s, abs=1.0)
    quiet = np.flatnonzero(loud[2:-2] < 0.1) + 2
    assert quiet.size == 0, f"no tone at {quiet / 10} s of {first}, {last}"


def count_pictures(path: Path) -> int:
    with av.open(str(path)) as film:
        return sum(packet.size > 0 for packet in film.demux(video=0))


def loudness(path: Path) -> tuple[float, "np.ndarray[Any, np.dtype[np.float64]]"]:
    """When the sound of a film ends, and the loudest in each tenth of a second."""
    loud = np.zeros(1000)
    end_s = 0.0
    with av.open(str(path)) as film:
        sound: Any = film.streams.audio[0]
        for frame in film.decode(sound):
            level = float(np.abs(frame.to_ndarray()).max())
            end_s = frame.time + frame.samples / frame.sample_rate
            for tenth in range(int(frame.time * 10), int(end_s * 10) + 1):
                loud[tenth] = max(loud[tenth], level)
    return end_s, loud[: int(end_s * 10)]
