"""Where in a YAML text its values are written, to the character."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # both give the same events
_DASH = re.compile(r"^( *)-(?=\s)", re.M)


class Node(NamedTuple):
    """A value of a text; `text[start:end]` is all of it, with its anchor."""

    start: int
    end: int
    is_flow: bool = False  # `[...]` or `{...}`
    entries: tuple["Entry", ...] = ()  # none of a scalar or an alias


class Entry(NamedTuple):
    """One of a mapping, or of a sequence: then it has no key."""

    start: int  # of the key, of the dash, or of the item where there is no dash
    key: str | None  # as it is written, without quotes
    value_from: int  # what follows the colon, or the dash
    value: Node

    @property
    def end(self) -> int:
        return max(self.value_from, self.value.end)


def compose(text: str) -> Node:
    """The one document of a text, which has no byte order mark. Raises yaml.YAMLError."""
    return _Composer(text).compose()


class _Composer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._events: Iterator[Any] = yaml.parse(text, _PARSER)
        self._last: Any = None  # event, of the end of the last collection

    def compose(self) -> Node:
        for event in self._events:
            if not isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
                return self._node(event)
        raise yaml.YAMLError("expected a document, got none")

    def _node(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            return Node(start, end)
        if isinstance(event, yaml.ScalarEvent):
            if event.style in ("|", ">"):  # it ends after the empty lines that follow it
                end = start + len(self._text[start:end].rstrip())
            return Node(start, end)
        of_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.flow_style:
            entries = tuple(self._pairs() if of_mapping else self._items())
            return Node(start, self._last.end_mark.index, True, entries)
        entries = tuple(self._pairs() if of_mapping else self._dashed(start))
        return Node(start, entries[-1].end if entries else start, False, entries)

    def _pairs(self) -> Iterator[Entry]:
        for event in self._inner():
            key = self._node(event)
            colon = self._text.find(":", key.end)
            written = event.value if isinstance(event, yaml.ScalarEvent) else None
            yield Entry(key.start, written, colon + 1, self._node(next(self._events)))

    def _items(self) -> Iterator[Entry]:
        for event in self._inner():
            value = self._node(event)
            yield Entry(value.start, None, value.start, value)

    def _dashed(self, start: int) -> Iterator[Entry]:
        """Items of a block; the first dash is there, or in a line after the anchor."""
        if self._text[start] != "-":
            found = _DASH.search(self._text, start)
            start = found.end() - 1 if found else start
        column = start - line_start(self._text, start)
        next_dash = re.compile(rf"^ {{{column}}}-(?=\s)", re.M)
        for event in self._inner():
            value = self._node(event)
            yield Entry(start, None, start + 1, value)
            found = next_dash.search(self._text, max(start + 1, value.end))
            start = found.end() - 1 if found else start

    def _inner(self) -> Iterator[Any]:
        """The first events of the nodes of a collection, up to its end."""
        for event in self._events:
            if isinstance(event, yaml.CollectionEndEvent):
                self._last = event
                return
            yield event


def line_start(text: str, at: int) -> int:
    """Where the line of this character begins."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Where the break of this line begins; the end of the text where there is none."""
    found = text.find("\n", at)
    if found < 0:
        return len(text)
    return found - 1 if text[at:found].endswith("\r") else found


def next_line(text: str, at: int) -> int:
    """Where the next line begins; the end of the text where there is none."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1
