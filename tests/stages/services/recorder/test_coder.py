"""Cameras that send no packets are recorded all the same."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.client import DetectionMessage
from stages.services.media import h264_encoder
from stages.services.recorder import coder as module
from stages.services.recorder.coder import Coder
from stages.services.recorder.film import Film
from tests.stages.services.recorder.camera import FPS, MadeUpCamera, grey, greys

SIZE = (49, 64, 3)  # an odd line is left out


def results(folder: Path, count: int, first: int = 0) -> list[DetectionMessage]:
    camera = MadeUpCamera(folder)
    return [camera.result(number) for number in range(first, first + count)]


def code(coder: Coder, told: list[DetectionMessage]) -> None:
    for result in told:
        coder.add(np.full(SIZE, grey(result.frame_id), np.uint8), result)


def film_of(coder: Coder, path: Path, unix_ns: int = 0) -> list[int]:
    """What a film shows that begins at a time."""
    reader = coder.open()
    assert reader is not None
    assert reader.seek(unix_ns)
    packets = []
    while (packet := reader.read()) is not None:
        packets.append(packet)
    tracks = reader.tracks(packets[0].generation)
    assert tracks is not None
    path.touch()
    film = Film(path, tracks, packets[0])
    film.add(packets)
    film.flush()
    film.close()
    return greys(path)


@pytest.mark.parametrize("name", ["libx264", "libopenh264"])
def test_a_film_of_coded_frames_shows_each_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name not in av.codecs_available:
        pytest.skip(f"PyAV was built without {name}")
    monkeypatch.setattr(h264_encoder, "_OPTIONS", {name: h264_encoder._OPTIONS[name]})
    coder = Coder()
    assert coder.open() is None
    told = results(tmp_path / "run", 5 * FPS)
    code(coder, told)
    code(coder, told[-1:])  # told again
    shown = film_of(coder, tmp_path / "film.mp4")
    assert len(shown) == 5 * FPS
    assert all(abs(level - grey(number)) <= 6 for number, level in enumerate(shown))
    opened: Any = av.open(str(tmp_path / "film.mp4"))
    with opened as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (64, 48)


def test_it_begins_at_the_last_key_frame_before_a_time(tmp_path: Path) -> None:
    coder = Coder()
    told = results(tmp_path / "run", 7 * FPS)
    code(coder, told)
    # A key frame comes every two seconds.
    assert len(film_of(coder, tmp_path / "film.mp4", told[55].captured_unix_ns)) == 3 * FPS


def test_memory_holds_the_last_seconds_and_a_slow_reader_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RING_BYTES", 4000)
    coder = Coder()
    told = results(tmp_path / "run", 40 * FPS)
    code(coder, told[:1])
    slow = coder.open()
    assert slow is not None
    assert slow.seek(0)
    code(coder, told[1:])
    packet = slow.read()
    assert packet is not None
    assert packet.is_key
    assert packet.number > 100
    following = slow.read()
    assert following is not None
    assert following.number == packet.number + 1


def test_another_epoch_or_size_is_another_generation(tmp_path: Path) -> None:
    coder = Coder()
    told = results(tmp_path / "run", 3)
    code(coder, told[:2])
    coder.add(np.full((96, 128, 3), 99, np.uint8), told[2])
    reader = coder.open()
    assert reader is not None
    assert reader.seek(0)
    packets = [reader.read() for _ in range(3)]
    assert [packet.generation for packet in packets if packet] == [1, 1, 2]
    tracks = reader.tracks(2)
    assert tracks is not None
    assert (tracks[0].width, tracks[0].height) == (128, 96)
    assert packets[2] is not None
    assert packets[2].is_key


def test_a_size_that_no_encoder_takes_is_told_once(tmp_path: Path, said: list[str]) -> None:
    coder = Coder()
    for result in results(tmp_path / "run", 3):
        coder.add(np.full((16, 20_000, 3), 99, np.uint8), result)
    assert said == ["gate: cannot be recorded: no H.264 encoder for 20000x16"]
    assert coder.open() is None
