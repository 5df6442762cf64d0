"""An RTSP server that does as a test says: like one camera or another, well or badly."""

import base64
import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.stages.readers.rtsp.tls_front import serve_tls

PATIENCE_S = 20.0
SESSION = "12345678"

SDP = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=a camera
t=0 0
a=control:*
m=audio 0 RTP/AVP 0
a=control:track1
m=video 0 RTP/AVP 96
a=rtpmap:96 {encoding}/90000
a=fmtp:96 packetization-mode=1{sets}
a=control:track2
"""
ENCODINGS = {"h264": "H264", "hevc": "H265"}


class Request(NamedTuple):
    method: str
    url: str
    headers: dict[str, str]  # names in lower case


class Peer:
    """The client of the moment, and how media reach it."""

    def __init__(self, connected: socket.socket, address: str) -> None:
        self.socket = connected
        self.requests: list[Request] = []
        self.address = address
        self.ports: tuple[int, int] | None = None
        self.udp: socket.socket | None = None
        self.gone = threading.Event()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_rtp(self, packet: bytes, *, channel: int = 0) -> None:
        if self.udp is None or self.ports is None:
            self.send(interleaved(packet, channel))
        else:
            self.udp.sendto(packet, (self.address, self.ports[channel]))

    def wait(self) -> None:
        """Until the client has gone."""
        self.gone.wait(PATIENCE_S)


Answer = Callable[[Request, Peer], bytes | None]
Play = Callable[[Peer], None]


def interleaved(packet: bytes, channel: int = 0) -> bytes:
    return bytes((ord("$"), channel)) + len(packet).to_bytes(2) + packet


def describe(codec: str = "h264", parameter_sets: Iterable[bytes] = ()) -> str:
    sets = [base64.b64encode(nal).decode() for nal in parameter_sets]
    text = ""
    if sets and codec == "h264":
        text = f";sprop-parameter-sets={','.join(sets)}"
    elif sets:
        names = ("vps", "sps", "pps")
        text = "".join(f";sprop-{name}={nal}" for name, nal in zip(names, sets, strict=True))
    return SDP.format(encoding=ENCODINGS[codec], sets=text)


def reply(request: Request, status: str = "200 OK", body: str = "", **headers: str) -> bytes:
    lines = [f"RTSP/1.0 {status}", f"CSeq: {request.headers['cseq']}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join([*lines, "", ""]) + body).encode()


def play_packets(packets: Iterable[bytes]) -> Play:
    """Send them, and keep the connection."""

    def play(peer: Peer) -> None:
        for packet in packets:
            peer.send_rtp(packet)
        peer.wait()

    return play


class ScriptedServer:
    """Serves every connection in threads of its own.

    `answer` may answer a request instead of the server, with raw bytes; None leaves it to the
    server. `play` runs once PLAY is answered. `requests` are all that came.
    """

    def __init__(
        self,
        play: Play,
        *,
        answer: Answer = lambda request, peer: None,
        sdp: str = "",
        certificate: str = "",
        host: str = "127.0.0.1",
    ) -> None:
        self.requests: list[Request] = []
        self.changed = threading.Condition()
        self._play, self._answer = play, answer
        self._sdp = sdp or describe()
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._host = host
        self._server = socket.create_server((host, 0), family=family)
        self.port: int = self._server.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._peers: list[Peer] = []
        self._start(self._accept)

    def url(self, account: str = "", path: str = "/stream") -> str:
        scheme = "rtsps" if self._context is not None else "rtsp"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{account and account + '@'}{host}:{self.port}{path}"

    def wait_for(self, method: str) -> Request:
        """The first request with this method, which may be still to come."""

        def find() -> Request | None:
            return next((r for r in self.requests if r.method == method), None)

        with self.changed:
            assert self.changed.wait_for(lambda: find() is not None, PATIENCE_S), method
            found = find()
        assert found is not None
        return found

    def __enter__(self) -> "ScriptedServer":
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for peer in self._peers:
            peer.gone.set()
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        for peer in self._peers:
            if peer.udp is not None:
                peer.udp.close()

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._server.accept()
            except OSError:  # closed
                return
            self._start(self._serve, connected)

    def _serve(self, connected: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            address = connected.getpeername()[0]
            connected.settimeout(PATIENCE_S)
            if self._context is not None:
                secure = connected
                connected, plain = socket.socketpair()
                connected.settimeout(PATIENCE_S)
                self._start(serve_tls, secure, self._context, plain)
            stack.enter_context(connected)
            peer = Peer(connected, address)
            self._peers.append(peer)
            stack.callback(peer.gone.set)
            while (request := _read_request(connected)) is not None:
                with self.changed:
                    self.requests.append(request)
                    self.changed.notify_all()
                peer.requests.append(request)
                answered = self._answer(request, peer)
                peer.send(self._usual(request, peer) if answered is None else answered)
                if request.method == "PLAY":
                    self._start(self._run_play, peer)

    def _run_play(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):
            self._play(peer)
            peer.socket.shutdown(socket.SHUT_RDWR)

    def _usual(self, request: Request, peer: Peer) -> bytes:
        if request.method == "OPTIONS":
            return reply(request, Public="OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
        if request.method == "DESCRIBE":
            return reply(request, body=self._sdp, Content_Base=f"{request.url}/")
        if request.method == "SETUP":
            return self._set_up(request, peer)
        return reply(request, Session=SESSION)

    def _set_up(self, request: Request, peer: Peer) -> bytes:
        transport = request.headers["transport"]
        if found := re.search(r"client_port=(\d+)-(\d+)", transport):
            peer.ports = int(found[1]), int(found[2])
            peer.udp = socket.socket(peer.socket.family, socket.SOCK_DGRAM)
            peer.udp.bind((peer.socket.getsockname()[0], 0))
            port = peer.udp.getsockname()[1]
            transport += f";server_port={port}-{port + 1}"
        return reply(request, Session=f"{SESSION};timeout=60", Transport=transport)


def _read_request(connected: socket.socket) -> Request | None:
    """The next request; what is interleaved with them (RTCP) is passed over."""
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        byte = connected.recv(1)
        if not byte:
            return None
        if byte == b"$" and not text:
            size = int.from_bytes(_read_exactly(connected, 3)[1:])
            _read_exactly(connected, size)
        else:
            text += byte
    first, *lines = text.decode().split("\r\n")[:-2]
    method, url, _ = first.split(" ")
    pairs = (line.partition(": ") for line in lines)
    return Request(method, url, {name.lower(): value for name, _, value in pairs})


def _read_exactly(connected: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connected.recv(size - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data
