"""Takes out of a text what looks like credentials, with no knowledge of any address.

An address that parses loses its credentials by structure. In one that does not parse, everything
may be a part of the password up to the last `@`, so all of that goes. A text that was no secret may
go with it; what names no user and no password stays.
"""

import re

HIDDEN = "***"
_CAUTIOUS_CHARACTERS = 512  # in which the end of a password with spaces is looked for

SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"
_NETWORK = r"(?:rtsps?|rtspt|rtspu|https?|rtmps?|rtmpt|rtp|srt|udp|tcp|ftps?|mms|wss?|onvif)"
AT = re.compile(r"@|%(?:25)*40", re.I)
# What a bare address may begin with, also misspelt: `rtsp://`, `rtsp//`, `rtsp:/`, `rtsp:`, `//`.
PREFIX = re.compile(
    rf"[\"'(\[<{{]*(?:uri=|url=)?(?:{SCHEME}[:;]?[/\\]{{2,3}}|{_NETWORK}(?:[:;][/\\]?|[/\\])|:?//)?",
    re.I,
)

_ADDRESS_START = re.compile(rf"(?<![A-Za-z0-9+.-])({SCHEME})(?:://|%(?:25)*3a%(?:25)*2f%(?:25)*2f)",
                            re.I)  # fmt: skip
AUTHORITY = re.compile(r"[^/?#\\\s]*")
_HOST = r"(?:\*+|\[[^\]\s@]*\]|[\w.*-]+|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)"
_PLAIN_AUTHORITY = re.compile(rf"{_HOST}(?P<port>:(?:\d{{1,5}}|\*)?)?", re.I)
_SURE_HOST = (
    r"\[[0-9a-f:.]+[\]%]|\d{1,3}(?:\.\d{1,3}){3}(?!\w)|localhost(?!\w)|[\w-]+(?:\.[\w-]+)*:\d"
)
_SURE_HOST_FOLLOWS = re.compile(_SURE_HOST, re.I)
_HOST_FOLLOWS = re.compile(rf"{_SURE_HOST}|[\w-]+(?:\.[\w-]+)*/", re.I)
_LOCAL = ("file", "ipc", "scene", "inproc")
_TRAILING = re.compile(r"[\"')\]>}.,;:]*$")
_WINDOWS_PATH = re.compile(r"[\"'(]*[A-Za-z]:[\\/]")
_TOKEN = re.compile(r"\S+")
_PATH_USER = re.compile(r"(?<=[^/]/)[A-Za-z][\w.-]*:(?P<password>[^/\s?#@]+)(?=/)")
_PATH_TOKEN = re.compile(
    r"(?<=/)(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*\d)[A-Za-z0-9]{16,}(?=[/?#\s\"':,]|$)"
)

_SECRET_KEY = (
    r"[\w.-]*(?:passwd|passw|password|passphrase|pass|pwd|psw|pswd|pasw|loginpas|token|secret"
    r"|credentials?|signature|apikey|api[_-]key|authorization|jwt|bearer)"
)
_QUERY_KEY = (
    r"(?:[\w.-]*(?:key|auth|sig|hash|session|sessionid|nonce|cookie|sid|tok|tkn|ticket)|pin|pw|p)"
)
_USER_KEY = r"(?:[\w.-]*(?:user|username|usr|login|loginuse|account|uid))"
_EQUALS = r"(?:=|%(?:25)*3d)"
_NEXT_PAIR = rf"(?:[&;,#]|%(?:25)*26)[\w.-]+{_EQUALS}|_[A-Za-z]+{_EQUALS}"
_IN_ADDRESS = r"(?:(?<=[?&;#/_])|(?<=%3f)|(?<=%26)|(?<=%2f))"
_KEY = (
    rf"(?P<key>(?:(?<![\w.-])|(?<=_)|{_IN_ADDRESS}){_SECRET_KEY}{_EQUALS}"
    rf"|{_IN_ADDRESS}(?:{_QUERY_KEY}|(?P<user>{_USER_KEY})){_EQUALS})"
)
KEY = re.compile(_KEY, re.I)
_PAIR = re.compile(
    rf"{_KEY}"
    r"(?P<value>\"[^\"]*\"(?=[\s,;&)}\]]|$)|'[^']*'(?=[\s,;&)}\]]|$)|\S+?"
    rf"(?={_NEXT_PAIR}|[\"')\]}}>.,;:]*(?:\s|$)))",
    re.I,
)
_FIELD = re.compile(
    r"(?P<key>(?P<quote>[\"']?)(?<![\w.-])(?:password|passwd|passphrase|pwd|psw|secret|token"
    r"|api[_-]?key)(?P=quote)\s*:\s*)(?P<value>\"[^\"]*\"|'[^']*'|(?!//)[^\s,}\]]+)",
    re.I,
)
_HEADER = re.compile(
    r"((?<![\w-])(?:proxy-authorization|authorization|x-api-key|x-auth-token|(?:set-)?cookie)"
    r"[\"']?\s*[:=]\s*)[^\r\n]+",
    re.I,
)
_SCHEME_OF_AUTH = re.compile(r"\b(Basic|Bearer) +(?=\S*[0-9=A-Z])[\w+/=.~-]{8,}")


def hide_credentials(text: str) -> str:
    """The text with `***` in place of what may be a user name, a password or a token."""
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    text = _SCHEME_OF_AUTH.sub(rf"\1 {HIDDEN}", text)
    text = _PAIR.sub(rf"\g<key>{HIDDEN}", text)
    text = _hide_addresses(text)
    text = _FIELD.sub(rf"\g<key>{HIDDEN}", text)
    return _TOKEN.sub(_hide_bare, text) if AT.search(text) else text


def parses(authority: str) -> bool:
    """Whether this is a host, or a host and a port."""
    return bool(_PLAIN_AUTHORITY.fullmatch(_TRAILING.sub("", authority)))


def path_passwords(address: str) -> list[str]:
    """Passwords of `/user:password/` in a path."""
    return [found["password"] for found in _PATH_USER.finditer(address)]


def _hide_addresses(text: str) -> str:
    """Every `scheme://...`; one ends where the next begins."""
    starts = list(_ADDRESS_START.finditer(text))
    if not starts:
        return text
    ends = [start.start() for start in starts[1:]] + [len(text)]
    parts = [text[: starts[0].start()]]
    for start, end in zip(starts, ends, strict=True):
        parts.append(start[0] + _hide_userinfo(start[1].lower(), text[start.end() : end]))
    return "".join(parts)


def _hide_userinfo(scheme: str, rest: str) -> str:
    """What follows `scheme://`, without credentials.

    A port, a space or a slash may as well be a part of a password: `admin:12/34@camera`.
    """
    token = _first(_TOKEN, rest)
    authority = _first(AUTHORITY, token)
    ats = list(AT.finditer(token))
    if not authority and scheme in _LOCAL:
        return rest
    if AT.search(authority) or (not authority and ats):
        return _hide_up_to(ats[-1].start(), rest)
    plain = _PLAIN_AUTHORITY.fullmatch(_TRAILING.sub("", authority))
    if plain is None:
        ats = list(AT.finditer(rest, 0, _CAUTIOUS_CHARACTERS))
        if ats:
            return _hide_up_to(ats[-1].start(), rest)
        tail = _TRAILING.search(token)
        kept = tail.start() if tail else len(token)
        return (HIDDEN if kept else "") + rest[kept:]  # "with mqtts://, got" names a scheme alone
    if ats and (plain["port"] or _HOST_FOLLOWS.match(token, ats[-1].end())):
        return _hide_up_to(ats[-1].start(), rest)
    if plain["port"] and token == authority:  # "admin:12 34@camera/"
        follows = re.match(r"\S+\s+\S*?(?:@|%40)", rest)
        if follows and _HOST_FOLLOWS.match(rest, follows.end()):
            return _hide_up_to(AT.search(rest, len(token)).start(), rest)  # type: ignore[union-attr]
    return _hide_path(rest, len(token))


def _hide_up_to(at: int, rest: str) -> str:
    return HIDDEN + _hide_path(rest[at:], len(_first(_TOKEN, rest[at:])))


def _hide_path(rest: str, length: int) -> str:
    """Credentials in the path of an address of so many characters."""
    path = _PATH_USER.sub(HIDDEN, rest[:length])
    return _PATH_TOKEN.sub(HIDDEN, path) + rest[length:]


def _hide_bare(found: re.Match[str]) -> str:
    """A word that may be an address without a scheme, or with a misspelt one."""
    word = found[0]
    ats = list(AT.finditer(word))
    if not ats or _WINDOWS_PATH.match(word) or _ADDRESS_START.search(word):
        return word
    begin = _first(PREFIX, word)
    left = word[len(begin) : ats[-1].start()]
    is_pair = ":" in left or "%3a" in left.lower()
    host = _SURE_HOST_FOLLOWS if "/" in left else _HOST_FOLLOWS  # a folder may be "me@home/"
    if is_pair or (left and host.match(word, ats[-1].end())):
        return begin + HIDDEN + word[ats[-1].start() :]
    return word


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.match(text)
    return found[0] if found else ""
