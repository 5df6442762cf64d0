"""Values change in a YAML text; every other character stays."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.yaml_text.editor import NotEditable, edit_yaml
from pipeline.yaml_text.loader import load_yaml
from tests.examples import examples

LINE = """\
# My line.
sources:
  - uri: "rtsp://cam/1"     # the gate
    name: gate
    zones:   # where people walk
      yard: {polygon: [[0.10, 0.5], [0.9,   0.6], [.8, 1.0]], labels: [person]}   # ours

      # of the neighbours
      street:
        polygon:
        - [0, 0]   # left
        - [1, 0]
        - [1, 1]
        dwell_s: 60
  - uri: 0
    # nothing here yet
    zones:
track: {lost_s: 3}
log: INFO  # less is more
"""


def put(content: Any, path: str, value: Any) -> Any:
    """A copy with another value; `None` of Python stands for YAML's, `...` takes the key out."""
    content = copy.deepcopy(content)
    *parents, last = path.split(".")
    inner = content
    for part in parents:
        inner = inner[int(part)] if isinstance(inner, list) else inner.setdefault(part, {})
    if value is ...:
        del inner[last]
    else:
        inner[int(last) if isinstance(inner, list) else last] = value
    return content


def edited(text: str, *changes: tuple[str, Any]) -> str:
    content = load_yaml(text)
    for path, value in changes:
        content = put(content, path, value)
    new = edit_yaml(text, load_yaml(text), content)
    assert load_yaml(new) == content
    return new


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for before, after in pairs:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


ZONE = {"polygon": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], "labels": ["car"]}
FLOW = "{polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], labels: [car]}"
POLYGON = "polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]"

CASES: list[tuple[list[tuple[str, Any]], list[tuple[str, str]]]] = [
    ([("log", "DEBUG")], [("log: INFO  #", "log: DEBUG  #")]),
    ([("track.lost_s", 4)], [("{lost_s: 3}", "{lost_s: 4}")]),
    ([("track.low_score", 0.2)], [("{lost_s: 3}", "{lost_s: 3, low_score: 0.2}")]),
    ([("track.lost_s", ...)], [("{lost_s: 3}", "{}")]),
    ([("postprocess", {"sigma": 0.5})],
     [("log: INFO  # less is more\n",
       "log: INFO  # less is more\npostprocess:\n  sigma: 0.5\n")]),
    ([("sources.0.zones.yard.polygon.1.0", 0.7)], [("[0.9,   0.6]", "[0.7,   0.6]")]),
    ([("sources.0.zones.yard.labels", ["person", "dog: big"])],
     [("[person]", "[person, 'dog: big']")]),
    ([("sources.0.zones.yard.labels", [])], [("labels: [person]", "labels: []")]),
    ([("sources.0.zones.yard.dwell_s", 5)],
     [("labels: [person]}", "labels: [person], dwell_s: 5}")]),
    ([("sources.0.zones.street.polygon.1", [0.9, 0])], [("- [1, 0]", "- [0.9, 0]")]),
    ([("sources.0.zones.street.polygon", [[0, 0], [1, 0], [1, 1], [0, 1]])],
     [("        - [1, 1]\n", "        - [1, 1]\n        - [0, 1]\n")]),
    ([("sources.0.zones.street.polygon", [[0, 0], [1, 0.5], [0, 1]])],
     [("- [1, 0]\n        - [1, 1]", "- [1, 0.5]\n        - [0, 1]")]),
    ([("sources.0.zones.street.polygon", [[0, 0], [1, 0]])], [("        - [1, 1]\n", "")]),
    ([("sources.0.zones.street.dwell_s", ...)], [("        dwell_s: 60\n", "")]),
    ([("sources.0.zones.street", ...)],
     [("      street:\n        polygon:\n        - [0, 0]   # left\n        - [1, 0]\n"
       "        - [1, 1]\n        dwell_s: 60\n", "")]),
    ([("sources.0.zones.yard", ...)],
     [("      yard: {polygon: [[0.10, 0.5], [0.9,   0.6], [.8, 1.0]], labels: [person]}"
       "   # ours\n", "")]),
    ([("sources.0.zones.door", ZONE)],
     [("        dwell_s: 60\n",
       f"        dwell_s: 60\n      door:\n        {POLYGON}\n        labels: [car]\n")]),
    ([("sources.0.zones.street", ...), ("sources.0.zones.door", ZONE)],
     [("      street:\n        polygon:\n        - [0, 0]   # left\n        - [1, 0]\n"
       "        - [1, 1]\n        dwell_s: 60\n", ""),
      ("   # ours\n", f"   # ours\n      door:\n        {POLYGON}\n        labels: [car]\n")]),
    ([("sources.1.zones", {"door": ZONE})],
     [("    zones:\ntrack",
       f"    zones:\n      door:\n        {POLYGON}\n        labels: [car]\ntrack")]),
    ([("sources.1.lines", {"a": {"from": [0, 0], "to": [1, 1]}})],
     [("    zones:\ntrack",
       "    zones:\n    lines:\n      a:\n        from: [0, 0]\n        to: [1, 1]\ntrack")]),
    ([("sources.0.uri", "rtsp://cam/2")], [('"rtsp://cam/1"     #', "'rtsp://cam/2'     #")]),
    ([("sources.1.uri", ...)], [("  - uri: 0\n    # nothing here yet\n    zones:", "  - zones:")]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "pairs"), CASES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_what_changes_is_changed_where_it_stands(
    changes: list[tuple[str, Any]], pairs: list[tuple[str, str]], newline: str, bom: str
) -> None:
    text = bom + LINE.replace("\n", newline)
    assert edited(text, *changes) == bom + replaced(LINE, *pairs).replace("\n", newline)


def test_items_of_a_list_come_and_go() -> None:
    content = load_yaml(LINE)
    gate, yard = content["sources"]
    more = {**content, "sources": [gate, yard, {"uri": "1", "name": "door"}]}
    new = edit_yaml(LINE, content, more)
    assert new == replaced(
        LINE, ("    zones:\ntrack", "    zones:\n  - uri: '1'\n    name: door\ntrack")
    )
    assert edit_yaml(new, more, content) == LINE
    less = edit_yaml(LINE, content, {**content, "sources": [yard]})
    assert load_yaml(less)["sources"] == [yard]
    assert "# nothing here yet" in less
    assert less.endswith(LINE[LINE.index("  - uri: 0") :])


def test_all_zones_go_and_the_comment_of_their_key_stays() -> None:
    new = edited(LINE, ("sources.0.zones", {}))
    assert "    zones: {}   # where people walk\n  - uri: 0\n" in new


def test_an_alias_gets_a_value_of_its_own_and_what_it_stood_for_stays() -> None:
    text = "a: &zones {x: 1}\nb: *zones\nc: *zones # c\n"
    assert edited(text, ("b", {"x": 2})) == "a: &zones {x: 1}\nb:\n  x: 2\nc: *zones # c\n"


def test_a_key_of_a_merge_is_overridden() -> None:
    text = "base: &base\n  x: 1\n  y: 2\nmine:\n  <<: *base\n  z: 3\n"
    assert edited(text, ("mine.x", 5)) == text + "  x: 5\n"


@pytest.mark.parametrize(
    ("text", "changes"),
    [("a: &zones {x: 1}\nb: *zones\n", ("a.x", 2)),
     ("base: &b {x: 1}\nmine: {<<: *b, y: 2}\n", ("mine.x", ...))],
)  # fmt: skip
def test_what_is_written_once_for_several_places_is_refused(
    text: str, changes: tuple[str, Any]
) -> None:
    content = put(copy.deepcopy(load_yaml(text.replace("*zones", "{x: 1}"))), *changes)
    with pytest.raises(NotEditable, match="written once for several places"):
        edit_yaml(text, load_yaml(text), content)


def test_a_text_without_a_last_line_break() -> None:
    assert edited("a:\n  b: 1", ("a.c", 2)) == "a:\n  b: 1\n  c: 2"
    assert edited("a:\n  b: 1\n  c: |\n    long", ("a.b", ...)) == "a:\n  c: |\n    long"


def test_texts_of_many_lines_stay() -> None:
    text = "a: |\n  one\n  two\n\n\nb: >-\n  x\n\nc: 'q'\n"
    assert edited(text, ("d", 1)) == text + "d: 1\n"
    assert edited(text, ("a", "new")) == "a: new\n\n\nb: >-\n  x\n\nc: 'q'\n"


KEYS = st.sampled_from(["a", "b", "c", "yes", "7", "x y", "ä"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 99), st.sampled_from([0.5, 1e-7, 1e22]),
    st.sampled_from(["", "word", "no", "12:30", "# x", "a: b", "- c", "[", "ü\n\u2028", " s "]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


@examples(60)
@given(before=MAPPINGS, after=MAPPINGS, style=st.sampled_from([None, False, True]),
       indent=st.sampled_from([2, 4, 7]), crlf=st.booleans())  # fmt: skip
def test_any_content_can_take_the_place_of_any_other(
    before: Any, after: Any, style: bool | None, indent: int, crlf: bool
) -> None:
    text = yaml.safe_dump(before, default_flow_style=style, indent=indent, allow_unicode=True)
    text = text.replace("\n", "\r\n") if crlf else text
    assert load_yaml(edit_yaml(text, load_yaml(text), after)) == after


@examples(30)
@given(before=MAPPINGS, style=st.sampled_from([None, False, True]), crlf=st.booleans())
def test_the_same_content_changes_no_character(before: Any, style: bool | None, crlf: bool) -> None:
    text = yaml.safe_dump(before, default_flow_style=style, allow_unicode=True)
    text = text.replace("\n", "\r\n") if crlf else text
    assert edit_yaml(text, load_yaml(text), load_yaml(text)) == text
