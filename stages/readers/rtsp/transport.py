"""How packets come: between the messages of the connection (TCP), or on two ports of ours (UDP)."""

import contextlib
import socket
from typing import Protocol

from stages.readers.rtsp.connection import Connection, OnPacket
from stages.readers.rtsp.message import number_pair, parameters

_PORT_TRIES = 50
_DATAGRAM_BYTES = 1 << 16
_DATAGRAMS = 64  # taken at one go; then others get their turn
_RECEIVE_BYTES = 4 << 20  # asked for; the kernel grants at most net.core.rmem_max
_EMPTY_RTP = b"\x80" + bytes(11)  # opens the way back through a router that translates addresses


class Transport(Protocol):
    """The way of one track."""

    header: str  # what SETUP asks for
    sockets: list[socket.socket]  # beside that of the connection

    def accept(self, answer: str, on_rtp: OnPacket, on_rtcp: OnPacket) -> bool:
        """Take what SETUP was answered with; False if it is something else than was asked for."""
        ...

    def receive(self, number: int) -> None:
        """Take what has arrived at the socket with this file descriptor."""
        ...

    def send_rtcp(self, report: bytes) -> None: ...

    def close(self) -> None: ...


class InterleavedTransport:
    """On the connection itself; `number` is that of the track among those that are asked for."""

    def __init__(self, connection: Connection, number: int = 0) -> None:
        self.sockets: list[socket.socket] = []
        self._connection = connection
        self._channels = 2 * number, 2 * number + 1
        self._rtcp_channel = self._channels[1]
        self.header = "RTP/AVP/TCP;unicast;interleaved={}-{}".format(*self._channels)

    def accept(self, answer: str, on_rtp: OnPacket, on_rtcp: OnPacket) -> bool:
        chosen = parameters(answer)
        if answer and "/TCP" not in answer.upper() and "interleaved" not in chosen:
            return False
        rtp, rtcp = number_pair(chosen.get("interleaved", "")) or self._channels
        if max(rtp, rtcp) > 255 or rtp == rtcp:
            return False
        self._rtcp_channel = rtcp
        self._connection.channels |= {rtp: on_rtp, rtcp: on_rtcp}
        return True

    def receive(self, number: int) -> None:
        raise AssertionError("no socket but that of the connection")

    def send_rtcp(self, report: bytes) -> None:
        if not self._connection.sending:  # the next one tells the same
            head = bytes((ord("$"), self._rtcp_channel)) + len(report).to_bytes(2)
            self._connection.send(head + report)

    def close(self) -> None:
        pass


class DatagramTransport:
    """On a pair of ports of our own. Raises OSError if there is none.

    Args:
        connected: the socket of the connection, whose addresses are those of the packets, too.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._own, self._peer = connected.getsockname(), connected.getpeername()
        self.sockets = list(_bind_pair(connected.family, self._own))
        self._sources = {self._peer[0]}
        self._ports: tuple[int, int] | None = None
        self._buffer = bytearray(_DATAGRAM_BYTES)
        self._view = memoryview(self._buffer)
        self._takers: dict[int, tuple[socket.socket, OnPacket]] = {}
        port = self.sockets[0].getsockname()[1]
        self.header = f"RTP/AVP;unicast;client_port={port}-{port + 1}"

    def accept(self, answer: str, on_rtp: OnPacket, on_rtcp: OnPacket) -> bool:
        chosen = parameters(answer)
        if "/TCP" in answer.upper() or "interleaved" in chosen:
            return False
        self._ports = number_pair(chosen.get("server_port", ""))
        with contextlib.suppress(OSError, UnicodeError):
            self._sources |= _numeric(chosen.get("source", ""), self._peer[1])
        takers = zip(self.sockets, (on_rtp, on_rtcp), strict=True)
        self._takers = {own.fileno(): (own, on_packet) for own, on_packet in takers}
        self._send(0, _EMPTY_RTP)
        return True

    def receive(self, number: int) -> None:
        own, on_packet = self._takers[number]
        for _ in range(_DATAGRAMS):
            try:
                size, source = own.recvfrom_into(self._buffer)
            except OSError:  # nothing more, or the network's word on something that was sent
                return
            if source[0] in self._sources:
                on_packet(self._view, 0, size)

    def send_rtcp(self, report: bytes) -> None:
        self._send(1, report)

    def close(self) -> None:
        for own in self.sockets:
            own.close()

    def _send(self, which: int, data: bytes) -> None:
        if self._ports is not None and 0 < self._ports[which] < 65536:
            there = (self._peer[0], self._ports[which], *self._peer[2:])
            with contextlib.suppress(OSError):  # what is lost is sent again, or was not needed
                self.sockets[which].sendto(data, there)


def _bind_pair(
    family: socket.AddressFamily | int, own: tuple[str, int]
) -> tuple[socket.socket, socket.socket]:
    """RTP at an even port, RTCP at the next one (RFC 3550, section 11)."""
    for _ in range(_PORT_TRIES):
        rtp = _bind(family, own, 0)
        port = rtp.getsockname()[1]
        if port % 2 == 0:
            with contextlib.suppress(OSError):
                return rtp, _bind(family, own, port + 1)
        rtp.close()
    raise OSError(0, "no two free UDP ports side by side")


def _bind(family: int, own: tuple[str, int], port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        made.bind((own[0], port, *own[2:]))
    except BaseException:
        made.close()
        raise
    return made


def _numeric(host: str, port: int) -> set[str]:
    """The address itself, in the form in which packets bear it; no name is looked up."""
    if not host:
        return set()
    found = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)
    return {str(place[0]) for *_, place in found}


def make_transport(name: str, connection: Connection, number: int = 0) -> Transport:
    """Of `rtsp_transport`: "tcp" or "udp"; `number` is that of the track."""
    if name == "udp":
        return DatagramTransport(connection.socket)
    return InterleavedTransport(connection, number)
