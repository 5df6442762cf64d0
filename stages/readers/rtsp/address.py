"""The address of an RTSP stream, taken apart; what is shown of it holds no credentials."""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from pipeline.redact import redact
from pipeline.source import SourceError

_PORTS = {"rtsp": 554, "rtsps": 322}
_SCHEME = re.compile(r"(rtsps?)://", re.IGNORECASE)
_HOST = re.compile(r"(?:\[(?P<bracketed>[^\[\]@]+)\]|(?P<plain>[^\[\]:@]+))(?::(?P<port>\d*))?")
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"  # whatever else is in a path is sent as %XX
_HIGHEST_PORT = 65535


class StreamAddress(NamedTuple):
    """Where a stream is and who asks for it.

    `url` is what the server is asked for: the address without user name and password. `shown` is
    what a person may read: *** stands for both.
    """

    scheme: str
    host: str
    port: int
    url: str
    shown: str
    user: str = ""
    password: str = ""

    @property
    def encrypted(self) -> bool:
        return self.scheme == "rtsps"


def parse_address(uri: str) -> StreamAddress:
    """Take `rtsp://user:password@host:port/path` apart. Raises SourceError.

    User name and password may be percent-encoded. The last @ before the path ends them, so they may
    hold one themselves. A password that holds a slash, ? or # as it is can be told, too, unless
    what stands before that is a host with a port: then the last @ of all ends it.
    """
    scheme = _SCHEME.match(uri)
    if scheme is None:
        raise SourceError(f"{redact(uri)}: expected rtsp:// or rtsps://")
    rest = uri[scheme.end() :]
    host = re.match(r"[^/?#]*", rest)
    assert host is not None, "an empty match is a match"
    found = _match_host(host[0].rpartition("@")[2])
    at = host[0].rfind("@")
    if found is None and "@" in rest:
        at = rest.rfind("@")
        found = _match_host(re.split(r"[/?#]", rest[at + 1 :], maxsplit=1)[0])
    if found is None:
        shown = f"{scheme[0].lower()}{'***@' if at >= 0 else ''}{redact(rest[at + 1 :])}"
        raise SourceError(f"{shown}: expected {scheme[0].lower()}host:port/path")
    userinfo, target = rest[: max(at, 0)], rest[at + 1 :]
    return _address(scheme[1].lower(), userinfo, found, target)


def _match_host(text: str) -> re.Match[str] | None:
    found = _HOST.fullmatch(text)
    if found is None or int(found["port"] or 0) > _HIGHEST_PORT:
        return None
    return found


def _address(scheme: str, userinfo: str, host: re.Match[str], target: str) -> StreamAddress:
    user, _, password = userinfo.partition(":")
    shown = target
    for secret in filter(None, (password, unquote(password))):  # it may stand in the path as well
        shown = shown[: host.end()] + shown[host.end() :].replace(secret, "***")
    return StreamAddress(
        scheme=scheme,
        host=unquote(host["bracketed"] or host["plain"]),
        port=int(host["port"] or 0) or _PORTS[scheme],
        url=f"{scheme}://{sendable(target)}",
        shown=redact(f"{scheme}://{'***@' if userinfo else ''}{shown}"),
        user=unquote(user),
        password=unquote(password),
    )


def sendable(url: str) -> str:
    """As it may stand in a request: one word, on one line. The same again if it is one already."""
    return quote(url, safe=_URL_CHARACTERS)


def redirected(address: StreamAddress, location: str) -> StreamAddress:
    """Where a server sends its client on to, with the user name and password of before.

    Raises:
        SourceError: the new address is no RTSP.
    """
    if location.startswith("/"):
        location = re.sub(r"(//[^/?#]*).*", r"\g<1>", address.url) + location
    there = parse_address(location)
    if not there.user:
        there = there._replace(user=address.user, password=address.password)
    return there
