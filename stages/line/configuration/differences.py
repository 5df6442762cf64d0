"""What differs between two configurations, key by key, in words that hold no password."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from pipeline.config_file import Short
from pipeline.redact import redact
from stages.config import LineConfig
from stages.line.configuration.config_path import KeyPath, show_path
from stages.line.configuration.secret_keys import hide_secrets


class Difference(NamedTuple):
    """One key with two values; one that is not there is UNSET.

    `camera` is the name of the source that the key is of, or that comes or goes.
    """

    path: KeyPath
    before: Any
    after: Any
    camera: str | None = None

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
    """In the order of the keys; a list whose length differs is one value.

    Sources are told apart by name. Their number in a path is that of the configuration that has
    them, the new one where both do.
    """
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    sources = _compare_sources(_take_sources(before, old), _take_sources(after, new))
    return [*sources, *_compare((), old, new)]


def with_difference(config: LineConfig, difference: Difference) -> LineConfig:
    """The configuration with what is after the difference, and nothing else changed.

    Raises:
        msgspec.ValidationError: it is none without the other differences.
    """
    content = msgspec.to_builtins(config)
    if difference.camera is None:
        return msgspec.convert(_replace(content, difference.path, difference.after), LineConfig)
    sources = _take_sources(config, content)
    _, _, *path = difference.path
    source = _replace(sources.get(difference.camera), tuple(path), difference.after)
    if source is UNSET:
        del sources[difference.camera]
    else:
        sources[difference.camera] = source
    named = [{**source, "name": name} for name, source in sources.items()]
    return msgspec.convert(content | {"sources": named}, LineConfig)


def _take_sources(config: LineConfig, content: dict[str, Any]) -> dict[str, Any]:
    """The sources by name, taken out of the content; without the names."""
    return {
        name: {key: value for key, value in source.items() if key != "name"}
        for name, source in zip(config.camera_names, content.pop("sources"), strict=True)
    }


def _compare_sources(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    for number, (name, source) in enumerate(before.items()):
        if name not in after:
            yield Difference(("sources", number), source, UNSET, name)
    for number, (name, source) in enumerate(after.items()):
        path = ("sources", number)
        if name not in before:
            yield Difference(path, UNSET, source, name)
            continue
        for difference in _compare(path, before[name], source):
            yield difference._replace(camera=name)


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
