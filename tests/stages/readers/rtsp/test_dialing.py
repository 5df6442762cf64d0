"""How a connection is made: names, addresses, TLS, and until when."""

import socket
import threading
import time

import pytest

from pipeline.source import SourceError
from stages.readers.rtsp.stream import RtspStream
from tests.ports import free_port
from tests.stages.readers.rtsp.conftest import OpenStream
from tests.stages.readers.rtsp.pictures import encode, packets
from tests.stages.readers.rtsp.scripted_server import (
    PATIENCE_S,
    Answer,
    Peer,
    Request,
    ScriptedServer,
    play_packets,
)

SENT = list(packets(encode("h264", 3)))


def serve(answer: Answer) -> ScriptedServer:
    return ScriptedServer(play_packets(SENT), answer=answer)


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
    with pytest.raises(SourceError, match=r"cannot be opened as video: .*[nN]ame"):
        open_stream("rtsp://camera.invalid/stream", silence_s=5.0)


def test_tls_asked_of_a_server_without_it(open_stream: OpenStream) -> None:
    with (
        serve(nothing_else) as server,
        pytest.raises(SourceError, match="cannot be opened as video"),
    ):
        open_stream(server.url().replace("rtsp:", "rtsps:"), silence_s=1.0)


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
