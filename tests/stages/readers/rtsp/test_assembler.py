"""Where pictures end, and which of them are damaged: with and without the marker, and losses."""

from itertools import pairwise

import pytest

from tests.stages.readers.rtsp.conftest import OpenStream
from tests.stages.readers.rtsp.pictures import TICKS, encode, packets, rtp
from tests.stages.readers.rtsp.reading import assert_pictures, decode, read
from tests.stages.readers.rtsp.scripted_server import (
    Peer,
    ScriptedServer,
    describe,
    interleaved,
    play_packets,
)

COUNT = 24


def test_a_camera_that_sets_no_marker_ends_a_picture_by_the_next(open_stream: OpenStream) -> None:
    sent = packets(encode("h264", COUNT), marker="never")
    with ScriptedServer(play_packets(sent)) as server:
        stream = open_stream(server.url())
        units = read(stream, COUNT - 1)
        assert_pictures(decode(stream, units), range(COUNT - 1))
    assert not any(unit.damaged for unit in units)


def test_a_camera_that_marks_each_unit_gives_whole_pictures(open_stream: OpenStream) -> None:
    """Parameter sets alone are no picture, so that the marker on them ends nothing."""
    sent = packets(encode("h264", COUNT), marker="each")
    with ScriptedServer(play_packets(sent)) as server:
        stream = open_stream(server.url())
        units = read(stream, COUNT)
        assert_pictures(decode(stream, units), range(COUNT))
    assert not any(unit.damaged for unit in units)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_camera_that_marks_each_slice_is_recognized(open_stream: OpenStream, codec: str) -> None:
    options = {"h264": {"x264-params": "slices=4:sliced-threads=0"},
               "hevc": {"x265-params": "log-level=none:slices=4"}}[codec]  # fmt: skip
    pictures = encode(codec, COUNT, (320, 256), **options)
    assert all(len(picture) >= 4 for picture in pictures)
    sent = packets(pictures, codec, marker="each")
    with ScriptedServer(play_packets(sent), sdp=describe(codec)) as server:
        stream = open_stream(server.url())
        first, rest, *units = read(stream, COUNT)
        assert [first.packet.pts, rest.packet.pts] == [0, 0]
        assert [first.damaged, rest.damaged] == [False, True]
        assert not any(unit.damaged for unit in units)
        times = [unit.packet.pts for unit in units]
        assert times == [index * TICKS for index in range(1, COUNT - 1)]
        whole = decode(stream, [first, rest, *units])[-10:]
        assert_pictures(whole, range(COUNT - 11, COUNT - 1))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_lost_packets_are_counted_and_their_pictures_marked(
    open_stream: OpenStream, transport: str
) -> None:
    pictures = encode("h264", 12, (320, 240))
    sent = list(packets(pictures, mtu=60))
    third = [i for i, packet in enumerate(sent) if packet[4:8] == sent[-1][4:8]]
    gone = third[len(third) // 2]  # in the midst of the last picture
    lost = [*sent[:gone], *sent[gone + 1 :], *packets(pictures[:1], sequence=65_500 + len(sent))]
    with ScriptedServer(play_packets(lost)) as server:
        stream = open_stream(server.url(), transport)
        units = read(stream, 12)
    assert [unit.damaged for unit in units] == [False] * 11 + [True]
    assert stream.lost == 1


def test_packets_in_the_wrong_order_are_put_right(open_stream: OpenStream) -> None:
    sent = list(packets(encode("h264", COUNT)))
    for at in range(3, len(sent) - 4, 7):
        sent[at : at + 3] = reversed(sent[at : at + 3])
    sent[5:5] = [sent[4], sent[4]]  # some come twice
    with ScriptedServer(play_packets(sent)) as server:
        stream = open_stream(server.url(), "udp")
        units = read(stream, COUNT)
        assert_pictures(decode(stream, units), range(COUNT))
    assert not any(unit.damaged for unit in units)
    assert stream.lost == 0


def test_a_sender_that_begins_anew_goes_on_in_time(open_stream: OpenStream) -> None:
    before = list(packets(encode("h264", 10)))
    after = [packet[:8] + bytes(4) + packet[12:] for packet in
             packets(encode("h264", 10), sequence=7, timestamp=5)]  # fmt: skip
    with ScriptedServer(play_packets(before + after)) as server:
        units = read(open_stream(server.url()), 20)
    times = [unit.packet.pts or 0 for unit in units]
    assert times == sorted(times)
    assert [b - a for a, b in pairwise(times[10:])] == [TICKS] * 9


def test_bytes_lost_between_packets_cost_what_they_hold(open_stream: OpenStream) -> None:
    sent = [interleaved(packet) for packet in packets(encode("h264", COUNT), mtu=1400)]

    def play(peer: Peer) -> None:
        for index, packet in enumerate(sent):
            peer.send(b"\x01" * 300 if index == 5 else packet)
        peer.wait()

    with ScriptedServer(play) as server:
        stream = open_stream(server.url())
        units = read(stream, COUNT - 1)
    assert sum(unit.damaged for unit in units) == 1
    assert stream.lost == 1


def test_a_picture_that_never_ends_takes_bounded_memory(open_stream: OpenStream) -> None:
    first = encode("h264", 1)[0]
    start = list(packets([first], marker="never"))
    part = bytes((0x7C, 0x01)) + bytes(60_000)  # a fragment that goes on and on
    begin = rtp(bytes((0x7C, 0x81)) + bytes(100), 65_500 + len(start), 0xFFFF_0000)
    count = 700  # 42 MB

    def play(peer: Peer) -> None:
        for packet in [*start, begin]:
            peer.send_rtp(packet)
        for index in range(count):
            peer.send_rtp(rtp(part, 65_501 + len(start) + index, 0xFFFF_0000))
        for packet in packets([first], sequence=65_501 + len(start) + count, timestamp=5):
            peer.send_rtp(packet)
        peer.wait()

    with ScriptedServer(play) as server:
        endless, next_one = read(open_stream(server.url()), 2)
    assert endless.damaged
    assert endless.packet.size < 33 << 20
    assert not next_one.damaged


def test_a_stream_that_is_only_refreshed_may_begin_in_the_middle(open_stream: OpenStream) -> None:
    """By rounds of stripes, without another key picture: those before a whole one are told."""
    refresh = {"x264-params": "intra-refresh=1:keyint=10:scenecut=0:log-level=none"}
    sent = packets(encode("h264", COUNT, (128, 96), **refresh)[5:])
    with ScriptedServer(play_packets(sent)) as server:
        units = read(open_stream(server.url()), COUNT - 5)
    assert [i + 5 for i, unit in enumerate(units) if unit.packet.is_keyframe] == [10, 20]
