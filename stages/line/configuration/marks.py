"""Texts of a configuration by their marks, which `stages.config` gives to their types."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from stages.config import LineConfig
from stages.line.configuration.config_path import KeyPath

Change = Callable[[KeyPath, str], str]


def change_marked(content: Any, changes: Mapping[str, Change]) -> Any:
    """A copy of what a configuration says, with its marked texts changed.

    Args:
        content: need not be valid: what has no place in a configuration stays as it is.
        changes: by mark; each gets the path of a text, and the text.
    """
    return _change(content, _type(), (), changes)


def change_config(config: LineConfig, changes: Mapping[str, Change]) -> LineConfig:
    """A copy of a configuration, with its marked texts changed."""
    return msgspec.convert(change_marked(msgspec.to_builtins(config), changes), LineConfig)


@cache
def _type() -> inspect.Type:
    return inspect.type_info(LineConfig)


def _change(content: Any, kind: inspect.Type, path: KeyPath, changes: Mapping[str, Change]) -> Any:
    if isinstance(kind, inspect.Metadata):
        change = changes.get((kind.extra or {}).get("mark", ""))
        if change is not None and isinstance(content, str):
            return change(path, content)
        return _change(content, kind.type, path, changes)
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            content = _change(content, each, path, changes)
        return content
    if isinstance(kind, inspect.StructType) and isinstance(content, dict):
        types = {field.encode_name: field.type for field in kind.fields}
        return {
            key: _change(value, types[key], (*path, key), changes) if key in types else value
            for key, value in content.items()
        }
    if isinstance(kind, inspect.DictType) and isinstance(content, dict):
        return {
            key: _change(value, kind.value_type, (*path, key), changes)
            for key, value in content.items()
        }
    if isinstance(kind, inspect.CollectionType) and isinstance(content, list | tuple):
        return [
            _change(value, kind.item_type, (*path, i), changes) for i, value in enumerate(content)
        ]
    return content
