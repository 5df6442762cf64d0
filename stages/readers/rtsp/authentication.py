"""User name and password, given as a server asks for them: Basic and Digest.

Sources: RFC 7617 (Basic), RFC 2617 and RFC 7616 (Digest, with MD5 and SHA-256).
"""

import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Callable
from typing import NamedTuple

_PART = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEMES = re.compile(r"(?:^|,)\s*(basic|digest)(?=\s|$)", re.IGNORECASE)
# The best first: the first one that a server offers is taken.
_ALGORITHMS = {"SHA-256": "sha256", "MD5": "md5"}
_SESSION = "-SESS"


class Challenge(NamedTuple):
    """One way in which a server takes a password; `rank` 0 is the best."""

    rank: int
    scheme: str  # "basic" or "digest"
    parts: dict[str, str]

    @property
    def nonce(self) -> str:
        return self.parts.get("nonce", "")

    @property
    def stale(self) -> bool:
        """The password was right, and only the nonce too old."""
        return self.parts.get("stale", "").lower() == "true"


def choose_challenge(headers: list[str], *, basic: bool) -> Challenge | None:
    """The best that the WWW-Authenticate headers offer; `basic` says if Basic is good enough."""
    offers = [offer for header in headers for offer in _challenges(header)]
    known = [o for o in offers if o.scheme == "digest" and o.rank < len(_ALGORITHMS)]
    known += [o for o in offers if o.scheme == "basic" and basic]
    return min(known, key=lambda offer: offer.rank, default=None)


def _challenges(header: str) -> list[Challenge]:
    """A header may hold several, one after the other."""
    starts = list(_SCHEMES.finditer(_without_quoted(header)))
    ends = [start.start() for start in starts[1:]] + [len(header)]
    offers = []
    for start, end in zip(starts, ends, strict=False):  # without a start there is one end
        found = _PART.findall(header[start.end() : end])
        parts = {name.lower(): quoted or bare for name, quoted, bare in found}
        scheme = start[1].lower()
        rank = _rank(parts) if scheme == "digest" else len(_ALGORITHMS) + 1
        offers.append(Challenge(rank, scheme, parts))
    return offers


def _without_quoted(header: str) -> str:
    """The same length, so that places in it are places in the header."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda text: "-" * len(text[0]), header)


def _rank(parts: dict[str, str]) -> int:
    name = _algorithm(parts).removesuffix(_SESSION)
    return list(_ALGORITHMS).index(name) if name in _ALGORITHMS else len(_ALGORITHMS)


def _algorithm(parts: dict[str, str]) -> str:
    return parts.get("algorithm", "MD5").upper()


class Authenticator:
    """Answers one challenge for one request after the other.

    Args:
        challenge: what the server asks for.
        user, password: as the user wrote them, decoded.
        make_nonce: the client's own random text.
    """

    def __init__(
        self,
        challenge: Challenge,
        user: str,
        password: str,
        make_nonce: Callable[[], str] = lambda: os.urandom(8).hex(),
    ) -> None:
        self.challenge = challenge
        self._user, self._password = user, password
        self._make_nonce = make_nonce
        self._count = 0

    def header(self, method: str, url: str) -> str:
        """The value of `Authorization` for this request."""
        if self.challenge.scheme == "basic":
            return f"Basic {b64encode(f'{self._user}:{self._password}'.encode()).decode()}"
        self._count += 1
        return self._digest(method, url, f"{self._count:08x}", self._make_nonce())

    def _digest(self, method: str, url: str, count: str, own_nonce: str) -> str:
        parts = self.challenge.parts
        algorithm, nonce, realm = _algorithm(parts), parts.get("nonce", ""), parts.get("realm", "")
        name = _ALGORITHMS[algorithm.removesuffix(_SESSION)]
        secret = _hash(name, f"{self._user}:{realm}:{self._password}")
        if algorithm.endswith(_SESSION):
            secret = _hash(name, f"{secret}:{nonce}:{own_nonce}")
        quality = _quality(parts.get("qop", ""))
        what = f"{method}:{url}"
        if quality == "auth-int":
            what += f":{_hash(name, '')}"  # no request of ours has a body
        middle = f"{nonce}:{count}:{own_nonce}:{quality}" if quality else nonce
        fields = {
            "username": re.sub(r'(["\\])', r"\\\1", self._user),
            "realm": realm,
            "nonce": nonce,
            "uri": url,
            "response": _hash(name, f"{secret}:{middle}:{_hash(name, what)}"),
        }
        if "opaque" in parts:
            fields["opaque"] = parts["opaque"]
        text = ", ".join(f'{name}="{value}"' for name, value in fields.items())
        if "algorithm" in parts:
            text += f", algorithm={parts['algorithm']}"
        if quality:
            text += f', qop={quality}, nc={count}, cnonce="{own_nonce}"'
        elif algorithm.endswith(_SESSION):
            text += f', cnonce="{own_nonce}"'
        return f"Digest {text}"


def _quality(offered: str) -> str:
    """Which of the kinds of protection that the server offers; none is that of RFC 2069."""
    kinds = [kind.strip().lower() for kind in offered.split(",")]
    return next((kind for kind in ("auth", "auth-int") if kind in kinds), "")


def _hash(name: str, text: str) -> str:
    return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
