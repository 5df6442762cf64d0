"""Takes the credentials out of a text, so that they never reach a log, a message or a page.

Each place where text leaves calls `redact`: `pipeline.log`, the reason of a camera's state, the
reason of a failed frame, and the arguments that the kernel shows of a process.

Patterns alone cannot see a password in `Failed to resolve hostname S3cret`. A process is told its
addresses before it logs anything, so the secrets in them are found literally, as they were written,
decoded, percent-encoded, or with the escapes of Python, JSON, HTML and of our own log.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.credentials.address_secrets import LEAST_CHARACTERS, secrets_of
from pipeline.credentials.patterns import HIDDEN, hide_credentials
from pipeline.credentials.references import without_references

_WHOLE_WORD_CHARACTERS = 5  # a secret of at most so many is no part of a longer word or number
_BEFORE_WORD = (
    r"(?:(?<![A-Za-z0-9])|(?<=%[0-9a-f]{2})|(?<=\\x[0-9a-f]{2})|(?<=\\u[0-9a-f]{4})|(?<=\\[nrt]))"
)
_AFTER_WORD = r"(?![A-Za-z0-9])"
# What html.escape writes; importing it brings all names of characters.
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
_ANY_SPACE = r"(?:\s|\+|%(?:25)*[0-9a-f]{2}|\\[nrtfv]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})*"


class KnownSecrets:
    """Texts that are replaced wherever they occur."""

    def __init__(self) -> None:
        self._secrets = frozenset[str]()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[str]) -> None:
        more = self._secrets | frozenset(secrets)
        if more != self._secrets:
            self._secrets = more
            longest_first = sorted(more, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_any_spelling, longest_first)), re.I)

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]

    def hide(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)


class TooManySecrets(Exception):
    """Nothing was learned; the message says what was expected."""


_known = KnownSecrets()  # of this process
# What was learned before: forks begin with it, and need not look at the same options again, which
# would take a millisecond and 1 MiB of pages that they have in common.
_learned = set[str]()
_LONGEST_LEARNED = 256  # characters of a text that is kept for that
_LONGEST_ADDRESS = 8192  # characters of a text of a stranger that may be one


def learn(value: Any, most_characters: int | None = None) -> None:
    """Remember the secrets of every address in a text, or in the texts of lists and mappings.

    Args:
        most_characters: of the secrets together, where strangers send the value: to learn a million
            takes half a minute.

    Raises:
        TooManySecrets: there are more.
    """
    found, looked_at, characters = set[str](), set[str](), 0
    for text in _texts(value):
        if text in _learned or text in looked_at:
            continue
        if most_characters is not None and len(text) > _LONGEST_ADDRESS and {*"@="} & {*text}:
            raise TooManySecrets(f"expected addresses of at most {_LONGEST_ADDRESS} characters, "
                                 f"got a text of {len(text)}")  # fmt: skip
        more = secrets_of(without_references(text)) - found
        found |= more
        characters += sum(map(len, more))
        if most_characters is not None and characters > most_characters:
            raise TooManySecrets(
                f"expected at most {most_characters} characters in passwords of addresses, got more"
            )
        if len(text) <= _LONGEST_LEARNED:
            looked_at.add(text)
    _learned.update(looked_at)
    _known.add(found)  # all at once: the pattern is made anew of all that are known


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def learn_secrets(secrets: Iterable[str]) -> None:
    """Remember these texts themselves, where they are long enough to be told from others."""
    _known.add(secret for secret in secrets if len(secret.strip()) >= LEAST_CHARACTERS)


def forget() -> None:
    """Begin without any knowledge, as a new process does."""
    _known.clear()
    _learned.clear()


def redact(text: str) -> str:
    """The text, in which `***` replaces the user name, password and token of every address."""
    return hide_credentials(_known.hide(text))


def _any_spelling(secret: str) -> str:
    """A regular expression for a secret, whatever was escaped on its way."""
    parts = (_ANY_SPACE if part.isspace() else "".join(map(_any_form, part))
             for part in re.split(r"(\s+)", secret) if part)  # fmt: skip
    spelling = "".join(parts)
    if len(secret) <= _WHOLE_WORD_CHARACTERS:
        return f"{_BEFORE_WORD}{spelling}{_AFTER_WORD}"
    return spelling


# As html.escape writes them; that module brings all names of HTML, 430 kB in each process.
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}


def _any_form(letter: str) -> str:
    """One character: as it is, and in each notation that programs write it."""
    errors = "surrogateescape" if "\udc80" <= letter <= "\udcff" else "surrogatepass"
    encoded = letter.encode(errors=errors)
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in encoded)
    if letter.isascii() and letter.isalnum():
        return f"(?:{letter}|{percent})"
    hexadecimal = "".join(f"\\x{byte:02x}" for byte in encoded)
    forms = [
        letter,
        f"\\{letter}",
        f"\\\\{letter}",
        f"\\x{ord(letter):02x}",
        hexadecimal,
        _HTML.get(letter, letter),
        json.dumps(letter)[1:-1],
        letter.encode("unicode_escape", errors="backslashreplace").decode(),
        *(["?", "\ufffd", *(["\ufffd" * len(encoded)])] if not letter.isascii() else []),
    ]
    longest_first = sorted(set(forms), key=len, reverse=True)
    return f"(?:{percent}|{'|'.join(map(re.escape, longest_first))})"
