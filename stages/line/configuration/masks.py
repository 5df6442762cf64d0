"""The configuration as it may be shown: `***` for what is secret, and back again."""

import functools
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pipeline.config_file import ConfigError
from pipeline.credentials.patterns import HIDDEN
from pipeline.redact import redact
from stages.config import LineConfig
from stages.line.configuration.config_path import KeyPath, show_path
from stages.line.configuration.secret_keys import is_secret


def to_content(config: LineConfig) -> dict[str, Any]:
    """Every key with its value, as `build` takes it. File names that are no UTF-8 stay."""
    content: dict[str, Any] = json.loads(json.dumps(msgspec.to_builtins(config)))
    return content


def mask(content: Any) -> Any:
    """A copy whose texts hold no secret; they are UTF-8 then, whatever they were."""
    return _map(content, (), lambda path, text: _show(path, text))


def unmask(content: Any, secret: Any) -> Any:
    """A copy of shown content with the secrets that it had before it was shown.

    Args:
        content: the content of a configuration, perhaps changed since `mask` showed it.
        secret: the content in force.

    Raises:
        ConfigError: a text has `***` in it and is none that was shown there.
    """
    known = dict(_texts(secret, ()))

    @functools.cache
    def all_shown() -> dict[tuple[tuple[str, ...], str], set[str]]:
        found = defaultdict[tuple[tuple[str, ...], str], set[str]](set)
        for path, text in known.items():
            found[_kind(path), _show(path, text)].add(text)
        return found

    def reveal(path: KeyPath, text: str) -> str:
        if HIDDEN not in text and "\\udc" not in text:
            return text
        here = known.get(path)
        if here is not None and _show(path, here) == text:
            return here
        alike = all_shown().get((_kind(path), text), set())
        if len(alike) == 1:
            return next(iter(alike))
        if HIDDEN not in text:
            return text
        raise ConfigError(
            f"{show_path(path)}: expected a value without {HIDDEN}, or one as it was shown; "
            f"{'several are shown so' if alike else 'none is shown so'}, got {text[:200]}"
        )

    return _map(content, (), reveal)


def _show(path: KeyPath, text: str) -> str:
    """With its name, which may say that it is a password."""
    if is_secret(path):
        return HIDDEN
    name = next((f"{part}: " for part in reversed(path) if isinstance(part, str)), "")
    shown = redact(name + text).removeprefix(name)
    return shown.encode(errors="backslashreplace").decode()


def _kind(path: KeyPath) -> tuple[str, ...]:
    """The path without the numbers of items: a source may stand in another place."""
    return tuple(part for part in path if isinstance(part, str))


def _texts(content: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(content, str):
        yield path, content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _texts(value, (*path, key))
    elif isinstance(content, list):
        for i, value in enumerate(content):
            yield from _texts(value, (*path, i))


def _map(content: Any, path: KeyPath, change: Any) -> Any:
    if isinstance(content, str):
        return change(path, content)
    if isinstance(content, Mapping):
        return {key: _map(value, (*path, key), change) for key, value in content.items()}
    if isinstance(content, list):
        return [_map(value, (*path, i), change) for i, value in enumerate(content)]
    return content
