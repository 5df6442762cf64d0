"""Passwords are given as a server asks for them, and are told to nobody else."""

from urllib.parse import quote

import pytest

from pipeline.source import SourceDenied
from tests.stages.readers.rtsp.conftest import OpenStream
from tests.stages.readers.rtsp.guard import BASIC, MD5, QOP, SHA, UNKNOWN, Guard
from tests.stages.readers.rtsp.pictures import encode, packets
from tests.stages.readers.rtsp.scripted_server import (
    Answer,
    Peer,
    Request,
    ScriptedServer,
    play_packets,
    reply,
)

SENT = list(packets(encode("h264", 3)))


def serve(answer: Answer) -> ScriptedServer:
    return ScriptedServer(play_packets(SENT), answer=answer)


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
