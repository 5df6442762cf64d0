"""Films that are made of packets: FFmpeg reads every picture of them, at its time."""

import itertools
from pathlib import Path

import pytest

from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing
from pipeline.memory.packet_view import PacketReader
from pipeline.service import Packet, PacketFlag, Track
from stages.services.media.init_segment import UnplayableStream, make_init_segment
from stages.services.media.nal_units import widen_lengths, with_lengths
from stages.services.media.remuxer import Remuxer
from tests.clips import level
from tests.stages.readers.coded_clips import FRAME_NS, make_coded, read_into_ring
from tests.stages.services.media.films import decode, make_film

CODECS = {
    ("libx264", "mp4"): "avc1.4D400A",
    ("libx264", "ts"): "avc1.4D400A",
    ("libx264", "mkv"): "avc1.4D400A",
    ("libx265", "mp4"): "hvc1.1.6.L30.90",
    ("libx265", "ts"): "hvc1.1.6.L30.90",
    ("libsvtav1", "mp4"): "av01.0.00M.08",
}


def make_packets(folder: Path, path: Path) -> tuple[tuple[Track, ...], list[Packet]]:
    read_into_ring(path, PacketRing(packets_path(folder, 0), 4 << 20))
    reader = PacketReader(packets_path(folder, 0))
    reader.seek(0)
    packets = []
    while (packet := reader.read()) is not None:
        packets.append(packet)
    tracks = reader.tracks(packets[0].generation)
    assert tracks is not None
    return tracks, packets


@pytest.mark.parametrize(("codec", "suffix"), CODECS)
@pytest.mark.parametrize("size", [1, 4, 30])  # pictures in a fragment
def test_every_picture_is_shown_at_its_time(
    tmp_path: Path, codec: str, suffix: str, size: int
) -> None:
    path = make_coded(tmp_path / f"clip.{suffix}", codec)
    tracks, packets = make_packets(tmp_path, path)
    remuxer, film = make_film(tracks, packets, size)
    assert remuxer.init.codecs == CODECS[codec, suffix]
    pictures = decode(film)
    expected_s = sorted(remuxer.film_s(packet.pts_ns) for packet in packets)
    assert [time_s for time_s, _ in pictures] == pytest.approx(expected_s, abs=2e-5)
    steps = [b - a for (a, _), (b, _) in itertools.pairwise(pictures)]
    assert steps == pytest.approx([FRAME_NS / 1e9] * 29, abs=2e-3)  # Matroska has milliseconds
    assert pictures[0][0] < 0.2
    assert all(abs(grey - level(index)) <= 6 for index, (_, grey) in enumerate(pictures))


def test_a_film_may_begin_at_any_key_frame(tmp_path: Path) -> None:
    """As a viewer does who comes later: fragments are those of all viewers."""
    tracks, packets = make_packets(tmp_path, make_coded(tmp_path / "clip.ts", "libx264"))
    remuxer = Remuxer(tracks, packets[0])
    fragments = [remuxer.fragment([packet]) for packet in packets]
    second = [index for index, packet in enumerate(packets) if packet.is_key][1]
    pictures = decode(remuxer.init.data + b"".join(fragments[second:]))
    assert len(pictures) == 30 - second
    assert abs(pictures[0][1] - level(second)) <= 6


def test_a_pause_and_a_clock_set_back_leave_times_that_increase(tmp_path: Path) -> None:
    tracks, packets = make_packets(tmp_path, make_coded(tmp_path / "clip.ts", "libx264"))
    late = [packet._replace(pts_ns=packet.pts_ns + 60_000_000_000, pts=packet.pts - 10_000_000,
                            dts=packet.dts - 10_000_000) for packet in packets[12:]]  # fmt: skip
    _, film = make_film(tracks, [*packets[:12], *late])
    times_s = [time_s for time_s, _ in decode(film)]
    assert len(times_s) == 30
    assert times_s == sorted(times_s)
    assert times_s[-1] - times_s[0] == pytest.approx(60 + 29 * 0.04, abs=0.01)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
@pytest.mark.parametrize("extradata", [b"", b"\1", b"\0\0\0\1\x67", bytes(40), b"\1" * 40, b"abc"])
def test_parameters_that_are_none_are_refused(codec: str, extradata: bytes) -> None:
    with pytest.raises(UnplayableStream, match=f"^{codec}: expected parameters of a stream"):
        make_init_segment(Track("video", codec, extradata, (1, 90_000), 64, 48))


def test_short_lengths_become_long_ones() -> None:
    units = [b"picture", b"x" * 300]
    for size in (1, 2, 4):
        if size > 1 or len(units[1]) < 256:
            data = b"".join(len(unit).to_bytes(size) + unit for unit in units)
            assert widen_lengths(data, size) == with_lengths(units)
    assert widen_lengths(b"\3abc\2de", 1) == with_lengths([b"abc", b"de"])


def test_what_a_packet_says_of_itself_is_in_its_flags(tmp_path: Path) -> None:
    _, packets = make_packets(tmp_path, make_coded(tmp_path / "clip.ts", "libx264"))
    assert packets[0].flags == PacketFlag.KEY
