"""What differs between two configurations, key by key, in words that hold no password."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from pipeline.config_file import Short
from pipeline.redact import redact
from stages.config import LineConfig
from stages.line.config_source import KeyPath, show_path
from stages.line.secret_keys import hide_secrets


class Difference(NamedTuple):
    """One key with two values; one that is not there is UNSET."""

    path: KeyPath
    before: Any
    after: Any

    @property
    def key(self) -> str:
        """The path, as errors name it."""
        return show_path(self.path)

    def __str__(self) -> str:
        return f"{self.key}: {self._show(self.before)} -> {self._show(self.after)}"

    def _show(self, value: Any) -> str:
        # With its name, which may say that it is a password.
        name = f"{self.path[-1]}: "
        shown = _SHORT.repr(hide_secrets(value, self.path))
        return redact(name + shown).removeprefix(name)


class _Written(Short):
    """Values as they are written in YAML, cut to a readable length."""

    def repr_NoneType(self, _value: None, _level: int) -> str:
        return "null"

    def repr_UnsetType(self, _value: Any, _level: int) -> str:
        return "nothing"

    def repr_bool(self, value: bool, _level: int) -> str:
        return str(value).lower()

    def repr_float(self, value: float, _level: int) -> str:
        return repr(int(value) if value.is_integer() else value)

    def repr_tuple(self, value: tuple[Any, ...], level: int) -> str:
        return self.repr_list(list(value), level)


_SHORT = _Written()


def find_differences(before: LineConfig, after: LineConfig) -> list[Difference]:
    """In the order of the keys; a list whose length differs is one value."""
    return list(_compare((), msgspec.to_builtins(before), msgspec.to_builtins(after)))


def with_difference(config: LineConfig, difference: Difference) -> LineConfig:
    """The configuration with what is after the difference, and nothing else changed.

    Raises:
        msgspec.ValidationError: it is none without the other differences.
    """
    content = _replace(msgspec.to_builtins(config), difference.path, difference.after)
    return msgspec.convert(content, LineConfig)


def _compare(path: KeyPath, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _compare((*path, key), before.get(key, UNSET), after.get(key, UNSET))
    elif _are_alike(before, after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _compare((*path, i), one, other)
    else:
        yield Difference(path, before, after)


def _are_alike(before: Any, after: Any) -> bool:
    """Whether both are lists of as many sections."""
    both = (before, after)
    if not all(isinstance(value, Sequence) and not isinstance(value, str) for value in both):
        return False
    are_sections = all(isinstance(item, Mapping) for value in both for item in value)
    return len(before) == len(after) and are_sections


def _replace(content: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    if isinstance(content, Mapping):
        items = {**content, key: _replace(content.get(key), tuple(rest), value)}
        return {key: item for key, item in items.items() if item is not UNSET}
    return [
        _replace(item, tuple(rest), value) if i == key else item for i, item in enumerate(content)
    ]
