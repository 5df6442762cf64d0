"""Paths in a configuration: each is marked in `stages.config`, and found here by its mark."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.credentials.references import Reference, begins_with_reference, change_references
from stages.config import REFERRING, LineConfig
from stages.line.configuration.marks import Change, change_config, change_marked
from stages.model.model_choice import AUTO
from stages.model.zoo import is_shipped
from stages.readers.uri import beside


def expand_home(config: LineConfig) -> LineConfig:
    """The configuration with the home directory for each `~` that a path begins with."""
    changes: Mapping[str, Change] = {
        "file": lambda _, path: os.path.expanduser(path),
        "source": lambda _, uri: _expand_source(uri),
        "model": lambda _, path: os.path.expanduser(path),
        "endpoint": lambda _, endpoint: _change_socket(endpoint, os.path.expanduser),
    }
    return change_config(config, changes)


def resolve_beside(content: Any, folder: Path) -> Any:
    """What a configuration file says, with its relative paths below the folder of that file.

    A path that begins with a reference leads wherever that says.

    Args:
        content: the file's, which need not be valid: what no path can be stays as it is.
        folder: where the file lies.
    """

    def resolve(path: str) -> str:
        is_elsewhere = path.startswith("~") or begins_with_reference(path) or not path
        return path if is_elsewhere else os.path.join(folder, path)

    def find_model(path: str) -> str:
        return path if path == AUTO or is_shipped(path) else resolve(path)

    def find_source(uri: str) -> str:
        return uri if begins_with_reference(uri) else beside(uri, folder)

    def resolve_reference(reference: Reference) -> Reference:
        is_file = reference.kind == "file"
        return reference._replace(what=resolve(reference.what)) if is_file else reference

    def after_references(change: Callable[[str], str]) -> Change:
        return lambda _, text: change(change_references(text, resolve_reference))

    changes: Mapping[str, Change] = {
        "file": after_references(resolve),
        "source": after_references(find_source),
        "model": after_references(find_model),
        "endpoint": after_references(lambda endpoint: _change_socket(endpoint, resolve)),
        "text": after_references(lambda text: text),
    }
    assert set(changes) == set(REFERRING), "each text that may refer is known here"
    return change_marked(content, changes)


def _change_socket(endpoint: str, change: Callable[[str], str]) -> str:
    """The endpoint with the path of its socket changed, where it is one of this machine."""
    scheme, separator, address = endpoint.partition("://")
    return f"{scheme}://{change(address)}" if separator and scheme == "ipc" else endpoint


def _expand_source(uri: str) -> str:
    """A file that is called so is meant before any other."""
    return uri if os.path.lexists(uri) else os.path.expanduser(uri)
