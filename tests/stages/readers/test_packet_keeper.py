"""What comes of coded pictures in the ring: all of them, from a key frame on, with their times."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipeline.memory.packet import Packet, PacketFlag, Track
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing
from pipeline.memory.packet_view import PacketReader
from pipeline.source import PtsOrigin
from tests.stages.readers.coded_clips import FRAME_NS, make_coded, read_into_ring
from tests.stages.readers.test_stream import (
    Camera,
    Clock,
    clock,  # noqa: F401 - a fixture
    encode,
    make_reader,
    read_all,
)

ROOM = 4 << 20


def make_ring(folder: Path) -> PacketRing:
    return PacketRing(packets_path(folder, 0), ROOM)


def kept(folder: Path) -> list[Packet]:
    reader = PacketReader(packets_path(folder, 0))
    reader.seek(0)
    packets = []
    while (packet := reader.read()) is not None:
        packets.append(packet)
    return packets


@pytest.mark.parametrize(
    ("codec", "suffix", "name"),
    [("libx264", "mp4", "h264"), ("libx264", "mkv", "h264"), ("libx264", "ts", "h264"),
     ("libx265", "mp4", "hevc"), ("libx265", "ts", "hevc"), ("libsvtav1", "mp4", "av1")],
)  # fmt: skip
def test_the_packets_of_a_file_are_kept_as_they_are(
    tmp_path: Path, codec: str, suffix: str, name: str
) -> None:
    path = make_coded(tmp_path / f"clip.{suffix}", codec)
    times_ns = read_into_ring(path, make_ring(tmp_path))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        sent = [packet for packet in container.demux(stream) if packet.size]
        packets = kept(tmp_path)
        assert [packet.data for packet in packets] == [bytes(packet) for packet in sent]
        assert [packet.is_key for packet in packets] == [packet.is_keyframe for packet in sent]
        assert [packet.pts for packet in packets] == [packet.pts for packet in sent]
        assert Fraction(*_track(tmp_path).time_base) == stream.time_base
    assert sorted(packet.pts_ns for packet in packets) == times_ns
    assert all(packet.dts <= packet.pts for packet in packets)
    orders = [packet.dts for packet in packets]
    assert sorted(set(orders)) == orders
    track = _track(tmp_path)
    assert (track.kind, track.codec, track.width, track.height) == ("video", name, 64, 48)
    assert track.extradata


def _track(folder: Path, generation: int = 1) -> Track:
    tracks = PacketReader(packets_path(folder, 0)).tracks(generation)
    assert tracks is not None
    return tracks[0]


def test_another_size_in_the_middle_is_another_generation(tmp_path: Path) -> None:
    parts = [make_coded(tmp_path / f"{side}.ts", "libx264", range(15), size=(side, 48))
             for side in (64, 96)]  # fmt: skip
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    read_into_ring(joined, make_ring(tmp_path))
    packets = kept(tmp_path)
    assert [packet.generation for packet in packets] == [1] * 15 + [2] * 15
    assert packets[15].is_key
    assert [_track(tmp_path, generation).width for generation in (1, 2)] == [64, 96]


@pytest.mark.parametrize(("codec", "suffix"), [("mjpeg", "avi"), ("libvpx-vp9", "webm")])
def test_pictures_that_no_mp4_holds_are_not_kept(tmp_path: Path, codec: str, suffix: str) -> None:
    read_into_ring(make_coded(tmp_path / f"clip.{suffix}", codec), make_ring(tmp_path))
    assert not packets_path(tmp_path, 0).exists()


def test_each_round_of_a_film_is_a_generation_and_a_successor_keeps_nothing_twice(
    tmp_path: Path,
) -> None:
    path = make_coded(tmp_path / "clip.mp4", "libx264", range(24))
    read_into_ring(path, make_ring(tmp_path), 60, loop=True)
    before = kept(tmp_path)
    assert sorted({packet.generation for packet in before}) == [1, 2, 3]
    read_into_ring(path, make_ring(tmp_path), 40, first=60, loop=True)
    packets = kept(tmp_path)
    assert packets[: len(before)] == before
    following = packets[len(before) :]
    assert following[0].is_key
    assert following[0].flags & PacketFlag.GAP
    times_ns = [packet.pts_ns for packet in packets]
    assert len(set(times_ns)) == len(times_ns)
    assert max(times_ns) >= 99 * FRAME_NS


def test_the_packets_of_a_camera_have_the_times_of_its_messages(
    tmp_path: Path,
    clock: Clock,  # noqa: F811
) -> None:
    camera = Camera(clock, encode(tmp_path, "libx264", 30))
    camera.lost.add(7)
    reader = make_reader(camera)
    reader.packets = make_ring(tmp_path)
    found, _ = read_all(reader)
    packets = kept(tmp_path)
    assert len(packets) == 30
    assert {captured.pts_ns for captured in found} <= {packet.pts_ns for packet in packets}
    assert [n for n, packet in enumerate(packets) if PacketFlag.DAMAGED in packet.flags] == [7]


def test_behind_a_jump_of_the_clock_packets_have_the_times_of_their_frames(tmp_path: Path) -> None:
    """A decoder that reorders gives the first frame behind the jump some pictures later."""
    parts = [make_coded(tmp_path / f"{n}.ts", "libx264", range(20), times=range(n, n + 20))
             for n in (1000, 0, 500)]  # fmt: skip
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    times_ns = read_into_ring(joined, make_ring(tmp_path), 60)
    packets = kept(tmp_path)
    assert len(packets) == 60
    assert sorted(packet.pts_ns for packet in packets) == times_ns
    assert max(times_ns) - min(times_ns) == 59 * FRAME_NS


def test_behind_a_jump_of_a_cameras_clock_packets_have_the_times_of_its_messages(
    tmp_path: Path,
    clock: Clock,  # noqa: F811
) -> None:
    camera = Camera(clock, encode(tmp_path, "libx264", 30))
    camera.jumps_ms = {10: -95_443_718, 20: 3_600_000}
    reader = make_reader(camera)
    reader.packets = make_ring(tmp_path)
    found, _ = read_all(reader)
    times_ns = [captured.pts_ns for captured in found]
    assert [packet.pts_ns for packet in kept(tmp_path)] == times_ns
    assert times_ns == [number * FRAME_NS for number in range(30)]


def test_a_camera_without_times_has_those_of_arrival(
    tmp_path: Path,
    clock: Clock,  # noqa: F811
) -> None:
    camera = Camera(clock, encode(tmp_path, "libx264", 30))
    camera.has_times = False
    reader = make_reader(camera)
    reader.packets = make_ring(tmp_path)
    found, _ = read_all(reader)
    assert reader.pts_origin is PtsOrigin.ARRIVAL
    packets = kept(tmp_path)
    assert [packet.pts_ns for packet in packets] == [captured.pts_ns for captured in found]


def test_nothing_is_kept_before_a_key_frame_and_a_connection_is_a_generation(
    tmp_path: Path,
    clock: Clock,  # noqa: F811
) -> None:
    path = encode(tmp_path, "libx264", 30)
    ring = make_ring(tmp_path)
    for _ in range(2):
        reader = make_reader(Camera(clock, path))
        reader.packets = ring
        read_all(reader)
    packets = kept(tmp_path)
    assert [packet.generation for packet in packets] == [1] * 30 + [2] * 30
    assert [packet.number for packet in packets] == list(range(60))
