"""YAML as people write it: what PyYAML would drop or change in silence is refused or kept."""

import codecs
import re
from collections.abc import Hashable
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"  # the key `<<`
_DATE = "tag:yaml.org,2002:timestamp"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def load_yaml(text: str | bytes) -> Any:
    """Plain data; numbers know how they were written.

    Raises:
        RepeatedKey: a mapping has a key twice.
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


class _Loader(yaml.SafeLoader):
    """YAML with three differences, all for what people write.

    Keys are unique in a mapping, as YAML demands. Numbers remember their text, and dates are text:
    files and folders have such names. Bytes that are no UTF-8 pass as Python's file names do.
    """

    NON_PRINTABLE = re.compile(  # type: ignore[misc]  # PyYAML's own, and surrogates
        r"[^\t\n\r -~\x85\xa0-\ud7ff\udc80-\udcff\ue000-\ufffd\U00010000-\U0010ffff]"
    )

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
