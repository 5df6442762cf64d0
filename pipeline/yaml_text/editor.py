"""Changes values in a YAML text and leaves every other character as it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from pipeline.yaml_text import style
from pipeline.yaml_text.loader import load_yaml
from pipeline.yaml_text.nodes import Entry, Node, compose, line_end, line_start, next_line

_BOM = "\ufeff"


class NotEditable(Exception):
    """The text cannot be changed as it is wanted; the message says why."""


class _Edit(NamedTuple):
    """Another text for a part of the text."""

    start: int
    end: int
    text: str


def edit_yaml(text: str, before: Mapping[Any, Any], content: Mapping[Any, Any]) -> str:
    """The text with as few changes as give this content. Comments and styles stay.

    Args:
        text: a YAML document that holds a mapping.
        before: what `load_yaml` gives of it.
        content: the same, with other values where they shall differ.

    Raises:
        NotEditable: what differs is written once for several places.
        yaml.YAMLError: the text is not YAML.
    """
    bom = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    edits = _Editor(text).edits(compose(text), before, content)
    parts, at = [bom], 0
    for start, end, new in sorted(edits, key=itemgetter(0, 1)):
        parts += [text[at:start], new]
        at = end
    edited = "".join([*parts, text[at:]])
    if not _holds(edited, content):
        raise NotEditable(
            "what differs is written once for several places, by an anchor (&) or a merge key "
            "(<<), or in a way that is not known here"
        )
    return edited


def _holds(text: str, content: Mapping[Any, Any]) -> bool:
    try:
        return bool(load_yaml(text) == content)
    except Exception:  # noqa: BLE001 - whatever is wrong with the text: it is not used
        return False


class _Editor:
    """Compares what a text says with what it shall say, value by value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def edits(self, root: Node, before: Any, after: Any) -> Iterator[_Edit]:
        inner = self._within(root, before, after)
        if inner is None:
            inner = [_Edit(root.start, root.end, style.flow(after))]
        yield from inner

    def _differ(self, parent: Node, entry: Entry, before: Any, after: Any) -> list[_Edit]:
        """The edits of one entry, of which its key stays."""
        if before == after and isinstance(before, bool) == isinstance(after, bool):
            return []
        inner = self._within(entry.value, before, after)
        return [self._replace(parent, entry, after)] if inner is None else inner

    def _within(self, node: Node, before: Any, after: Any) -> list[_Edit] | None:
        """The edits in a collection; None if something else has to take its place."""
        if isinstance(before, Mapping) and isinstance(after, Mapping) and node.entries:
            return self._mapping(node, before, after)
        if isinstance(before, list) and isinstance(after, list) and node.entries:
            return self._sequence(node, before, after)
        return None

    def _mapping(
        self, node: Node, before: Mapping[Any, Any], after: Mapping[Any, Any]
    ) -> list[_Edit] | None:
        keys = {getattr(key, "written", str(key)): key for key in before}
        own = [(i, entry, keys[entry.key]) for i, entry in enumerate(node.entries)
               if entry.key in keys]  # fmt: skip
        gone = [i for i, _, key in own if key not in after]
        if len(gone) == len(node.entries):
            return None
        edits = [
            edit
            for _, entry, key in own
            if key in after
            for edit in self._differ(node, entry, before[key], after[key])
        ]
        written = {key for _, _, key in own}
        new = [(key, value) for key, value in after.items()
               if key not in written and (key not in before or before[key] != value)]  # fmt: skip
        last = max(set(range(len(node.entries))) - set(gone))
        pairs = [self._pair(node, key, value) for key, value in new]
        return [*edits, *self._remove(node, gone), *self._insert(node, last, pairs)]

    def _sequence(
        self, node: Node, before: Sequence[Any], after: Sequence[Any]
    ) -> list[_Edit] | None:
        """Equal items at both ends stay; the others change in their places, as many as there are
        of both.
        """
        head = _count_equal(before, after)
        tail = _count_equal(before[head:][::-1], after[head:][::-1])
        old, new = before[head : len(before) - tail], after[head : len(after) - tail]
        both = min(len(old), len(new))
        last = head + both - 1  # of those before what comes or goes
        if last < 0 and (new or not tail):
            return None
        rows = zip(node.entries[head:], old, new, strict=False)
        edits = [
            edit for entry, one, other in rows for edit in self._differ(node, entry, one, other)
        ]
        gone = range(last + 1, head + len(old))
        items = [self._item(node, value) for value in new[both:]]
        return [*edits, *self._remove(node, gone), *self._insert(node, last, items)]

    def _pair(self, node: Node, key: Any, value: Any) -> str:
        if node.is_flow:
            return f"{style.flow(key)}: {style.flow(value)}"
        column = self._column(node.entries[0].start) + style.INDENT
        return f"{style.flow(key)}:{style.block(value, column, self._newline)}"

    def _item(self, node: Node, value: Any) -> str:
        if node.is_flow:
            return style.flow(value)
        return f"-{style.item(value, self._column(node.entries[0].start), self._newline)}"

    def _replace(self, parent: Node, entry: Entry, after: Any) -> _Edit:
        """Another value for an entry."""
        node, column = entry.value, self._column(parent.entries[0].start)
        if parent.is_flow:
            gap = "" if self._text[node.start - 1] in " [{," else " "
            return _Edit(node.start, node.end, gap + style.flow(after))
        if entry.key is None:
            return _Edit(entry.value_from, node.end, style.item(after, column, self._newline))
        end_of_line = line_end(self._text, entry.value_from)
        comment = self._text[entry.value_from : end_of_line] if node.start > end_of_line else ""
        if node.is_flow or not isinstance(after, Mapping) or not after:
            return _Edit(entry.value_from, node.end, f" {style.flow(after)}{comment}")
        new = style.block(after, column + style.INDENT, self._newline)
        if node.start == node.end:  # nothing is written: a comment may follow the colon
            return _Edit(end_of_line, end_of_line, new)
        return _Edit(entry.value_from, node.end, comment + new)

    def _remove(self, node: Node, gone: Iterable[int]) -> Iterator[_Edit]:
        """Entries with their keys, but not all of the collection."""
        entries = node.entries
        for first, last in _runs(gone):
            start, end = entries[first].start, entries[last].end
            if not node.is_flow and self._text[line_start(self._text, start) : start].isspace():
                start, end = line_start(self._text, start), next_line(self._text, end)
            elif not node.is_flow and start == line_start(self._text, start):
                end = next_line(self._text, end)
            elif last + 1 < len(entries):
                end = entries[last + 1].start
            else:
                start = entries[first - 1].end
            yield _Edit(start, end, "")

    def _insert(self, node: Node, after: int, texts: Sequence[str]) -> Iterator[_Edit]:
        """Entries after the one of this number."""
        if not texts:
            return
        end = node.entries[after].end
        if node.is_flow:
            yield _Edit(end, end, "".join(f", {text}" for text in texts))
            return
        end = line_end(self._text, end)
        margin = self._newline + " " * self._column(node.entries[0].start)
        yield _Edit(end, end, "".join(margin + text for text in texts))

    def _column(self, at: int) -> int:
        return at - line_start(self._text, at)


def _count_equal(before: Sequence[Any], after: Sequence[Any]) -> int:
    """How many of the first items are equal."""
    pairs = zip(before, after, strict=False)
    return next((i for i, (one, other) in enumerate(pairs) if one != other),
                min(len(before), len(after)))  # fmt: skip


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of numbers without a gap, in ascending order."""
    first = last = None
    for number in sorted(numbers):
        if last is not None and first is not None and number != last + 1:
            yield first, last
            first = number
        elif first is None:
            first = number
        last = number
    if first is not None and last is not None:
        yield first, last
