"""What a configuration file has to say so that it gives the configuration in force."""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import yaml

from pipeline.config_file import ConfigError
from pipeline.yaml_text.editor import NotEditable, edit_yaml
from pipeline.yaml_text.loader import load_yaml
from stages.config import LineConfig
from stages.line.configuration.config_path import KeyPath
from stages.line.configuration.config_source import ConfigReading, ConfigSource
from stages.line.configuration.differences import find_differences

_NO_FILE = "the line was started without a configuration file"


class Draft(NamedTuple):
    """A new text for the file; the old one if nothing is to be written."""

    reading: ConfigReading
    unsaved: tuple[str, ...] = ()  # what the file will not say, and why


def draft_file(source: ConfigSource, read: ConfigReading, wanted: LineConfig) -> Draft:
    """Change what differs in the text that was read, and nothing else.

    What the command line says stays out of the file.
    """
    if not source.is_named:
        return Draft(read, (_NO_FILE,))
    unsaved = []
    try:
        text = read.text.decode()
        content = before = load_yaml(text)
        known = read.config
        if source.command_line.overrides(("sources",)) is None:
            text = _with_names(text, before, known, wanted)
            content = before = load_yaml(text)
            content, known = _with_cameras(content, known, wanted)
        for difference in find_differences(known, wanted):
            key = source.command_line.overrides(difference.path)
            if key is not None:
                unsaved.append(f"{difference.key}: the command line gives {key}")
            else:
                content = _put(content, difference.path, _written(wanted, difference.path))
        new = source.parse(edit_yaml(text, before, content).encode())
        left = [
            difference.key
            for difference in find_differences(new.config, wanted)
            if source.command_line.overrides(difference.path) is None
        ]
    except UnicodeError:
        return Draft(read, (f"{source.path}: expected UTF-8",))
    except (NotEditable, ConfigError, yaml.YAMLError) as error:
        return Draft(read, (f"{source.path}: {error}",))
    if left:
        return Draft(read, (f"{source.path}: {', '.join(left)} cannot be changed alone",))
    return Draft(new, tuple(unsaved))


def _with_names(text: str, content: Any, known: LineConfig, wanted: LineConfig) -> str:
    """The text, in which a camera that has its name of its place has it in words, if it is to have
    another place.
    """
    places = {name: place for place, name in enumerate(wanted.camera_names)}
    named = [
        {**said, "name": name} if said.get("name") is None and places.get(name, i) != i else said
        for i, (name, said) in enumerate(zip(known.camera_names, content["sources"], strict=True))
    ]
    return edit_yaml(text, content, {**content, "sources": named})


def _with_cameras(content: Any, known: LineConfig, wanted: LineConfig) -> tuple[Any, LineConfig]:
    """The file's content with the cameras that are wanted, and the configuration that it gives.

    A camera that stays keeps what the file says of it, wherever it is in the list; others go, and
    new ones are written as somebody would write them.
    """
    written = dict(zip(known.camera_names, content["sources"], strict=True))
    sources = dict(zip(known.camera_names, known.sources, strict=True))
    named = zip(wanted.camera_names, wanted.sources, strict=True)
    cameras = [
        (written[name], sources[name]) if name in written else (_without_defaults(source), source)
        for name, source in named
    ]
    aligned = copy.copy(known)  # not checked: what else it says may not go with these cameras
    msgspec.structs.force_setattr(aligned, "sources", tuple(source for _, source in cameras))
    return {**content, "sources": [said for said, _ in cameras]}, aligned


def _written(value: Any, path: KeyPath) -> Any:
    """What is at the path of a configuration, as somebody would write it; UNSET if nothing is."""
    for part in path:
        if isinstance(value, msgspec.Struct):
            value = getattr(value, _field(value, part))
        elif isinstance(value, Mapping):
            value = value.get(part, msgspec.UNSET)
        else:
            value = value[part]
        if value is msgspec.UNSET:
            break
    return _without_defaults(value)


def _field(struct: msgspec.Struct, key: str | int) -> str:
    return next(field.name for field in msgspec.structs.fields(struct) if field.encode_name == key)


def _without_defaults(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {
            field.encode_name: _without_defaults(inner)
            for field in msgspec.structs.fields(value)
            if (inner := getattr(value, field.name)) != _default(field)
        }
    if isinstance(value, Mapping):
        return {key: _without_defaults(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [_without_defaults(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _put(content: Any, path: KeyPath, value: Any) -> Any:
    """A copy along the path, since an alias may stand for the same value elsewhere."""
    if not path:
        return value
    part, *rest = path
    if isinstance(content, list):
        return [_put(item, tuple(rest), value) if i == part else item
                for i, item in enumerate(content)]  # fmt: skip
    found = dict(content) if isinstance(content, Mapping) else {}
    # A name that is a number is one in the text.
    key = next((key for key in found if getattr(key, "written", key) == part), part)
    inner = _put(found.get(key), tuple(rest), value)
    if inner is msgspec.UNSET:
        found.pop(key, None)
    else:
        found[key] = inner
    return found
