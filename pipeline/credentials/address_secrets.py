"""The secrets of an address, whole and in the pieces that an error message may quote of it.

FFmpeg, the resolver of names and Python's URL parser cut an address at different characters, so a
password with `/`, `#`, `?`, `@` or a space turns up as a host, a port, a path or a file name.
"""

import base64
import re
from collections.abc import Iterator
from urllib.parse import unquote

from pipeline.credentials.patterns import AUTHORITY, KEY, PREFIX, parses, path_passwords

LEAST_CHARACTERS = 4  # shorter ones are parts of any sentence: addresses alone hide them
_TOKEN_CHARACTERS = 12  # a user name of so many, alone or with a digit in it, is a key
_SEPARATORS = re.compile(r"[\W_]+")
_PORT_ALONE = re.compile(r":\d{1,5}")  # what `web.listen` may be: all addresses of this machine
_NEXT_PAIR = re.compile(r"[&;,#][\w.-]+=|_[A-Za-z]+=")


def secrets_of(address: str) -> frozenset[str]:
    """Texts of at least `LEAST_CHARACTERS` that give the password of an address away.

    The text is one address from its first to its last character, as the user wrote it.
    """
    found = set[str]()
    for written in dict.fromkeys((address, unquote(address), unquote(unquote(address)))):
        for secret in (*_of_userinfo(written), *_of_pairs(written), *path_passwords(written)):
            found |= {secret, unquote(secret)}
            found |= {piece for piece in _SEPARATORS.split(secret) if piece}
            found |= {piece for piece in _SEPARATORS.split(unquote(secret)) if piece}
    return frozenset(secret for secret in found if len(secret.strip()) >= LEAST_CHARACTERS)


def _of_userinfo(address: str) -> Iterator[str]:
    """Passwords before an `@`: before the last one by caution, of the authority by structure."""
    prefix = PREFIX.match(address)
    rest = address[prefix.end() if prefix else 0 :]
    authority = AUTHORITY.match(rest)
    before, at, _ = rest.rpartition("@")
    candidates = [before, authority[0].rpartition("@")[0]] if authority and at else []
    for userinfo in filter(None, candidates):
        user, colon, password = userinfo.partition(":")
        if colon:
            yield password
            yield base64.b64encode(userinfo.encode(errors="replace")).decode().rstrip("=")
        elif "/" not in user and _looks_like_a_key(user) and prefix and prefix[0]:
            yield user
    if not at and authority and not parses(authority[0]) and not _PORT_ALONE.fullmatch(address):
        yield from filter(None, (authority[0].partition(":")[2], rest.partition(":")[2]))


def _looks_like_a_key(user: str) -> bool:
    return len(user) >= _TOKEN_CHARACTERS or any(letter.isdigit() for letter in user)


def _of_pairs(address: str) -> Iterator[str]:
    """Values of `password=...` and the like; they may hold anything up to the next key."""
    for key in KEY.finditer(address):
        if key["user"] is None:
            follows = _NEXT_PAIR.search(address, key.end())
            yield address[key.end() : follows.start() if follows else len(address)]
