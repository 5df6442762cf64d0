"""References to secrets in a text: `${NAME}`, `${file:PATH}`, `${credential:NAME}`.

`$${` stands for `${`. A value that becomes a part of an address is percent-encoded there, so it is
stored as it is: `p@ss/word`.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote

EXPECTED = "${NAME}, ${file:PATH} or ${credential:NAME}; $${ stands for ${"
_TOKEN = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)\}|\$\{")
_INSIDE = re.compile(r"(?P<variable>[A-Za-z_]\w*)|(?P<kind>file|credential):(?P<what>[^{}]+)", re.A)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_AUTHORITY = re.compile(r"[^/?#]*")
_HOLE = "\0"  # for a reference, whose own characters are no part of the address


class Reference(NamedTuple):
    """Where a secret is: `kind` is variable, file or credential."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"${{{'' if self.kind == 'variable' else f'{self.kind}:'}{self.what}}}"


class Filled(NamedTuple):
    """A text with what its references stand for."""

    text: str
    secrets: tuple[str, ...]  # of these, what is not to be seen


def has_references(text: str) -> bool:
    """Whether the text is not meant as it is written."""
    return "${" in text


def begins_with_reference(text: str) -> bool:
    return text.startswith("${")


def find_references(text: str) -> Iterator[Reference]:
    """Raises ValueError: what begins as a reference is none."""
    yield from (part for part in _parse(text) if isinstance(part, Reference))


def without_references(text: str) -> str:
    """The text that is left: names of secrets are no secrets."""
    return _TOKEN.sub("", text)


def change_references(text: str, change: Callable[[Reference], Reference]) -> str:
    """The text with other references. What is no reference stays as it is."""

    def written(found: re.Match[str]) -> str:
        inside = _INSIDE.fullmatch(found["inside"] or "")
        return found[0] if inside is None else str(change(_reference(inside)))

    return _TOKEN.sub(written, text)


def fill(text: str, look_up: Callable[[Reference], str]) -> Filled:
    """The text with the value of each reference in its place.

    Raises:
        ValueError: what begins as a reference is none. What `look_up` raises.
    """
    parts = list(_parse(text))
    shape = "".join(_HOLE if isinstance(part, Reference) else part for part in parts)
    place = _Places(shape)
    filled, secrets, at = list[str](), list[str](), 0
    for part in parts:
        if isinstance(part, Reference):
            value = look_up(part)
            if not place.is_address or place.is_secret(at):
                secrets.append(value)
            filled.append(place.encode(value, at))
            at += len(_HOLE)
        else:
            filled.append(part)
            at += len(part)
    return Filled("".join(filled), tuple(secrets))


class _Places:
    """What each character of an address is a part of."""

    def __init__(self, shape: str) -> None:
        scheme = _SCHEME.match(shape)
        self.is_address = scheme is not None
        begin = scheme.end() if scheme else 0
        found = _AUTHORITY.match(shape, begin)
        assert found is not None, "an empty match is a match"
        self._userinfo = range(begin, begin + max(found[0].rfind("@"), 0))
        query = shape.find("?", found.end())
        self._query = range(query, len(shape)) if query >= 0 else range(0)
        self._is_pair = ":" in shape[self._userinfo.start : self._userinfo.stop]

    def is_secret(self, at: int) -> bool:
        return at in self._userinfo or at in self._query

    def encode(self, value: str, at: int) -> str:
        if not self.is_address or not self.is_secret(at):
            return value
        one_for_both = at in self._userinfo and not self._is_pair  # user:password
        return quote(value, safe=":" if one_for_both else "", errors="surrogateescape")


def _parse(text: str) -> Iterator[str | Reference]:
    end = 0
    for found in _TOKEN.finditer(text):
        yield text[end : found.start()]
        end = found.end()
        if found[0] == "$${":
            yield "${"
            continue
        inside = _INSIDE.fullmatch(found["inside"] or "")
        if inside is None:
            raise ValueError(f"expected {EXPECTED}; got '{found[0][:100]}'")
        yield _reference(inside)
    yield text[end:]


def _reference(inside: re.Match[str]) -> Reference:
    return Reference(inside["kind"] or "variable", inside["variable"] or inside["what"])
