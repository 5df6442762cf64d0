"""Values as YAML, in the style of the place where they are put."""

from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.yaml_text.loader import WrittenFloat, WrittenInt

_ENDLESS = 1 << 30  # columns: no line is broken
INDENT = 2


class _Dumper(yaml.SafeDumper):
    """Numbers as they were written; nothing is written once for several places."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _as_written(dumper: yaml.SafeDumper, number: WrittenInt | WrittenFloat) -> yaml.ScalarNode:
    kind = "int" if isinstance(number, int) else "float"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", number.written)


_Dumper.add_representer(WrittenInt, _as_written)
_Dumper.add_representer(WrittenFloat, _as_written)
_Dumper.add_representer(tuple, yaml.SafeDumper.represent_list)


def flow(value: Any) -> str:
    """On one line, as `{...}`, `[...]` or a scalar that may stand anywhere."""
    text: str = yaml.dump(
        [value], Dumper=_Dumper, default_flow_style=True, width=_ENDLESS, allow_unicode=True,
        sort_keys=False,
    )  # fmt: skip
    return text.rstrip("\n")[1:-1]


def block(value: Any, column: int, newline: str) -> str:
    """What follows a colon: a mapping with its keys at this column, anything else as flow.

    It begins with a line break or a space.
    """
    if not isinstance(value, Mapping) or not value:
        return f" {flow(value)}"
    return "".join(
        f"{newline}{' ' * column}{flow(key)}:{block(inner, column + INDENT, newline)}"
        for key, inner in value.items()
    )


def item(value: Any, column: int, newline: str) -> str:
    """What follows a dash at this column; it begins with a space."""
    return " " + block(value, column + INDENT, newline).lstrip()
