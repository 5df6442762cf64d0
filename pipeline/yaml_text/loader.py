"""YAML as people write it: what PyYAML would drop or change in silence is refused or kept."""

import codecs
import re
from collections.abc import Hashable
from typing import Any, NamedTuple

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

_Bases: Any = type("_Bases", (Composer, SafeConstructor), {})  # which a parser completes
_PurePython: Any = type("_PurePython", (Reader, Scanner, Parser), {})
_Libyaml: Any = getattr(
    getattr(yaml, "cyaml", None), "CParser", None
)  # None: PyYAML was built without it

_MERGE = "tag:yaml.org,2002:merge"  # the key `<<`
_DATE = "tag:yaml.org,2002:timestamp"
# With what aliases stand for: some bytes of them can unfold to gigabytes.
_MOST_VALUES = 1 << 20
_MOST_LEVELS = 64
_MOST_EXPLAINED = 1 << 16  # characters of a text whose mistake is looked for by a slow parser
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
    try:
        return yaml.load(text, _FastLoader)
    except (RepeatedKey, EndlessAlias):
        raise
    except (yaml.YAMLError, ValueError) as error:
        # PyYAML's own parser takes bytes that are no UTF-8, and says better what is wrong.
        if isinstance(error, yaml.YAMLError) and len(text) > _MOST_EXPLAINED:
            raise
        return yaml.load(text, _SlowLoader)


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


class _DatesAreTexts(Resolver):
    """Which plain words are numbers, and so on."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as its base
        first: [(tag, regexp) for tag, regexp in resolvers if tag != _DATE]
        for first, resolvers in Resolver.yaml_implicit_resolvers.items()
    }


class _Strict(_Bases, _DatesAreTexts):  # type: ignore[misc]
    """YAML with four differences, all for what people write.

    Keys are unique in a mapping, as YAML demands. Numbers remember their text, and dates are text:
    files and folders have such names. Bytes that are no UTF-8 pass as Python's file names do.
    Nothing holds itself.
    """

    def __init__(self) -> None:
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._extent = _NO_EXTENT  # of what has been read of the node that is being read
        self._extents: dict[str, _Extent] = {}  # by anchor

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()
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
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
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


_Strict.add_constructor("tag:yaml.org,2002:int", _Strict.construct_yaml_int)
_Strict.add_constructor("tag:yaml.org,2002:float", _Strict.construct_yaml_float)


class _SlowLoader(_PurePython, _Strict):  # type: ignore[misc]
    """With PyYAML's parser: ten times slower than libyaml, and it takes any bytes."""

    NON_PRINTABLE = re.compile(  # PyYAML's own, and surrogates
        r"[^\t\n\r -~\x85\xa0-\ud7ff\udc80-\udcff\ue000-\ufffd\U00010000-\U0010ffff]"
    )

    def __init__(self, stream: Any) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)
        _Strict.__init__(self)


class _FastLoader(_Strict, _Libyaml or _PurePython):  # type: ignore[misc]
    """With the parser of libyaml, where there is one."""

    def __init__(self, stream: Any) -> None:
        _Libyaml.__init__(self, stream)
        _Strict.__init__(self)
