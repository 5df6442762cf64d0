"""How a stream is asked for: refusals, redirections, addresses of tracks, time."""

import re
import threading

import pytest

from pipeline.source import SourceDenied, SourceError
from stages.readers.rtsp import session as session_module
from tests.stages.readers.rtsp.conftest import OpenStream
from tests.stages.readers.rtsp.guard import BASIC, Guard
from tests.stages.readers.rtsp.pictures import encode, packets
from tests.stages.readers.rtsp.scripted_server import (
    PATIENCE_S,
    Answer,
    Peer,
    Request,
    ScriptedServer,
    describe,
    play_packets,
    reply,
)

SENT = list(packets(encode("h264", 3)))


def serve(answer: Answer) -> ScriptedServer:
    return ScriptedServer(play_packets(SENT), answer=answer)


@pytest.mark.parametrize("step", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
def test_a_server_that_trickles_is_given_up_in_time(open_stream: OpenStream, step: str) -> None:
    """Each byte would begin a time-out of its own anew."""
    gave_up = threading.Event()

    def answer(request: Request, peer: Peer) -> bytes | None:
        if request.method != step:
            return None
        while not peer.gone.wait(0.02) and not gave_up.is_set():
            peer.send(b"R")
        return b""

    with serve(answer) as server:
        with pytest.raises(SourceError, match=r"as video: no answer within 0\.4 s"):
            open_stream(server.url(), silence_s=0.4)
        gave_up.set()


@pytest.mark.parametrize("step", ["DESCRIBE", "SETUP", "PLAY"])
@pytest.mark.parametrize("status", ["404 Not Found", "454 Session Not Found", "500 \xe4\x00No"])
def test_a_refusal_is_told_in_the_words_of_the_server(
    open_stream: OpenStream, step: str, status: str
) -> None:
    def answer(request: Request, peer: Peer) -> bytes | None:
        return reply(request, status) if request.method == step else None

    plain = re.sub(r"[^\x20-\x7e]", "", status)
    with serve(answer) as server, pytest.raises(SourceError, match=rf"as video: {plain}$"):
        open_stream(server.url())


def test_a_server_that_knows_no_options_may_know_the_rest(open_stream: OpenStream) -> None:
    def answer(request: Request, peer: Peer) -> bytes | None:
        return reply(request, "501 Not Implemented") if request.method == "OPTIONS" else None

    with serve(answer) as server:
        assert open_stream(server.url()).read().packet.is_keyframe


def test_a_transport_that_is_refused_is_named(open_stream: OpenStream) -> None:
    def answer(request: Request, peer: Peer) -> bytes | None:
        refused = request.method == "SETUP" and "TCP" not in request.headers["transport"]
        return reply(request, "461 Unsupported Transport") if refused else None

    with serve(answer) as server:
        with pytest.raises(SourceError, match=r"461 Unsupported Transport \(rtsp_transport: udp\)"):
            open_stream(server.url(), "udp")
        open_stream(server.url(), "tcp").read()


@pytest.mark.parametrize("text", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01" * 40_000])
def test_a_server_of_another_kind_is_told(open_stream: OpenStream, text: bytes) -> None:
    def answer(request: Request, peer: Peer) -> bytes | None:
        return text

    with serve(answer) as server, pytest.raises(SourceError, match="what it sends is not RTSP"):
        open_stream(server.url())


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found"])
def test_a_redirection_is_followed_with_the_password(open_stream: OpenStream, status: str) -> None:
    with serve(Guard(BASIC, user="admin", password="S3cret")) as there:

        def answer(request: Request, peer: Peer) -> bytes | None:
            if request.method == "OPTIONS":
                return None
            return reply(request, status, Location=there.url())

        with serve(answer) as here:
            assert open_stream(here.url("admin:S3cret")).read().packet.is_keyframe


def test_five_redirections_are_followed(open_stream: OpenStream) -> None:
    left = [f"/{number}" for number in range(5)]

    def answer(request: Request, peer: Peer) -> bytes | None:
        if request.method != "DESCRIBE" or not left:
            return None
        return reply(request, "302 Found", Location=left.pop())

    with serve(answer) as server:
        assert open_stream(server.url()).read().packet.is_keyframe


def test_a_readable_password_is_not_given_to_another_host(open_stream: OpenStream) -> None:
    guard = Guard(BASIC, user="admin", password="S3cret")
    with ScriptedServer(play_packets(SENT), answer=guard, host="127.0.0.2") as there:

        def answer(request: Request, peer: Peer) -> bytes | None:
            return reply(request, "302 Found", Location=there.url())

        with serve(answer) as here, pytest.raises(SourceDenied):
            open_stream(here.url("admin:S3cret"))
    assert guard.given == []


@pytest.mark.parametrize(
    ("location", "why"),
    [("", "302 Found to no RTSP address"), ("http://x/", "to no RTSP address"),
     ("/again", "more than 5 redirections")],
)  # fmt: skip
def test_a_redirection_to_nowhere(open_stream: OpenStream, location: str, why: str) -> None:
    def answer(request: Request, peer: Peer) -> bytes | None:
        return reply(request, "302 Found", Location=location)

    with serve(answer) as server, pytest.raises(SourceError, match=why):
        open_stream(server.url())


@pytest.mark.parametrize(
    ("base", "whole", "control", "asked"),
    [("rtsp://10.0.0.9/live/", "*", "track2", "rtsp://10.0.0.9/live/track2"),
     ("", "", "track2?x=1", "{url}/track2?x=1"),
     ("", "rtsp://10.0.0.9/all", "rtsp://10.0.0.9/v", "rtsp://10.0.0.9/v")],
)  # fmt: skip
def test_the_track_is_asked_for_where_the_description_says(
    open_stream: OpenStream, base: str, whole: str, control: str, asked: str
) -> None:
    sdp = describe().replace("a=control:*", f"a=control:{whole}" if whole else "")
    sdp = sdp.replace("a=control:track2", f"a=control:{control}")

    def answer(request: Request, peer: Peer) -> bytes | None:
        if request.method != "DESCRIBE":
            return None
        return reply(request, body=sdp, **({"Content_Base": base} if base else {}))

    with serve(answer) as server:
        open_stream(server.url()).read()
        assert server.wait_for("SETUP").url == asked.format(url=server.url())
        played = server.wait_for("PLAY").url
        assert played == (whole if "://" in whole else base or server.url())


@pytest.mark.parametrize("status", ["200 OK", "454 Session Not Found", "501 Not Implemented"])
def test_a_session_is_kept_alive_and_its_answer_ends_nothing(
    open_stream: OpenStream, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """A camera that refuses one way is asked in the other; the stream goes on."""
    monkeypatch.setattr(session_module, "_LEAST_KEEP_ALIVE_S", 0.01)
    methods: list[str] = []
    enough = threading.Event()

    def answer(request: Request, peer: Peer) -> bytes | None:
        if request.method == "SETUP":
            transport = request.headers["transport"]
            return reply(request, Session="9;timeout=0", Transport=transport)
        if any(earlier.method == "PLAY" for earlier in peer.requests[:-1]):
            methods.append(request.method)
            if len(methods) == 3:
                enough.set()
            return reply(request, status)
        return None

    def play(peer: Peer) -> None:
        assert enough.wait(PATIENCE_S)
        for packet in SENT:
            peer.send_rtp(packet)
        peer.wait()

    with ScriptedServer(play, answer=answer) as server:
        assert open_stream(server.url()).read().packet.is_keyframe
    then = "GET_PARAMETER" if status == "200 OK" else "OPTIONS"
    assert methods[:3] == ["GET_PARAMETER", then, then]
    kept = [r for r in server.requests if r.method in ("GET_PARAMETER", "PLAY")]
    assert {request.headers["session"] for request in kept} == {"9"}
