"""Paths in a configuration: each is marked in `stages.config`, and found here by its mark."""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from stages.config import LineConfig
from stages.model.model_choice import AUTO
from stages.model.zoo import is_shipped
from stages.readers.uri import beside

_Change = Callable[[str], str]


def expand_home(config: LineConfig) -> LineConfig:
    """The configuration with the home directory for each `~` that a path begins with."""
    changes: Mapping[str, _Change] = {
        "file": os.path.expanduser,
        "source": _expand_source,
        "model": os.path.expanduser,
        "endpoint": lambda endpoint: _change_socket(endpoint, os.path.expanduser),
    }
    return msgspec.convert(_change(msgspec.to_builtins(config), _type(), changes), LineConfig)


def resolve_beside(content: Any, folder: Path) -> Any:
    """What a configuration file says, with its relative paths below the folder of that file.

    Args:
        content: the file's, which need not be valid: what no path can be stays as it is.
        folder: where the file lies.
    """

    def resolve(path: str) -> str:
        return path if path.startswith("~") or not path else os.path.join(folder, path)

    changes: Mapping[str, _Change] = {
        "file": resolve,
        "source": lambda uri: beside(uri, folder),
        "model": lambda path: path if path == AUTO or is_shipped(path) else resolve(path),
        "endpoint": lambda endpoint: _change_socket(endpoint, resolve),
    }
    return _change(content, _type(), changes)


@cache
def _type() -> inspect.Type:
    return inspect.type_info(LineConfig)


def _change(content: Any, kind: inspect.Type, changes: Mapping[str, _Change]) -> Any:
    """The content with its paths changed, by their marks; `kind` is what it should be."""
    if isinstance(kind, inspect.Metadata):
        mark = (kind.extra or {}).get("path")
        if mark is not None and isinstance(content, str):
            return changes[mark](content)
        return _change(content, kind.type, changes)
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            content = _change(content, each, changes)
        return content
    if isinstance(kind, inspect.StructType) and isinstance(content, dict):
        types = {field.encode_name: field.type for field in kind.fields}
        return {
            key: _change(value, types[key], changes) if key in types else value
            for key, value in content.items()
        }
    if isinstance(kind, inspect.DictType) and isinstance(content, dict):
        return {key: _change(value, kind.value_type, changes) for key, value in content.items()}
    if isinstance(kind, inspect.CollectionType) and isinstance(content, list | tuple):
        return [_change(value, kind.item_type, changes) for value in content]
    return content


def _change_socket(endpoint: str, change: _Change) -> str:
    """The endpoint with the path of its socket changed, where it is one of this machine."""
    scheme, separator, address = endpoint.partition("://")
    return f"{scheme}://{change(address)}" if separator and scheme == "ipc" else endpoint


def _expand_source(uri: str) -> str:
    """A file that is called so is meant before any other."""
    return uri if os.path.lexists(uri) else os.path.expanduser(uri)
