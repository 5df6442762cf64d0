"""YAML into frozen structs: every mistake named with its path, its value and what was expected."""

import reprlib
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from pipeline.errors import LineError
from pipeline.redact import redact
from pipeline.yaml_text.loader import EndlessAlias, RepeatedKey, load_yaml

T = TypeVar("T", bound=msgspec.Struct)

_MOST_BYTES = 1 << 20  # of a file


class Short(reprlib.Repr):
    """Values cut to a readable length, credentials first: half of one may be left otherwise."""

    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(redact(x), level)


_SHORT = Short()  # aliases can make a value of some bytes print as gigabytes
_SHORT.maxstring = _SHORT.maxother = 200
_SHORT.maxlevel = 3


class ConfigError(LineError):
    """The configuration cannot be used as it is."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file."""
    return parse_mapping(read_text(path), f"configuration {path}")


def read_text(path: Path) -> bytes:
    """The bytes of a configuration."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"configuration {path}: {error.strerror}") from None
    if len(text) > _MOST_BYTES:
        raise ConfigError(f"configuration {path}: expected at most {_MOST_BYTES} bytes, got more")
    return text


def parse_mapping(text: str | bytes, origin: str) -> dict[str, Any]:
    """The mapping that a YAML text is."""
    content = _parse_yaml(text, origin)
    if not isinstance(content, dict):
        raise ConfigError(f"{origin}: expected keys and values, got {_kind(content)}")
    return content


def set_key(content: dict[str, Any], assignment: str) -> None:
    """Apply one `a.b=value` in place; the value is YAML."""
    key, equals, text = assignment.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set: expected key=value, got '{assignment}'")
    *parents, last = key.strip().split(".")
    node: Any = content
    for i, parent in enumerate(parents):
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise ConfigError(f"--set: '{'.'.join(parents[: i + 1])}' has no keys of its own")
    node[last] = _parse_yaml(text, f"--set {key}")


def build(content: Mapping[str, Any], kind: type[T], origin: str) -> T:
    """The struct that the content describes. A number stands for its text where text is expected.

    Raises:
        ConfigError: unknown key, wrong type or value out of range.
    """
    _check_keys(content, kind, "", origin)
    content = _as_meant(content, kind)
    try:
        return msgspec.convert(content, kind)
    except UnicodeEncodeError as error:  # of a text where one of some words is expected
        where = _find(content, error.object)
        raise ConfigError(
            f"{origin}: {where}: expected UTF-8, got {_SHORT.repr(error.object)}"
        ) from None
    except msgspec.ValidationError as error:
        said = str(error).replace(" - at `key` in `$.", " as a name - at `$.")
        text, _, path = said.partition(" - at `$.")
        where = _name_key(content, kind, path.rstrip("`"))
        value = _look_up(content, where)
        got = f", got {_SHORT.repr(value)}" if where and value is not None else ""
        raise ConfigError(f"{origin}: {where + ': ' if where else ''}{text}{got}") from None


def _name_key(content: Mapping[str, Any], kind: Any, path: str) -> str:
    """The path of a mistake with the key for which msgspec writes `[...]`."""
    before, dots, rest = path.partition("[...]")
    values = _look_up(content, before)
    if not dots or not isinstance(values, Mapping):
        return path
    for key, value in values.items():
        try:
            msgspec.convert(_with(content, before, {key: value}), kind)
        except UnicodeEncodeError:
            continue
        except msgspec.ValidationError as error:
            if f"$.{path}`" in str(error):
                return f"{before}.{key}{rest}"
    return path


def _as_meant(content: Any, kind: Any) -> Any:
    """The content with each number as the kind of its place demands: a name, or a plain number."""
    options = _options(kind)
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        if str in options and not {int, float} & set(options):
            return getattr(content, "written", str(content))
        return int(content) if isinstance(content, int) else float(content)
    for option in options:
        origin, arguments = typing.get_origin(option), typing.get_args(option)
        if isinstance(content, Mapping) and isinstance(option, type):
            if _is_struct(option):
                fields = _fields(option)
                return {key: _as_meant(value, fields[key]) for key, value in content.items()}
        elif isinstance(content, Mapping) and origin is dict:
            names, values = arguments
            return {_as_meant(key, names): _as_meant(value, values)
                    for key, value in content.items()}  # fmt: skip
        elif isinstance(content, list) and origin is tuple:
            kinds = [kind for kind in arguments if kind is not Ellipsis]
            return [_as_meant(item, kinds[min(i, len(kinds) - 1)])
                    for i, item in enumerate(content)]  # fmt: skip
    return content


def _options(kind: Any) -> list[Any]:
    """The kinds behind Annotated and unions."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _options(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [option for argument in arguments for option in _options(argument)]
    return [kind]


def _parse_yaml(text: str | bytes, origin: str) -> Any:
    try:
        return load_yaml(text)
    except (RepeatedKey, EndlessAlias) as error:
        raise ConfigError(f"{origin}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{origin}: not YAML: {_one_line(error)}") from None


def _check_keys(content: Any, kind: Any, path: str, origin: str) -> None:
    """Refuse unknown keys here rather than in msgspec, which does not name the nearest one."""
    for option in _options(kind):
        inner = typing.get_args(option)
        if typing.get_origin(option) is tuple and isinstance(content, list):
            for i, item in enumerate(content):
                _check_keys(item, inner[0], f"{path}[{i}]", origin)
        elif typing.get_origin(option) is dict and isinstance(content, Mapping):
            for key, value in content.items():
                _check_keys(value, inner[1], f"{path}.{key}", origin)
        elif _is_struct(option) and isinstance(content, Mapping):
            fields = _fields(option)
            for key, value in content.items():
                where = f"{path}.{key}".lstrip(".")
                if key not in fields:
                    raise ConfigError(f"{origin}: unknown key '{where}'{nearest(str(key), fields)}")
                _check_keys(value, fields[key], where, origin)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


@cache
def _fields(struct: Any) -> dict[str, Any]:
    """The types of a section's keys."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}


def nearest(key: str, known: Iterable[str]) -> str:
    """What may have been meant by an unknown key, as the end of an error message."""
    import difflib  # wanted seldom

    close = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f": did you mean '{close[0]}'?" if close else f": expected one of {', '.join(known)}"


def _look_up(content: Any, path: str) -> Any:
    for part in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(content, Mapping):
            content = content.get(part)
        elif isinstance(content, list) and part.isdecimal() and int(part) < len(content):
            content = content[int(part)]
        else:
            return None
    return content


def _with(content: Any, path: str, value: Any) -> Any:
    """The content with another value at a path, which it has."""
    part, _, rest = path.replace("[", ".").replace("]", "").partition(".")
    if isinstance(content, list):
        index = int(part)
        inner = _with(content[index], rest, value) if rest else value
        return [*content[:index], inner, *content[index + 1 :]]
    return {**content, part: _with(content[part], rest, value) if rest else value}


def _find(content: Any, wanted: str, path: str = "") -> str:
    """The path of a text; empty if it is not there."""
    if isinstance(content, str):
        return path if content == wanted else ""
    items: Iterable[tuple[str, Any]] = ()
    if isinstance(content, Mapping):
        items = ((f"{path}.{key}".lstrip("."), value) for key, value in content.items())
    elif isinstance(content, list):
        items = ((f"{path}[{i}]", value) for i, value in enumerate(content))
    return next((found for where, value in items if (found := _find(value, wanted, where))), "")


def _one_line(error: Exception) -> str:
    """What is wrong and where. The text itself, which PyYAML quotes, may hold half a password."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = ", ".join(filter(None, (error.context, error.problem)))
        return where + " ".join(what.split())
    return " ".join(str(error).split())


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
