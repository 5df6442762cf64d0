"""Bodies of requests: structures in which `{name}` stands for what happened.

Nothing is computed in a template, so whoever writes one can do no harm with it. A text that is one
placeholder alone becomes the value with its type; in longer texts values are written out. `{{` and
`}}` are braces.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}|[{}]")
_ALONE = re.compile(r"\{([A-Za-z_]\w*)\}")


class TemplateError(ValueError):
    """A placeholder that means nothing, or a brace without its other one."""


def check_template(template: Any, names: frozenset[str]) -> None:
    """Raises TemplateError."""
    for text in _texts(template):
        for part in _PART.finditer(text):
            if part[0] in ("{", "}"):
                raise TemplateError(
                    f"expected {{{{ and }}}} for braces, or {{name}}, got {_short(text)}"
                )
            if part[1] is not None and part[1] not in names:
                raise TemplateError(
                    f"expected one of {', '.join(sorted(names))} in braces, got {{{part[1]}}}"
                )


def names_in(template: Any) -> set[str]:
    """All placeholders of a template."""
    return {part[1] for text in _texts(template) for part in _PART.finditer(text) if part[1]}


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The structure with values in it; one that is not there is null, or nothing in a text."""
    if isinstance(template, str):
        return _fill_text(template, values)
    if isinstance(template, Mapping):
        return {_fill_text(str(k), values): fill(item, values) for k, item in template.items()}
    if isinstance(template, (list, tuple)):
        return [fill(item, values) for item in template]
    return template


def _fill_text(text: str, values: Mapping[str, Any]) -> Any:
    alone = _ALONE.fullmatch(text)
    if alone is not None:
        return values.get(alone[1])
    return _PART.sub(lambda part: _write(part, values), text)


def _write(part: re.Match[str], values: Mapping[str, Any]) -> str:
    if part[1] is None:
        return part[0][0]
    value = values.get(part[1])
    return "" if value is None else str(value)


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for key, item in template.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(template, (list, tuple)):
        for item in template:
            yield from _texts(item)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
