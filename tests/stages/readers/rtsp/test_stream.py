"""The whole way, from a scripted camera to decoded pictures."""

import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from pipeline.source import SourceError, SourceStalled
from stages.readers.access_unit import AccessUnit
from stages.readers.rtsp.stream import RtspStream, UnsupportedStream
from tests.stages.readers.rtsp.conftest import OpenStream
from tests.stages.readers.rtsp.pictures import (
    SSRC, TICKS, brightness, encode, packets, rtp,
)  # fmt: skip
from tests.stages.readers.rtsp.scripted_server import (
    PATIENCE_S, Peer, Play, Request, ScriptedServer, describe, interleaved, play_packets, reply,
)  # fmt: skip

COUNT = 24


def read(stream: RtspStream, count: int) -> list[AccessUnit]:
    return [stream.read() for _ in range(count)]


def decode(stream: RtspStream, units: Iterable[AccessUnit]) -> list[tuple[int | None, int]]:
    """Time and brightness of each picture."""
    frames = [frame for unit in units for frame in stream.decoder.decode(unit.packet)]
    return [(frame.pts, round(frame.to_ndarray()[:100].mean())) for frame in frames]


def expected(indices: Iterable[int]) -> list[tuple[int, int]]:
    return [(index * TICKS, brightness(index)) for index in indices]


def assert_pictures(found: Sequence[tuple[int | None, int]], indices: Iterable[int]) -> None:
    wanted = expected(indices)
    assert [pts for pts, _ in found] == [pts for pts, _ in wanted]
    assert all(abs(a[1] - b[1]) <= 3 for a, b in zip(found, wanted, strict=True)), (found, wanted)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_every_picture_comes_with_its_time_across_the_ends_of_the_counters(
    open_stream: OpenStream, codec: str, transport: str
) -> None:
    sent = list(packets(encode(codec, COUNT), codec))
    with ScriptedServer(play_packets(sent), sdp=describe(codec)) as server:
        stream = open_stream(server.url(), transport)
        units = read(stream, COUNT)
        assert_pictures(decode(stream, units), range(COUNT))
    assert [unit.packet.is_keyframe for unit in units] == [i % 10 == 0 for i in range(COUNT)]
    assert not any(unit.damaged for unit in units)
    assert stream.lost == 0
    assert {unit.packet.time_base.denominator for unit in units if unit.packet.time_base} == {90_000}


def test_a_picture_is_there_before_the_next_one_begins(open_stream: OpenStream) -> None:
    """The server sends the next one only when the one before has been read."""
    pictures = encode("h264", 5)
    go_on = threading.Semaphore(0)

    def play(peer: Peer) -> None:
        sent = list(packets(pictures))
        for packet in sent:
            peer.send_rtp(packet)
            if packet[1] & 0x80:
                assert go_on.acquire(timeout=PATIENCE_S)

    with ScriptedServer(play) as server:
        stream = open_stream(server.url())
        for index in range(5):
            assert_pictures(decode(stream, [stream.read()]), [index])
            go_on.release()


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


def test_parameter_sets_of_the_description_are_enough(open_stream: OpenStream) -> None:
    pictures = encode("h264", 5)
    sets = [nal for nal in pictures[0] if nal[0] & 31 in (7, 8)]
    bare = [[nal for nal in picture if nal not in sets] for picture in pictures]
    with ScriptedServer(play_packets(packets(bare)), sdp=describe("h264", sets)) as server:
        stream = open_stream(server.url())
        assert_pictures(decode(stream, read(stream, 5)), range(5))


def test_a_size_that_changes_comes_in_band(open_stream: OpenStream) -> None:
    small, large = encode("h264", 3), encode("h264", 3, (320, 240))
    with ScriptedServer(play_packets(packets(small + large))) as server:
        stream = open_stream(server.url())
        frames = [f for unit in read(stream, 6) for f in stream.decoder.decode(unit.packet)]
    assert [frame.width for frame in frames] == [160] * 3 + [320] * 3


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
    assert [b - a for a, b in zip(times[10:], times[11:], strict=False)] == [TICKS] * 9


def test_media_among_the_answers_are_not_lost(open_stream: OpenStream) -> None:
    """Before the answer to PLAY, beside what is nothing at all, and cut anywhere."""
    sent = [interleaved(packet) for packet in packets(encode("h264", COUNT))]

    def answer(request: Request, peer: Peer) -> bytes | None:
        if request.method != "PLAY":
            return None
        early, late = b"".join(sent[:9]), b"".join(sent[9:])
        alien = interleaved(b"sound", 6) + b"\r\n" + interleaved(b"\x80\xc8rtcp", 1)
        ask = b"OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n"
        data = early + alien + reply(request) + ask + b"\x00\x03garbage\xff"[:2] + late
        for at in range(0, len(data), 97):
            peer.send(data[at : at + 97])
        return b""

    with ScriptedServer(Peer.wait, answer=answer) as server:
        stream = open_stream(server.url())
        assert_pictures(decode(stream, read(stream, COUNT)), range(COUNT))


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


@pytest.mark.parametrize("noise", ["rtcp", "sound", "nothing"])
def test_a_silent_camera_is_stalled_whatever_else_it_sends(
    open_stream: OpenStream, noise: str
) -> None:
    sent = list(packets(encode("h264", 1)))

    def play(peer: Peer) -> None:
        for packet in sent:
            peer.send_rtp(packet)
        while not peer.gone.wait(0.02):
            if noise == "rtcp":
                peer.send_rtp(b"\x80\xc8\x00\x01" + SSRC.to_bytes(4), channel=1)
            elif noise == "sound":
                peer.send_rtp(rtp(b"hum", 1, 1, payload_type=0, ssrc=9))

    with ScriptedServer(play) as server:
        stream = open_stream(server.url("admin:S3cret"), silence_s=0.3)
        stream.read()
        with pytest.raises(SourceStalled) as stalled:
            stream.read()
    address = f"rtsp://***@127.0.0.1:{server.port}/stream"
    assert str(stalled.value) == f"{address}: sent nothing for 0.3 s"


def send_bye(peer: Peer) -> None:
    peer.send_rtp(b"\x81\xcb\x00\x01" + SSRC.to_bytes(4), channel=1)
    peer.wait()


def send_teardown(peer: Peer) -> None:
    peer.send(b"TEARDOWN * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    peer.wait()


def hang_up(peer: Peer) -> None:
    """The server does, once this returns."""


@pytest.mark.parametrize("end", [send_bye, send_teardown, hang_up])
def test_a_stream_that_ends_says_so_after_its_last_picture(
    open_stream: OpenStream, end: Play
) -> None:
    sent = list(packets(encode("h264", 3)))

    def play(peer: Peer) -> None:
        for packet in sent:
            peer.send_rtp(packet)
        end(peer)

    with ScriptedServer(play) as server:
        stream = open_stream(server.url())
        assert len(read(stream, 3)) == 3
        with pytest.raises(SourceError, match=r"/stream: the stream ended$"):
            stream.read()


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


@pytest.mark.parametrize(
    ("rtpmap", "what"), [("96 JPEG/90000", "JPEG"), ("96 MP4V-ES/90000", "MP4V-ES"), ("97 X/1", "96")]
)
def test_another_coding_is_left_to_others(
    open_stream: OpenStream, rtpmap: str, what: str
) -> None:
    sdp = re.sub("rtpmap:96 .*", f"rtpmap:{rtpmap}", describe())
    with (
        ScriptedServer(Peer.wait, sdp=sdp) as server,
        pytest.raises(UnsupportedStream, match=rf"expected H.264 or H.265, got .*{what}$"),
    ):
        open_stream(server.url())


def test_a_stream_without_video_is_refused(open_stream: OpenStream) -> None:
    sdp = describe().split("m=video")[0]
    with (
        ScriptedServer(Peer.wait, sdp=sdp) as server,
        pytest.raises(SourceError, match="cannot be opened as video: it has none"),
    ):
        open_stream(server.url())


def test_a_certificate_that_the_camera_signed_itself_is_taken(
    open_stream: OpenStream, certificate: Path
) -> None:
    sent = list(packets(encode("h264", COUNT)))
    with ScriptedServer(play_packets(sent), certificate=str(certificate)) as server:
        stream = open_stream(server.url())
        assert_pictures(decode(stream, read(stream, COUNT)), range(COUNT))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_with_an_ipv6_address(open_stream: OpenStream, transport: str) -> None:
    sent = list(packets(encode("h264", 5)))
    with ScriptedServer(play_packets(sent), host="::1") as server:
        stream = open_stream(server.url(), transport)
        assert_pictures(decode(stream, read(stream, 5)), range(5))


def test_a_stream_may_be_closed_and_opened_again(open_stream: OpenStream) -> None:
    sent = list(packets(encode("h264", 3)))
    with ScriptedServer(play_packets(sent)) as server:
        stream = open_stream(server.url())
        stream.read()
        stream.close()
        assert server.wait_for("TEARDOWN").url.endswith("/stream/")
        stream.close()
        stream.open()
        assert_pictures(decode(stream, read(stream, 3)), range(3))
