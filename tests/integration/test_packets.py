"""The packets of a real camera, whatever is killed, and wherever the camera goes."""

import time
from pathlib import Path

import pytest

from pipeline.memory.packet import Packet, PacketFlag
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_view import PacketReader
from tests.conftest import StartLine
from tests.integration.test_rtsp import STEADY, _needs_gstreamer, serve
from tests.ports import free_port
from tests.running_line import RunningLine, wait_until
from tests.stages.services.media.films import decode, make_film

__all__ = ["_needs_gstreamer"]  # skips this file, too


def start(start_line: StartLine, port: int, *more: str) -> RunningLine:
    sources = f"sources=[{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate, {STEADY}}}]"
    return start_line("--set", sources, "--set", f"web.listen=127.0.0.1:{free_port()}", *more)


def open_reader(line: RunningLine) -> PacketReader:
    path = packets_path(line.run_dir(), 0)
    wait_until(path.exists, "packets are kept")
    return PacketReader(path)


def read_more(reader: PacketReader, count: int) -> list[Packet]:
    packets: list[Packet] = []

    def there() -> bool:
        while (packet := reader.read()) is not None:
            packets.append(packet)
        return len(packets) >= count

    wait_until(there, f"{count} packets come")
    return packets


@pytest.mark.parametrize(
    "options", [(), ("--coder", "b-frames"), ("--codec", "h265", "--coder", "b-frames-265")]
)
def test_what_a_camera_sends_is_a_film_with_the_times_of_its_messages(
    start_line: StartLine, options: tuple[str, ...]
) -> None:
    port = free_port()
    with serve(port, "320x240", *options):
        line = start(start_line, port)
        reader = open_reader(line)
        reader.seek(0)
        packets = read_more(reader, 40)
        line.wait_for_messages(30)
        times_ns = {message.pts_ns for message in line.messages()}
    assert packets[0].is_key
    assert [packet.number for packet in packets] == list(range(len(packets)))
    assert len(times_ns & {packet.pts_ns for packet in packets}) > 20
    tracks = reader.tracks(1)
    assert tracks is not None
    assert (tracks[0].width, tracks[0].height) == (320, 240)
    remuxer, film = make_film(tracks, packets)
    shown_s = [time_s for time_s, _ in decode(film)]
    assert len(shown_s) == len(packets)
    expected_s = sorted(remuxer.film_s(packet.pts_ns) for packet in packets)
    assert shown_s == pytest.approx(expected_s, abs=1e-4)


def test_they_are_kept_over_the_death_of_every_process(start_line: StartLine) -> None:
    port = free_port()
    with serve(port, "320x240"):
        line = start(start_line, port)
        reader = open_reader(line)
        packets = read_more(reader, 20)
        for name in ("preprocess", "publish", "web"):
            line.kill_running(name)
            packets += read_more(reader, 20)
        assert {packet.generation for packet in packets} == {1}
        assert not any(packet.flags & PacketFlag.GAP for packet in packets)
        killed_ns = time.time_ns()
        line.kill_running("capture.gate")
        packets += read_more(reader, 20)
    numbers = [packet.number for packet in packets]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    second = next(packet for packet in packets if packet.generation == 2)
    assert second.flags == PacketFlag.KEY | PacketFlag.GAP
    assert second.arrived_unix_ns > killed_ns
    assert reader.seek(killed_ns), "what came before the death of capture is still there"
    before = reader.read()
    assert before is not None
    assert before.generation == 1
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert line.leftovers() == []


def test_a_camera_that_comes_back_with_another_size_is_another_generation(
    start_line: StartLine,
) -> None:
    port = free_port()
    with serve(port, "320x240"):
        line = start(start_line, port)
        reader = open_reader(line)
        read_more(reader, 10)
    with serve(port, "160x120", "--codec", "h265"):
        packets = read_more(reader, 30)
    last = packets[-1].generation
    assert last >= 2
    tracks = reader.tracks(last)
    assert tracks is not None
    assert (tracks[0].codec, tracks[0].width) == ("hevc", 160)


def test_where_nobody_wants_packets_none_are_kept(start_line: StartLine, tmp_path: Path) -> None:
    port = free_port()
    with serve(port, "320x240"):
        for more in (("--set", "web=null"), ("--set", "ring.packets_mib=0")):
            line = start(start_line, port, *more)
            line.wait_for_messages(5)
            assert not packets_path(line.run_dir(), 0).exists()
            line.end()
