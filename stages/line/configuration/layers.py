"""Configurations that are laid on top of what the file says, such as those that a fleet pushes.

A layer is a merge patch (RFC 7396) in JSON, in which `sources` has patches by the names of cameras;
`*` stands for all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.config_file import ConfigError
from stages.line.configuration.edits import merge_patch, read_json
from stages.services.line_control import Layer

_ALL = "*"
_SOURCES = "sources"


class Layered(NamedTuple):
    """The content of a configuration, and the cameras of the layers that it does not have."""

    content: dict[str, Any]
    absent: tuple[str, ...]


def apply_layers(
    layers: Sequence[Layer], content: dict[str, Any], cameras: Sequence[str]
) -> Layered:
    """Each layer goes over the one before.

    A camera that is not there is added where the layer has a `uri` for it, and passed over
    otherwise: one layer may be for boards with different cameras.

    Args:
        content: of the configuration below, with `cameras` as the names of its sources.

    Raises:
        NotReadable, ConfigError: a layer is no layer.
    """
    sources = dict(zip(cameras, content[_SOURCES], strict=True))
    absent = dict[str, None]()
    for layer in layers:
        patch = read_json(layer.text, layer.name)
        patches = patch.pop(_SOURCES, {})
        if not isinstance(patches, Mapping):
            raise ConfigError(
                f"{layer.name}: sources: expected cameras by their names, got "
                f"{type(patches).__name__}"
            )
        content = merge_patch(content, patch)
        absent |= dict.fromkeys(_apply_to_cameras(patches, sources))
    merged = {**content, _SOURCES: list(sources.values())}
    return Layered(merged, tuple(name for name in absent if name not in sources))


def _apply_to_cameras(patches: Mapping[str, Any], sources: dict[str, Any]) -> list[str]:
    """Changes `sources` in place; returns the cameras that are not among them."""
    absent = []
    named = {name: patch for name, patch in patches.items() if name != _ALL}
    for_all = dict.fromkeys(sources, patches[_ALL]) if _ALL in patches else {}
    for name, patch in (*for_all.items(), *named.items()):
        if patch is None:
            sources.pop(name, None)
        elif name in sources:
            sources[name] = merge_patch(sources[name], patch)
        elif isinstance(patch, Mapping) and "uri" in patch:
            sources[name] = {"name": name, **merge_patch({}, patch)}
        else:
            absent.append(name)
    return absent
