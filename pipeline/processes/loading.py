"""What the target of a row names: a class, and the options that it takes."""

import importlib
from collections.abc import Mapping
from typing import Any

import msgspec


def load_target(target: str) -> Any:
    """The class behind `package.module:Class`."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def load(target: str, options: Mapping[str, Any]) -> tuple[Any, Any]:
    """The class behind a target, and the options of a process as it takes them."""
    loaded = load_target(target)
    return loaded, msgspec.convert(options, loaded.Options)
