"""YAML as people write it: what PyYAML would drop or change in silence is refused or kept."""

import codecs
import re
from collections.abc import Hashable
from typing import Any, NamedTuple

import yaml

_MERGE = "tag:yaml.org,2002:merge"  # the key `<<`
_DATE = "tag:yaml.org,2002:timestamp"
# With what aliases stand for: some bytes of them can unfold to gigabytes.
_MOST_VALUES = 1 << 20
_MOST_LEVELS = 64
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def load_yaml(text: str | bytes) -> Any:
    """Plain data; numbers know how they were written.

    Raises:
        RepeatedKey: a mapping has a key twice.
        EndlessAlias: an alias stands for something that holds it, or for too much.
        yaml.YAMLError, ValueError, RecursionError: it is not YAML. PyYAML lets through what Python
            says of a number with too many digits, or of too many levels.
    """
    if isinstance(text, bytes) and not text.startswith(_UTF16):
        text = text.decode(errors="surrogateescape")
    return yaml.load(text, _Loader)


class WrittenInt(int):
    """A number that knows how it was written: `0123` may be meant as a name."""

    written: str


class WrittenFloat(float):
    """See `WrittenInt`: `1.10` may be meant as a name."""

    written: str


class RepeatedKey(yaml.YAMLError):
    """A key that a mapping has twice. PyYAML would keep the last value and drop the first."""


class EndlessAlias(yaml.YAMLError):
    """An alias with which the data have no end, or none that can be waited for."""


class _Extent(NamedTuple):
    """Of a part of a file, unfolded."""

    values: int
    levels: int

    def within(self) -> "_Extent":
        """Of the node that holds it."""
        return _Extent(self.values + 1, self.levels + 1)

    def beside(self, other: "_Extent") -> "_Extent":
        return _Extent(self.values + other.values, max(self.levels, other.levels))


_NO_EXTENT = _Extent(0, 0)


class _Loader(yaml.SafeLoader):
    """YAML with four differences, all for what people write.

    Keys are unique in a mapping, as YAML demands. Numbers remember their text, and dates are text:
    files and folders have such names. Bytes that are no UTF-8 pass as Python's file names do.
    Nothing holds itself.
    """

    NON_PRINTABLE = re.compile(  # type: ignore[misc]  # PyYAML's own, and surrogates
        r"[^\t\n\r -~\x85\xa0-\ud7ff\udc80-\udcff\ue000-\ufffd\U00010000-\U0010ffff]"
    )

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._extent = _NO_EXTENT  # of what has been read of the node that is being read
        self._extents: dict[str, _Extent] = {}  # by anchor

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        anchor, line = event.anchor, event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            if anchor in self.anchors and anchor not in self._extents:
                raise EndlessAlias(f"line {line}: *{anchor} stands for something that it is in")
            node = super().compose_node(parent, index)
            extent = self._extents[anchor]
        else:
            before, self._extent = self._extent, _NO_EXTENT
            node = super().compose_node(parent, index)
            extent, self._extent = self._extent.within(), before
            if anchor is not None:
                self._extents[anchor] = extent
        self._extent = self._extent.beside(extent)
        if self._extent.values > _MOST_VALUES or self._extent.levels > _MOST_LEVELS:
            raise EndlessAlias(
                f"line {line}: expected {_MOST_VALUES} values in {_MOST_LEVELS} levels at most, "
                "with those that aliases stand for, got more"
            )
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        first: dict[Any, int] = {}  # line of each key
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _MERGE:
                continue
            key, line = self.construct_object(key_node), key_node.start_mark.line + 1
            if not isinstance(key, Hashable):  # refused when the mapping is made
                continue
            if key in first:
                raise RepeatedKey(
                    f"line {line}: key '{key_node.value}' is given twice; it is in line "
                    f"{first[key]} too"
                )
            first[key] = line
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> WrittenInt:
        number = WrittenInt(super().construct_yaml_int(node))
        number.written = node.value
        return number

    def construct_yaml_float(self, node: yaml.ScalarNode) -> WrittenFloat:
        number = WrittenFloat(super().construct_yaml_float(node))
        number.written = node.value
        return number


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != _DATE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)
