"""From what a service asks for to the content of a configuration."""

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, assert_never

from pipeline.config_file import ConfigError, nearest, parse_mapping
from stages.services.line_control import (
    CameraSwitches,
    CameraZones,
    Document,
    NewCamera,
    NoCamera,
    Region,
)

_BODY = "body"
_SECTIONS = ("zones", "lines")
_SWITCHES = ("detect", "record")

Edit = Document | CameraZones | CameraSwitches | Region | NewCamera | NoCamera


class NotReadable(ConfigError):
    """What was sent is no JSON, or no YAML."""


class NotThere(ConfigError):
    """What is asked for does not exist."""


class AlreadyThere(ConfigError):
    """What is to be added exists."""


def edit_content(to: Edit, content: dict[str, Any], cameras: Sequence[str]) -> dict[str, Any]:
    """A copy of the content of a configuration, changed as it is wanted.

    Raises:
        NotReadable, NotThere, AlreadyThere, ConfigError.
    """
    match to:
        case Document():
            wanted = _read_document(to)
            merged: dict[str, Any] = merge_patch(content, wanted) if to.is_patch else wanted
            return merged
        case CameraZones():
            zones = _read_some(to.text, _SECTIONS)
            return _with_sections(content, find_camera(to.camera, cameras), zones)
        case CameraSwitches():
            switches = _read_some(to.text, _SWITCHES)
            given = {name: is_on for name, is_on in switches.items() if is_on is not None}
            return _with_sections(content, find_camera(to.camera, cameras), given)
        case Region():
            number = find_camera(to.camera, cameras)
            regions = dict(content["sources"][number][to.section])
            if to.text is not None:
                regions[to.name] = read_json(to.text)
            elif regions.pop(to.name, None) is None:
                raise NotThere(f"no {to.section[:-1]} '{to.name}'; there are {_list(regions)}")
            return _with_sections(content, number, {to.section: regions})
        case NewCamera():
            return _with_camera(content, read_json(to.text), cameras)
        case NoCamera():
            return _without_camera(content, find_camera(to.camera, cameras), cameras)
        case _:
            assert_never(to)


def find_camera(name: str, cameras: Sequence[str]) -> int:
    """Raises NotThere."""
    if name not in cameras:
        raise NotThere(f"no camera '{name}'; there are {_list(cameras)}")
    return cameras.index(name)


def _with_camera(
    content: dict[str, Any], source: dict[str, Any], cameras: Sequence[str]
) -> dict[str, Any]:
    name = source.get("name")
    if name is None:
        name = next(free for i in count() if (free := f"cam{i}") not in cameras)
    if name in cameras:
        raise AlreadyThere(f"there is a camera '{name}' already: remove it first, or change it")
    return {**content, "sources": [*content["sources"], {**source, "name": name}]}


def _without_camera(content: dict[str, Any], number: int, cameras: Sequence[str]) -> dict[str, Any]:
    """The others keep their names, also those that have them of their places."""
    named = [
        {**source, "name": name} for source, name in zip(content["sources"], cameras, strict=True)
    ]
    return {**content, "sources": [*named[:number], *named[number + 1 :]]}


def merge_patch(content: Any, patch: Any) -> Any:
    """RFC 7396: mappings are merged, null takes a key away, anything else takes the place."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(content) if isinstance(content, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _read_document(document: Document) -> dict[str, Any]:
    if document.syntax == "json":
        return read_json(document.text)
    try:
        return parse_mapping(document.text, _BODY)
    except ConfigError as error:
        raise NotReadable(str(error)) from None


def _read_some(text: bytes, keys: Sequence[str]) -> dict[str, Any]:
    """A document with some of these keys."""
    found = read_json(text)
    for name in found:
        if name not in keys:
            raise ConfigError(f"unknown key '{name}'{nearest(name, keys)}")
    return found


def _with_sections(
    content: dict[str, Any], number: int, sections: Mapping[str, Any]
) -> dict[str, Any]:
    sources = list(content["sources"])
    sources[number] = {**sources[number], **sections}
    return {**content, "sources": sources}


def read_json(text: bytes, what: str = _BODY) -> dict[str, Any]:
    """Raises NotReadable, which says of what."""
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotReadable(f"{what}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise NotReadable(f"{what}: expected keys and values, got {type(found).__name__}")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key '{twice[:70]}' is given twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"expected a number, got {constant}")


def _list(names: Any) -> str:
    return ", ".join(names) or "none"
