"""Bytes from a camera, whatever they are: pictures, or the one error that the line knows."""

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.source import SourceError
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.rtsp.address import parse_address
from stages.readers.rtsp.assembler import Assembler
from stages.readers.rtsp.authentication import Authenticator, choose_challenge
from stages.readers.rtsp.h264 import H264Depacketizer
from stages.readers.rtsp.h265 import H265Depacketizer
from stages.readers.rtsp.media_clock import MediaClock
from stages.readers.rtsp.message import MalformedMessage, body_length, parse_head
from stages.readers.rtsp.nal import Depacketizer
from stages.readers.rtsp.rtcp import Reports
from stages.readers.rtsp.rtp import RtpReceiver
from stages.readers.rtsp.sdp import control_url, parse_sdp
from stages.readers.rtsp.stream import RtspStream
from tests.examples import examples
from tests.fuzz.damage import damage, damaged
from tests.stages.readers.rtsp.pictures import encode, packets
from tests.stages.readers.rtsp.scripted_server import (
    Peer,
    Request,
    ScriptedServer,
    describe,
    interleaved,
    reply,
)  # fmt: skip

SENT = {codec: list(packets(encode(codec, 3), codec)) for codec in ("h264", "hevc")}
MAKE: dict[str, Callable[[], Depacketizer]] = {
    "h264": H264Depacketizer,
    "hevc": H265Depacketizer,
    "numbered": lambda: H265Depacketizer(numbered=True),
}
HEAD = (
    b"RTSP/1.0 401 Unauthorized\r\nCSeq: 3\r\nContent-Length: 12\r\nSession: 1;timeout=60\r\n"
    b'WWW-Authenticate: Digest realm="camera", nonce="17", qop="auth", algorithm=SHA-256'
)
SDP = describe("hevc", [b"vps", b"sps", b"pps"]).encode()
ADDRESS = b"rtsp://admin:S3cret@[::1]:554/live?channel=1"


@given(damaged(HEAD) | st.binary(max_size=200))
@examples(500)
def test_answers(head: bytes) -> None:
    try:
        message = parse_head(head)
        body_length(message)
    except MalformedMessage:
        return
    challenge = choose_challenge(message.all("www-authenticate"), basic=True)
    if challenge is not None:
        assert "\n" not in Authenticator(challenge, "admin", "S3cret").header("PLAY", "rtsp://x/")


@given(damaged(SDP) | st.binary(max_size=400))
@examples(500)
def test_descriptions(data: bytes) -> None:
    description = parse_sdp(data.decode("utf-8", "replace"))
    for track in description.media:
        assert track.clock_hz > 0
        assert isinstance(track.parameter_sets, bytes)
        assert re.search(r"\s", control_url("rtsp://x/", track.control)) is None


@given(damaged(ADDRESS).map(lambda data: data.decode("latin-1")) | st.text(max_size=40))
@examples(200)
def test_addresses(uri: str) -> None:
    try:
        address = parse_address(uri)
    except SourceError as error:
        shown = str(error)
    else:
        shown = address.shown
        assert re.fullmatch(r"rtsps?://\S+", address.url)
        assert 0 < address.port < 65536
    assert "S3cret" not in shown or not re.match(r"rtsps?://[^/?#@]*S3cret@", uri, re.I)


@given(st.sampled_from(sorted(MAKE)), st.integers(0, 2**32), st.booleans())
@examples(300)
def test_packets(kind: str, seed: int, reorder: bool) -> None:
    """Damaged, lost, mixed up, and some that are made up."""
    rng = random.Random(seed)
    units: list[AccessUnit] = []
    clock = MediaClock(90_000)
    assembler = Assembler(MAKE[kind](), clock, units.append)
    receiver = RtpReceiver(96, 90_000, assembler.add, assembler.begin_anew, reorder=reorder)
    reports = Reports(receiver, clock.note_report, 7)
    for packet in SENT["h264" if kind == "h264" else "hevc"]:
        if rng.random() < 0.1:
            packet = damage(packet, rng.randrange(2**32))
        elif rng.random() < 0.1:
            packet = packet[:12] + rng.randbytes(rng.randrange(40))
        view = memoryview(b"pad" + packet)
        receiver.take(view, 3, len(view))
        report = damage(b"\x80\xc8\x00\x06" + rng.randbytes(24), rng.randrange(2**32))
        reports.take(memoryview(report), 0, len(report))
        receiver.release()
        assert len(reports.report()) % 4 == 0
    assert all(unit.packet.size > 0 for unit in units)


def read_all(stream: RtspStream) -> None:
    """Until an error that the line knows; more than was sent never comes."""

    def read() -> None:
        stream.open()
        for _ in range(1_000):
            stream.read()

    with pytest.raises(SourceError):
        read()
    stream.close()


@pytest.mark.parametrize("seed", range(25))
def test_a_stream_of_damaged_bytes_after_play(seed: int) -> None:
    data = b"".join(interleaved(packet) for packet in SENT["h264"])
    noise = random.Random(seed).randbytes(3_000) if seed % 5 == 0 else damage(data, seed)

    def play(peer: Peer) -> None:
        peer.send(noise)

    with ScriptedServer(play) as server:
        read_all(RtspStream(server.url("admin:S3cret"), transport="tcp", silence_s=0.5))


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_damaged_answers(method: str, seed: int, transport: str) -> None:
    def answer(request: Request, peer: Peer) -> bytes | None:
        if request.method != method:
            return None
        body = describe() if method == "DESCRIBE" else ""
        usual = reply(
            request, body=body, Session="17;timeout=60",
            Transport=request.headers.get("transport", "") + ";server_port=1-2;source=10.0.0.1",
        )  # fmt: skip
        return damage(usual, seed) + b"\r\n\r\n" * (seed % 2)

    def play(peer: Peer) -> None:
        for packet in SENT["h264"]:
            peer.send_rtp(packet)

    with ScriptedServer(play, answer=answer) as server:
        read_all(RtspStream(server.url("admin:S3cret"), transport=transport, silence_s=0.3))
