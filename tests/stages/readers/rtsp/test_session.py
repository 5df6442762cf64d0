"""How a stream is asked for: refusals, passwords, redirections, time."""

import base64
import hashlib
import re
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from pipeline.source import SourceDenied, SourceError
from stages.readers.rtsp import session as session_module
from stages.readers.rtsp.stream import RtspStream
from tests.ports import free_port
from tests.stages.readers.rtsp.conftest import OpenStream
from tests.stages.readers.rtsp.pictures import encode, packets
from tests.stages.readers.rtsp.scripted_server import (
    PATIENCE_S, Peer, Request, ScriptedServer, describe, play_packets, reply,
)  # fmt: skip

SENT = list(packets(encode("h264", 3)))


def serve(answer: Callable[[Request, Peer], bytes | None], sdp: str = "") -> ScriptedServer:
    return ScriptedServer(play_packets(SENT), answer=answer, sdp=sdp)


def nothing_else(request: Request, peer: Peer) -> None:
    return None


def test_a_port_where_nobody_listens(open_stream: OpenStream) -> None:
    port = free_port()
    with pytest.raises(SourceError) as refused:
        open_stream(f"rtsp://admin:S3cret@127.0.0.1:{port}/stream")
    address = f"rtsp://***@127.0.0.1:{port}/stream"
    assert str(refused.value) == (
        f"{address}: this stream cannot be opened as video: Connection refused"
    )


def test_a_host_that_is_none(open_stream: OpenStream) -> None:
    with pytest.raises(SourceError, match="cannot be opened as video: .*[nN]ame"):
        open_stream("rtsp://camera.invalid/stream", silence_s=5.0)


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


def test_tls_asked_of_a_server_without_it(open_stream: OpenStream) -> None:
    with (
        serve(nothing_else) as server,
        pytest.raises(SourceError, match="cannot be opened as video"),
    ):
        open_stream(server.url().replace("rtsp:", "rtsps:"), silence_s=1.0)


class Guard:
    """Asks for a password in one way or another, and keeps what it was answered."""

    def __init__(self, *challenges: str, user: str, password: str) -> None:
        self.challenges = challenges
        self.account = user, password
        self.given: list[str] = []
        self.uses = 0
        self.uses_of_a_nonce = 1_000

    def __call__(self, request: Request, peer: Peer) -> bytes | None:
        given = request.headers.get("authorization", "")
        if given:
            self.given.append(given)
        nonce = self.uses // self.uses_of_a_nonce
        if given and self.is_right(given, request.method):
            if f'nonce="{nonce}"' in given or given.startswith("Basic"):
                self.uses += 1
                return None
            return self.refuse(request, nonce, ", stale=true")
        return self.refuse(request, nonce, "")

    def refuse(self, request: Request, nonce: int, more: str) -> bytes:
        lines = [f"RTSP/1.0 401 Unauthorized\r\nCSeq: {request.headers['cseq']}"]
        lines += [
            f"WWW-Authenticate: {c.format(nonce=nonce)}{more if 'Digest' in c else ''}"
            for c in self.challenges
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def is_right(self, given: str, method: str) -> bool:
        user, password = self.account
        if given.startswith("Basic "):
            return base64.b64decode(given[6:]).decode() == f"{user}:{password}"
        parts = {k: a or b for k, a, b in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^ ,]+))', given)}
        name = parts.get("algorithm", "MD5").lower().replace("-", "")

        def digest(text: str) -> str:
            return hashlib.new(name, text.encode()).hexdigest()

        middle = parts["nonce"]
        if "qop" in parts:
            middle += f":{parts['nc']}:{parts['cnonce']}:{parts['qop']}"
        secret = digest(f"{user}:{parts['realm']}:{password}")
        return parts["response"] == digest(f"{secret}:{middle}:{digest(method + ':' + parts['uri'])}")


BASIC = 'Basic realm="cam, era"'
MD5 = 'Digest realm="cam, era", nonce="{nonce}"'
QOP = MD5 + ', qop="auth,auth-int", opaque="x", algorithm=MD5'
SHA = 'Digest realm="cam", nonce="{nonce}", qop="auth", algorithm=SHA-256'
UNKNOWN = 'Digest realm="cam", nonce="{nonce}", algorithm=SHA-1024'


@pytest.mark.parametrize(
    ("challenges", "wanted"),
    [((BASIC,), "Basic"), ((MD5,), "Digest"), ((QOP,), "qop=auth"), ((SHA,), "SHA-256"),
     ((BASIC, MD5, SHA), "SHA-256"), ((f"{BASIC}, {MD5}",), "Digest"), ((UNKNOWN, MD5), "Digest")],
)  # fmt: skip
@pytest.mark.parametrize("password", ["S3cret", "p@ss:w/rd?#%", "grün ☂", '"quo\\ted"'])
def test_a_password_is_given_as_it_is_asked_for(
    open_stream: OpenStream, challenges: tuple[str, ...], wanted: str, password: str
) -> None:
    guard = Guard(*challenges, user="ad min", password=password)
    with serve(guard) as server:
        stream = open_stream(server.url(f"{quote('ad min')}:{quote(password, safe='')}"))
        assert stream.read().packet.is_keyframe
    assert all(wanted in given for given in guard.given)
    assert {request.url for request in server.requests} == {
        server.url(), server.url() + "/", server.url() + "/track2",
    }  # fmt: skip


def test_a_nonce_that_is_too_old_is_renewed(open_stream: OpenStream) -> None:
    guard = Guard(QOP, user="admin", password="S3cret")
    guard.uses_of_a_nonce = 1
    with serve(guard) as server:
        assert open_stream(server.url("admin:S3cret")).read().packet.is_keyframe
    assert len(guard.given) == 7  # four requests, of which three had an old one at first


@pytest.mark.parametrize("challenge", [BASIC, MD5, QOP, UNKNOWN, "Bearer x", ""])
def test_a_wrong_password_is_said_and_given_once(open_stream: OpenStream, challenge: str) -> None:
    """Cameras lock an account after some tries."""
    guard = Guard(challenge, user="admin", password="S3cret")
    with serve(guard) as server, pytest.raises(SourceDenied) as denied:
        open_stream(server.url("admin:wr0ng"))
    address = f"rtsp://***@127.0.0.1:{server.port}/stream"
    assert str(denied.value) == f"{address}: user name or password refused (401 Unauthorized)"
    assert len(guard.given) == (0 if challenge in (UNKNOWN, "Bearer x", "") else 1)


def test_a_password_that_the_server_repeats_is_not_told(open_stream: OpenStream) -> None:
    def answer(request: Request, peer: Peer) -> bytes | None:
        return reply(request, "403 Not for S3cret of admin")

    with serve(answer) as server, pytest.raises(SourceDenied) as denied:
        open_stream(server.url("admin:S3cret"))
    assert str(denied.value).endswith("refused (403)")


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found"])
def test_a_redirection_is_followed_with_the_password(open_stream: OpenStream, status: str) -> None:
    with serve(Guard(BASIC, user="admin", password="S3cret")) as there:

        def answer(request: Request, peer: Peer) -> bytes | None:
            if request.method == "OPTIONS":
                return None
            return reply(request, status, Location=there.url())

        with serve(answer) as here:
            assert open_stream(here.url("admin:S3cret")).read().packet.is_keyframe


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


def test_a_name_is_looked_up_until_the_deadline_only(
    open_stream: OpenStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def look_up(host: str, *arguments: object, **more: object) -> list[object]:
        if more.get("flags") == socket.AI_NUMERICHOST:
            raise socket.gaierror
        release.wait(PATIENCE_S)
        return []

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    began_s = time.monotonic()
    with pytest.raises(SourceError, match=r"no answer within 0\.2 s"):
        open_stream("rtsp://camera.example/stream", silence_s=0.2)
    release.set()
    assert time.monotonic() - began_s < PATIENCE_S


def test_of_several_addresses_the_first_that_answers_is_taken(
    open_stream: OpenStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(nothing_else) as server:
        def look_up(host: str, *arguments: object, **more: object) -> list[object]:
            if more.get("flags") == socket.AI_NUMERICHOST:
                raise socket.gaierror
            kinds = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
            return [(*kinds, (host, free_port())), (*kinds, ("127.0.0.1", server.port))]

        monkeypatch.setattr("socket.getaddrinfo", look_up)
        stream = RtspStream(
            server.url().replace("127.0.0.1", "localhost"), transport="tcp", silence_s=10.0
        )
        stream.open()
        assert stream.read().packet.is_keyframe
        stream.close()
