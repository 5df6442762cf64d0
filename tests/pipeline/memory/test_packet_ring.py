"""The ring of packets: what it keeps, and what its readers get whatever its writer does."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipeline.memory import packet_ring as packet_ring_module
from pipeline.memory import packet_view as packet_view_module
from pipeline.memory.packet import Packet, PacketFlag, Track
from pipeline.memory.packet_layout import (
    STREAM_BYTES,
    STREAMS,
    Entry,
    PacketLayout,
    packets_path,
    read_entry,
)
from pipeline.memory.packet_ring import PacketRing
from pipeline.memory.packet_view import PacketReader, PacketView
from pipeline.memory.space import ShmSpaceError
from tests.examples import examples
from tests.pipeline.frames import make_run
from tests.pipeline.memory.packets import STEP, TRACK, make_packet_ring, put, put_groups
from tests.running_line import REPOSITORY, wait_until


def open_reader(folder: Path) -> PacketReader:
    return PacketReader(packets_path(folder, 0))


def read_all(reader: PacketReader) -> list[Packet]:
    packets = []
    while (packet := reader.read()) is not None:
        packets.append(packet)
    return packets


def read_from_oldest(folder: Path) -> list[Packet]:
    reader = open_reader(folder)
    reader.seek(0)
    return read_all(reader)


def test_a_packet_is_read_as_it_was_put(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path)
    reader = open_reader(tmp_path)
    assert reader.read() is None
    ring.put(memoryview(b"picture"), flags=PacketFlag.KEY | PacketFlag.DAMAGED, pts=-7, dts=-9,
             duration=3, pts_ns=-5, arrived_unix_ns=11)  # fmt: skip
    assert reader.is_behind
    assert reader.read() == Packet(
        0, 1, 0, PacketFlag.KEY | PacketFlag.DAMAGED, -7, -9, 3, -5, 11, b"picture"
    )
    assert reader.read() is None
    assert reader.tracks(1) == (TRACK,)
    assert reader.tracks(2) is None


def test_what_is_left_begins_at_a_key_frame_and_fits(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path, 2000)
    put_groups(ring, 203)
    packets = read_from_oldest(tmp_path)
    assert packets[0].is_key
    assert packets[-1].number == 202
    assert [packet.number for packet in packets] == list(range(packets[0].number, 203))
    assert 1000 < sum(len(packet.data) for packet in packets) <= 2000


def test_many_small_packets_are_bounded_by_their_number(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path, 100_000)
    put_groups(ring, 300, size=1)
    most = PacketLayout(100_000).entries
    assert most - 5 < len(read_from_oldest(tmp_path)) <= most


def test_a_group_larger_than_the_ring_can_be_followed_but_not_begun(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path, 1000)
    put(ring, 0, key=True)
    follower = open_reader(tmp_path)
    for number in range(1, 30):
        put(ring, number)
        packet = follower.read()
        assert packet is not None
        assert packet.number == number
    assert not open_reader(tmp_path).seek_newest()
    assert follower.lost == 0
    put(ring, 30, key=True)
    newcomer = open_reader(tmp_path)
    assert newcomer.seek_newest()
    assert [packet.number for packet in read_all(newcomer)] == [30]


def test_a_packet_larger_than_the_ring_is_counted_and_the_next_one_tells(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path, 1000)
    put(ring, 0, key=True)
    put(ring, 1, size=1001)
    put(ring, 1)
    put(ring, 2, size=1000)
    reader = open_reader(tmp_path)
    assert reader.too_large == 1
    assert reader.read() is None
    put(ring, 3, key=True)
    reader.seek_newest()
    assert [packet.flags for packet in read_all(reader)] == [PacketFlag.KEY]


def test_the_packet_after_a_missing_one_has_a_flag(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path, 1000)
    put(ring, 0, key=True)
    put(ring, 1, size=1001)
    put(ring, 2)
    put(ring, 3)
    flags = [packet.flags for packet in read_from_oldest(tmp_path)]
    assert flags == [PacketFlag.KEY, PacketFlag.GAP, PacketFlag.NONE]


def test_a_reader_begins_where_it_asks_to(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path)
    put_groups(ring, 23)
    reader = open_reader(tmp_path)
    for unix_ns, number in ((1000, 0), (1011, 10), (1014, 10), (1015, 15), (9999, 20), (3, 0)):
        assert reader.seek(unix_ns)
        assert reader.number == number
    assert reader.seek_newest()
    assert reader.number == 20


def test_a_reader_that_is_overtaken_goes_on_at_a_key_frame_and_counts(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path, 2000)
    put(ring, 0, key=True)
    reader = open_reader(tmp_path)
    reader.seek_newest()
    for number in range(1, 100):
        put(ring, number, key=number % 5 == 0)
    packet = reader.read()
    assert packet is not None
    assert packet.is_key
    assert reader.lost == packet.number > 70
    assert [packet.number for packet in read_all(reader)][-1] == 99


def test_a_stream_with_other_parameters_is_another_generation(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path)
    put(ring, 0, key=True)
    larger = Track("video", "hevc", b"other", (1, 1000), 1920, 1080)
    ring.begin((larger,))
    put(ring, 1, key=True)
    first, second = read_from_oldest(tmp_path)
    reader = open_reader(tmp_path)
    assert (first.generation, second.generation) == (1, 2)
    assert (reader.tracks(1), reader.tracks(2)) == ((TRACK,), (larger,))


def test_every_packet_that_is_kept_has_its_tracks(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path)
    for number in range(3 * STREAMS):
        ring.begin((Track("video", "h264", bytes((number,)), (1, 90_000)),))
        put(ring, number, size=10, key=True)
        packets = read_from_oldest(tmp_path)
        reader = open_reader(tmp_path)
        assert len(packets) == min(number + 1, STREAMS)
        for packet in packets:
            tracks = reader.tracks(packet.generation)
            assert tracks is not None
            assert tracks[0].extradata[0] == packet.data[0]


def test_parameters_that_are_too_long_cost_the_packets_and_nothing_else(tmp_path: Path) -> None:
    ring = make_packet_ring(tmp_path)
    put(ring, 0, key=True)
    ring.begin((Track("video", "h264", bytes(STREAM_BYTES), (1, 90_000)),))
    put(ring, 1, key=True)
    ring.begin((TRACK,))
    put(ring, 2, key=True)
    assert [packet.pts for packet in read_from_oldest(tmp_path)] == [0, 2 * STEP]


def test_without_room_nothing_is_kept_and_nothing_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_folder: Path, wanted: int) -> None:
        raise ShmSpaceError(f"no room for {wanted}")

    monkeypatch.setattr(packet_ring_module, "check_space", refuse)
    ring = make_packet_ring(tmp_path)
    put(ring, 0, key=True)
    assert list(tmp_path.iterdir()) == []
    assert PacketView(make_run(tmp_path)).open("yard") is None


def test_a_successor_goes_on_and_what_its_predecessor_kept_can_be_read(tmp_path: Path) -> None:
    put_groups(make_packet_ring(tmp_path), 12)
    reader = open_reader(tmp_path)
    reader.seek(0)
    successor = PacketRing(packets_path(tmp_path, 0), 4096)
    assert successor.newest_pts_ns == 11 * 40_000_000
    successor.begin((TRACK,))
    put(successor, 12, key=True)
    packets = read_all(reader)
    assert [packet.number for packet in packets] == list(range(13))
    assert [packet.generation for packet in packets] == [1] * 12 + [2]
    assert packets[-1].flags == PacketFlag.KEY | PacketFlag.GAP
    assert reader.is_current()


def test_a_ring_of_another_size_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    put_groups(make_packet_ring(tmp_path), 12)
    reader = open_reader(tmp_path)
    put_groups(make_packet_ring(tmp_path, 8192), 3)
    assert not reader.is_current()
    assert len(read_from_oldest(tmp_path)) == 3


def test_a_camera_without_packets_has_no_reader(tmp_path: Path) -> None:
    view = PacketView(make_run(tmp_path, ("gate", "yard")))
    make_packet_ring(tmp_path, camera=1)
    assert view.open("gate") is None
    assert view.open("yard") is not None


@examples(100, HealthCheck.function_scoped_fixture)
@given(
    st.lists(st.tuples(st.integers(0, 1300), st.booleans(), st.integers(0, 20)), max_size=60),
    st.integers(500, 3000),
)
def test_a_ring_is_a_list_of_which_the_beginning_goes(
    tmp_path: Path, sizes: list[tuple[int, bool, int]], data_bytes: int
) -> None:
    """A successor, and another stream, now and then: what is read is what was put."""
    path = packets_path(tmp_path, 0)
    path.unlink(missing_ok=True)
    ring = make_packet_ring(tmp_path, data_bytes)
    kept: list[tuple[int, bool]] = []
    for index, (size, key, chance) in enumerate(sizes):
        if chance == 0:
            ring = make_packet_ring(tmp_path, data_bytes)
        elif chance == 1:
            ring.begin((TRACK,))
        put(ring, index, size=size, key=key)
        if size <= data_bytes:
            kept.append((index, key))
        packets = read_from_oldest(tmp_path)
        if packets:
            assert [packet.pts for packet in packets] == [
                index * STEP for index, _ in kept[-len(packets) :]
            ]
            assert all(packet.data == bytes((packet.pts // STEP % 251,)) * len(packet.data)
                       for packet in packets)  # fmt: skip
            assert sum(len(packet.data) for packet in packets) <= data_bytes
        last_key = max((at for at, (_, is_key) in enumerate(kept) if is_key), default=None)
        if last_key is not None and not packets:
            lengths = [sizes[at][0] for at, _ in kept[last_key:]]
            room = PacketLayout(data_bytes)
            assert sum(lengths) + max(lengths) > data_bytes or len(lengths) >= room.entries


def test_a_packet_that_is_overwritten_while_it_is_copied_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = make_packet_ring(tmp_path, 2000)
    put_groups(ring, 5)
    reader = open_reader(tmp_path)
    reader.seek(0)

    def read_and_wait(memory: memoryview, at: int) -> tuple[Entry, bytes, int]:
        entry = read_entry(memory, at)
        if entry[0].number == 0:
            for number in range(5, 40):
                put(ring, number, key=number % 5 == 0)
        return entry

    monkeypatch.setattr(packet_view_module, "read_entry", read_and_wait)
    packet = reader.read()
    assert packet is not None
    assert packet.is_key
    assert packet.data == bytes((packet.pts // STEP,)) * 100
    assert reader.lost == packet.number > 10


WRITER = """
import sys
from pathlib import Path
from tests.pipeline.memory.packets import make_packet_ring, put
# So many bytes that a whole group of pictures and what is put next always have room.
ring = make_packet_ring(Path(sys.argv[1]), 30_000)
number = int(sys.argv[2])
while True:
    put(ring, number, size=number % 3000, key=number % 7 == 0)
    number += 1
"""


@contextmanager
def writing(folder: Path, first: int = 0) -> Iterator[None]:
    """Another process goes round and round in the ring, as fast as it can, until it is killed."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first)], cwd=REPOSITORY
    )
    try:
        wait_until(packets_path(folder, 0).exists, "it begins")
        yield
    finally:
        writer.kill()
        writer.wait()


def check(packet: Packet) -> None:
    number = packet.pts // STEP
    assert packet.data == bytes((number % 251,)) * (number % 3000)
    assert packet.pts_ns == number * 40_000_000


def test_no_reader_ever_gets_a_torn_packet(tmp_path: Path) -> None:
    with writing(tmp_path):
        readers = [open_reader(tmp_path) for _ in range(3)]
        begins: list[Callable[[PacketReader], bool]] = [
            lambda reader: reader.seek(0), PacketReader.seek_newest, lambda _: True
        ]  # fmt: skip
        counts = [0, 0, 0]

        def read() -> bool:
            for which, (reader, begin) in enumerate(zip(readers, begins, strict=True)):
                begin(reader)
                for _ in range(20):
                    if (packet := reader.read()) is not None:
                        check(packet)
                        counts[which] += 1
            return min(counts) > 200 and readers[2].lost > 200

        wait_until(read, "each has read some, and one was overtaken")


def test_a_writer_that_is_killed_at_any_moment_leaves_whole_packets(tmp_path: Path) -> None:
    """And a reader that reads on over its death gets each number once."""
    number = 0
    reader: PacketReader | None = None
    for _ in range(4):
        with writing(tmp_path, number):
            reader = reader or open_reader(tmp_path)
            wait_until(partial(_has_passed, reader, reader.number + 50), "packets come")
        packets = read_from_oldest(tmp_path)
        assert packets[0].is_key
        numbers = [packet.number for packet in packets]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        for packet in packets:
            check(packet)
        number = packets[-1].pts // STEP + 1


def _has_passed(reader: PacketReader, number: int) -> bool:
    numbers = [packet.number for packet in read_all(reader)]
    assert sorted(set(numbers)) == numbers
    return reader.number > number
