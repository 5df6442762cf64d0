"""A server that asks for a password."""

import base64
import hashlib
import re

from tests.stages.readers.rtsp.scripted_server import (
    Peer,
    Request,
)

BASIC = 'Basic realm="cam, era"'
MD5 = 'Digest realm="cam, era", nonce="{nonce}"'
QOP = MD5 + ', qop="auth,auth-int", opaque="x", algorithm=MD5'
SHA = 'Digest realm="cam", nonce="{nonce}", qop="auth", algorithm=SHA-256'
UNKNOWN = 'Digest realm="cam", nonce="{nonce}", algorithm=SHA-1024'


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
            return base64.b64decode(given[6:]) == f"{user}:{password}".encode()
        parts = {
            k: a or b for k, a, b in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^ ,]+))', given)
        }
        name = parts.get("algorithm", "MD5").lower().replace("-", "")

        def digest(text: str) -> str:
            return hashlib.new(name, text.encode()).hexdigest()

        middle = parts["nonce"]
        if "qop" in parts:
            middle += f":{parts['nc']}:{parts['cnonce']}:{parts['qop']}"
        secret = digest(f"{user}:{parts['realm']}:{password}")
        return str(parts["response"]) == digest(
            f"{secret}:{middle}:{digest(method + ':' + parts['uri'])}"
        )
