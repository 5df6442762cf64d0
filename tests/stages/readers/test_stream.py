"""A live stream whose coded pictures and moments of arrival are the test's own."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from pipeline.memory.counters import DropReason
from pipeline.source import Captured, EndOfSource, PtsOrigin, SourceError, SourceStalled
from stages.kernels.picture import Picture
from stages.readers import stream as stream_module
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.decoder import Decoded, Decoder
from stages.readers.decoding.sound import Sound
from stages.readers.reader import FormatChanged
from stages.readers.stream import StreamReader
from tests.clips import Size
from tests.stages.readers.coded_clips import make_coded

MS = 1_000_000
S = 1_000_000_000
FRAME_NS = 40 * MS


def encode(folder: Path, codec: str, frames: int, size: Size = (64, 48)) -> Path:
    """Without B-frames: a camera sends them in the order in which they are shown."""
    return make_coded(
        folder / f"{codec}.{size[0]}.mkv",
        codec,
        range(frames),
        size=size,
        pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p",
        options={} if codec == "mjpeg" else {"bf": "0", "tune": "zerolatency"},
    )


class Clock:
    """This machine's, as the reader sees it."""

    def __init__(self) -> None:
        self.now_ns = 1000 * S

    def __call__(self) -> int:
        return self.now_ns


class Camera:
    """Sends the packets of files; `delay_ns` says how late each arrives, `spoil` damages some.

    `jumps_ms` says by how much its own clock is set forward or back at a packet.
    """

    held_pictures = 0
    sar = Fraction(0)
    sound = Sound()
    has_times = True
    is_finite = False

    def __init__(self, clock: Clock, *paths: Path) -> None:
        self.closed = False
        self.delay_ns: Callable[[int], int] = lambda number: 0
        self.spoil: dict[int, bytes] = {}
        self.lost: set[int] = set()
        self.jumps_ms: dict[int, int] = {}
        self._clock, self._paths = clock, paths
        self._containers = [av.open(str(path)) for path in paths]
        self.decoder: VideoCodecContext = self._containers[0].streams.video[0].codec_context
        self._units = self._send()

    def read(self) -> AccessUnit | None:
        return next(self._units, None)

    def close(self) -> None:
        self.closed = True

    def _send(self) -> Iterator[AccessUnit]:
        number = set_ms = 0
        for container in self._containers:
            for packet in container.demux(video=0):
                if packet.size == 0:
                    continue
                sent: Any = av.Packet(self.spoil.get(number, bytes(packet)))
                set_ms += self.jumps_ms.get(number, 0)
                sent.pts = sent.dts = set_ms + number * 40 if self.has_times else None
                sent.time_base, sent.is_keyframe = Fraction(1, 1000), packet.is_keyframe
                at_ns = 1000 * S + number * FRAME_NS + self.delay_ns(number)
                self._clock.now_ns = max(self._clock.now_ns, at_ns)
                yield AccessUnit(sent, sent.time_base, self._clock.now_ns, number in self.lost)
                number += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stream_module, "monotonic_ns", clock)
    return clock


def make_reader(camera: Camera, **options: float) -> StreamReader:
    options = {"silence_s": 2.0, **options}
    return StreamReader("rtsp://u:S3cret@cam/1", lambda: camera, **options)  # type: ignore[arg-type]


def read_on(reader: StreamReader, found: list[Captured]) -> None:
    """Read until something is raised."""
    form = reader.open(0)
    while True:
        picture = Picture(form, np.zeros(form.nbytes, np.uint8))
        try:
            captured = reader.read(picture)
        except FormatChanged as change:
            form = change.form
            continue
        if captured is not None:
            found.append(captured)


def read_all(reader: StreamReader) -> tuple[list[Captured], Mapping[DropReason, int]]:
    """All frames up to the end of the stream, and what was lost."""
    found: list[Captured] = []
    with pytest.raises(SourceError, match=r"^rtsp://\*\*\*@cam/1: the stream ended$"):
        read_on(reader, found)
    return found, reader.take_losses()


def test_each_picture_comes_with_its_time(tmp_path: Path, clock: Clock) -> None:
    camera = Camera(clock, encode(tmp_path, "libx264", 50))
    reader = make_reader(camera)
    found, losses = read_all(reader)
    assert [captured.pts_ns for captured in found] == [n * FRAME_NS for n in range(50)]
    assert {captured.waited_ns for captured in found} == {0}
    assert not losses
    assert reader.pts_origin is PtsOrigin.STREAM
    reader.close()
    assert camera.closed


def test_a_picture_is_as_old_as_it_is_late(tmp_path: Path, clock: Clock) -> None:
    camera = Camera(clock, encode(tmp_path, "libx264", 50))
    camera.delay_ns = lambda number: 300 * MS if number >= 20 else 0
    found, _ = read_all(make_reader(camera))
    assert max(captured.waited_ns for captured in found[:20]) == 0
    assert found[20].waited_ns == pytest.approx(300 * MS, abs=10 * MS)


def test_pictures_that_the_demuxer_holds_are_older(tmp_path: Path, clock: Clock) -> None:
    camera = Camera(clock, encode(tmp_path, "libx264", 20))
    camera.held_pictures = 2
    found, losses = read_all(make_reader(camera))
    assert {captured.waited_ns for captured in found[1:]} == {2 * FRAME_NS}
    assert not losses


def test_one_damaged_picture_costs_itself(tmp_path: Path, clock: Clock) -> None:
    camera = Camera(clock, encode(tmp_path, "mjpeg", 40))
    camera.spoil = {13: bytes(500)}
    camera.lost = {20}
    found, losses = read_all(make_reader(camera))
    assert [c.pts_ns // FRAME_NS for c in found] == [n for n in range(40) if n not in (13, 20)]
    assert losses == {DropReason.UNDECODABLE: 1, DropReason.DAMAGED: 1}


def test_a_stream_of_nothing_but_damage_is_stalled(tmp_path: Path, clock: Clock) -> None:
    camera = Camera(clock, encode(tmp_path, "mjpeg", 500))
    camera.spoil = {number: bytes(500) for number in range(50, 500)}
    with pytest.raises(SourceStalled, match=r"@cam/1: sent nothing that can be decoded for 2 s"):
        read_on(make_reader(camera), [])
    assert clock.now_ns - 1000 * S == pytest.approx(49 * FRAME_NS + 2 * S, abs=2 * FRAME_NS)


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_a_decoder_that_is_too_slow_counts_what_it_passes_over(
    tmp_path: Path, clock: Clock, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = Decoder.decode

    def decode_slowly(*arguments: Any) -> list[Decoded]:
        clock.now_ns += FRAME_NS + 100 * MS
        return decode(*arguments)

    monkeypatch.setattr(Decoder, "decode", decode_slowly)
    found, losses = read_all(make_reader(Camera(clock, encode(tmp_path, codec, 400))))
    assert set(losses) == {DropReason.BEHIND}
    assert len(found) + losses[DropReason.BEHIND] == 400
    assert 0 < len(found) < 350


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_pictures_that_are_late_on_their_way_are_shown(
    tmp_path: Path, clock: Clock, codec: str
) -> None:
    """Each is waited for, so nothing newer is there."""
    camera = Camera(clock, encode(tmp_path, codec, 200))
    camera.delay_ns = lambda number: 3 * S if number >= 50 else 0
    found, losses = read_all(make_reader(camera, silence_s=5.0))
    assert len(found) == 200
    assert max(captured.waited_ns for captured in found) > 2 * S
    assert not losses


def test_a_picture_that_only_silence_set_free_is_shown_and_the_stall_is_told(
    tmp_path: Path, clock: Clock
) -> None:
    camera = Camera(clock, encode(tmp_path, "mjpeg", 20))
    camera.delay_ns = lambda number: 2 * S if number >= 10 else 0
    found: list[Captured] = []
    with pytest.raises(SourceStalled, match=r"@cam/1: sent nothing for 2 s"):
        read_on(make_reader(camera), found)
    assert len(found) == 11


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_a_limit_of_the_rate_is_kept_and_no_loss(tmp_path: Path, clock: Clock, codec: str) -> None:
    found, losses = read_all(make_reader(Camera(clock, encode(tmp_path, codec, 100)), fps=5.0))
    assert [captured.pts_ns for captured in found] == [n * 5 * FRAME_NS for n in range(20)]
    assert not losses


def test_another_size_is_another_format_and_loses_nothing(tmp_path: Path, clock: Clock) -> None:
    paths = [encode(tmp_path, "mjpeg", 10, size) for size in ((64, 48), (96, 64))]
    found, losses = read_all(make_reader(Camera(clock, *paths)))
    assert [captured.pts_ns for captured in found] == [n * FRAME_NS for n in range(20)]
    assert not losses


def test_a_stream_without_times_has_those_of_arrival(tmp_path: Path, clock: Clock) -> None:
    camera = Camera(clock, encode(tmp_path, "mjpeg", 10))
    camera.has_times = False
    camera.delay_ns = lambda number: number * 5 * MS
    reader = make_reader(camera)
    found, _ = read_all(reader)
    assert reader.pts_origin is PtsOrigin.ARRIVAL
    assert [captured.pts_ns for captured in found] == [n * 45 * MS for n in range(10)]


def test_a_stream_with_a_known_end_ends(tmp_path: Path, clock: Clock) -> None:
    camera = Camera(clock, encode(tmp_path, "libx264", 5))
    camera.is_finite = True
    reader = make_reader(camera)
    form = reader.open(0)
    picture = Picture(form, np.zeros(form.nbytes, np.uint8))
    assert sum(reader.read(picture) is not None for _ in range(5)) == 5
    with pytest.raises(EndOfSource):
        reader.read(picture)
