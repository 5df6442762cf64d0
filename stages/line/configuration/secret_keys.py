"""Keys whose values are secrets, whatever they look like: who knows them may post in our name."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.credentials.patterns import HIDDEN

_SECTION = "webhook"
_KEYS = ("url", "headers")


def is_secret(path: Sequence[str | int]) -> bool:
    """Whether the text at this place of a configuration is one."""
    return bool(path) and path[0] == _SECTION and any(key in path for key in _KEYS)


def hide_secrets(value: Any, path: Sequence[str | int]) -> Any:
    """A copy of what is at this place, without its secrets."""
    if isinstance(value, str):
        return HIDDEN if is_secret(path) else value
    if isinstance(value, Mapping):
        return {key: hide_secrets(item, (*path, key)) for key, item in value.items()}
    return value
