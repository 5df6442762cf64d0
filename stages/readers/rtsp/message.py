"""RTSP messages (RFC 2326, section 4): requests and replies as text."""

import re
from typing import NamedTuple

_STATUS = re.compile(r"RTSP/\d\.\d +(\d{3})(?: +(.*))?", re.IGNORECASE)
_REQUEST = re.compile(r"([A-Z_]+) +(\S+) +RTSP/\d\.\d", re.IGNORECASE)
_LENGTH = re.compile(r"\d{1,9}")
_PHRASE_CHARACTERS = 60
_AGENT = "ThunderLine"


class Message(NamedTuple):
    """A reply, or a request of the server if `method` is set.

    Header names are in lower case; a header may stand there more than once.
    """

    status: int
    phrase: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    method: str = ""

    def header(self, name: str) -> str:
        """The first one of this name, or an empty text."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300

    @property
    def reason(self) -> str:
        """Such as `404 Not Found`; what is no plain text is left out."""
        return f"{self.status} {self.phrase}".strip()


class MalformedMessage(Exception):
    """What the server sent is no RTSP."""


def parse_head(head: bytes) -> Message:
    """A message without its body, from the lines before the empty one. Raises MalformedMessage."""
    first, *lines = head.decode("utf-8", "replace").splitlines() or [""]
    headers: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and headers:  # goes on from the line before
            name, value = headers.pop()
            headers.append((name, f"{value} {line.strip()}"))
        elif ":" in line:
            name, _, value = line.partition(":")
            headers.append((name.strip().lower(), value.strip()))
    if status := _STATUS.fullmatch(first.strip()):
        return Message(int(status[1]), _plain(status[2] or ""), headers)
    if request := _REQUEST.fullmatch(first.strip()):
        return Message(0, "", headers, method=request[1].upper())
    raise MalformedMessage("what it sends is not RTSP")


def body_length(message: Message) -> int:
    """Bytes that follow the empty line. Raises MalformedMessage."""
    length = message.header("content-length") or "0"
    if not _LENGTH.fullmatch(length):
        raise MalformedMessage("expected a number as Content-Length")
    return int(length)


def encode_request(method: str, url: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {url} RTSP/1.0", f"User-Agent: {_AGENT}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def encode_reply(request: Message) -> bytes:
    """The answer to a request of the server: nothing of what it may ask for is needed."""
    number = _plain(request.header("cseq"))
    return f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nUser-Agent: {_AGENT}\r\n\r\n".encode()


def parameters(header: str) -> dict[str, str]:
    """Of `RTP/AVP;unicast;server_port=1-2` the parts with a value; their names in lower case."""
    pairs = (part.partition("=") for part in header.split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def number_pair(text: str) -> tuple[int, int] | None:
    """Two ports or channels, such as `5000-5001`; the second may be missing."""
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    if found is None:
        return None
    return int(found[1]), int(found[2]) if found[2] else int(found[1]) + 1


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isprintable())[:_PHRASE_CHARACTERS].strip()
