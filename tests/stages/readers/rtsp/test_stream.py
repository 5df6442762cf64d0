"""The whole way, from a scripted camera to decoded pictures."""

import re
import threading
from pathlib import Path

import pytest

from pipeline.source import SourceError, SourceStalled
from stages.readers.rtsp.stream import UnsupportedStream
from tests.stages.readers.rtsp.certificate import make_certificate
from tests.stages.readers.rtsp.conftest import OpenStream
from tests.stages.readers.rtsp.pictures import SSRC, encode, packets, rtp
from tests.stages.readers.rtsp.reading import assert_pictures, decode, read
from tests.stages.readers.rtsp.scripted_server import (
    PATIENCE_S,
    Peer,
    Play,
    Request,
    ScriptedServer,
    describe,
    interleaved,
    play_packets,
    reply,
)

COUNT = 24


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
    assert {unit.packet.time_base.denominator for unit in units if unit.packet.time_base} == {
        90_000
    }


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


@pytest.mark.parametrize(
    ("rtpmap", "what"),
    [("96 JPEG/90000", "JPEG"), ("96 MP4V-ES/90000", "MP4V-ES"), ("97 X/1", "96")],
)
def test_another_coding_is_left_to_others(open_stream: OpenStream, rtpmap: str, what: str) -> None:
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
    open_stream: OpenStream, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path)
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
