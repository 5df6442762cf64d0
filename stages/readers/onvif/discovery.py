"""Which ONVIF devices answer on the networks of this machine (WS-Discovery 1.0, IPv4)."""

import select
import socket
import struct
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from stages.readers.onvif.messages import (
    Fault,
    NoMessage,
    find_all,
    find_text,
    parse_message,
    text_of,
)

GROUP, PORT = "239.255.255.250", 3702
_HOPS = 1  # the networks that this machine is in
_REPEAT_S = (0.0, 0.3, 0.9)  # when each question is asked: UDP may lose it
_MOST_BYTES = 65_535
_MOST_DEVICES = 1024
# Some devices answer to one of the types alone.
_TYPES = (
    ("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter"),
    ("http://www.onvif.org/ver10/device/wsdl", "Device"),
)
_PROBE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:t="{space}"><s:Header>'
    '<a:Action s:mustUnderstand="1">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>'
    "<a:MessageID>urn:uuid:{number}</a:MessageID>"
    "<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
    "</a:Address></a:ReplyTo>"
    '<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>'
    "<s:Body><d:Probe><d:Types>t:{name}</d:Types></d:Probe></s:Body></s:Envelope>"
)


class Found(NamedTuple):
    """A device that has answered."""

    host: str  # from where
    services: tuple[str, ...]  # addresses of its device service, the one at `host` first
    name: str  # as it calls itself; it may be empty


def discover(
    wait_s: float, port: int = PORT, interfaces: Sequence[int] | None = None
) -> Iterator[Found]:
    """Ask on every interface, and yield each device once, as its answer comes.

    Args:
        wait_s: how long answers are waited for; devices take up to half a second.
        port: that devices listen at.
        interfaces: numbers of those to ask on; all by default.

    Raises:
        OSError: there is no interface that can be asked on.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in _open_sockets(interfaces)]
        begun_s = time.monotonic()
        pending = [begun_s + delay_s for delay_s in _REPEAT_S if delay_s < wait_s]
        seen = set[tuple[str, ...]]()
        while (now_s := time.monotonic()) < begun_s + wait_s and len(seen) < _MOST_DEVICES:
            if pending and now_s >= pending[0]:
                pending.pop(0)
                _ask(sockets, port)
            next_s = pending[0] if pending else begun_s + wait_s
            ready, _, _ = select.select(sockets, [], [], max(next_s - now_s, 0.0))
            for each in ready:
                answer, (host, _) = each.recvfrom(_MOST_BYTES)
                for found in parse_answer(answer, host):
                    if found.services not in seen:
                        seen.add(found.services)
                        yield found


def parse_answer(answer: bytes, host: str) -> Iterator[Found]:
    """The devices of an answer; none in what is no answer to a question of ours."""
    try:
        matches = find_all(parse_message(answer), "ProbeMatch")
    except (NoMessage, Fault):
        return
    for match in matches:
        addresses = [each for each in find_text(match, "XAddrs").split() if _is_http(each)]
        scopes = find_all(match, "Scopes")
        if addresses:
            # One of several addresses may be that of a network that is out of reach.
            addresses.sort(key=lambda address: urlsplit(address).hostname != host)
            name = _name_of(" ".join(map(text_of, scopes)))
            yield Found(host, tuple(addresses), name)


def _is_http(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _name_of(scopes: str) -> str:
    """Maker and model, of the scopes that ONVIF devices have (Core Specification 7.3.2.2)."""
    values = dict[str, str]()
    for scope in scopes.split():
        kind, _, value = scope.removeprefix("onvif://www.onvif.org/").partition("/")
        values.setdefault(kind, unquote(value))
    parts = (values.get(kind, "") for kind in ("name", "hardware"))
    printable = (" ".join(part.split()) for part in parts if part.isprintable())
    return " ".join(dict.fromkeys(filter(None, printable)))[:100]


def _open_sockets(interfaces: Sequence[int] | None) -> list[socket.socket]:
    numbers = [number for number, _ in socket.if_nameindex()] if interfaces is None else interfaces
    sockets = []
    for number in numbers:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        membership = struct.pack("=4s4si", socket.inet_aton(GROUP), bytes(4), number)  # ip_mreqn
        try:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, membership)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
            opened.bind(("", 0))
        except OSError:  # an interface without IPv4
            opened.close()
            continue
        sockets.append(opened)
    if not sockets:
        raise OSError("no interface with IPv4")
    return sockets


def _ask(sockets: Sequence[socket.socket], port: int) -> None:
    for space, name in _TYPES:
        probe = _PROBE.format(space=space, name=name, number=uuid.uuid4()).encode()
        for each in sockets:
            try:
                each.sendto(probe, (GROUP, port))
            except OSError:  # an interface that is down, or has no route
                continue
