"""Configurations that no user would write: each is accepted, or refused in one line."""

import itertools
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config_file import ConfigError, build, read_yaml
from pipeline.errors import LineError
from stages.config import LineConfig
from stages.graph import ROWS
from stages.line.line import Line
from tests.examples import examples
from tests.fuzz.damage import damage
from tests.running_line import REPOSITORY

SCHEMA: dict[str, Any] = msgspec.json.schema(LineConfig)["$defs"]
ACROSS_KEYS = (
    "names that differ",
    "{camera} in the path",
    "publish.secret_key too",
    "at least first_s",
    "record.folder too",
    "no cameras in record.keep.messages",
    "one of url, url_file and url_env",
    "secret_file or secret_env",
    "web.certificate too",
)
YAML_FILES = [path.read_bytes() for path in sorted((REPOSITORY / "configs/pipeline").glob("*"))]
MOST_SAID = 2000  # characters: an error is for a terminal

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
odd: st.SearchStrategy[Any] = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)


def admitted(said: dict[str, Any], wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values that a part of the schema admits; now and then one of `wrong` in their place."""
    return st.integers(0, 19).flatmap(
        lambda dice: wrong if dice == 0 and not wrong.is_empty else _admitted(said, wrong)
    )


def _admitted(said: dict[str, Any], wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if "$ref" in said:
        return _struct(SCHEMA[said["$ref"].rpartition("/")[2]], wrong)
    if "anyOf" in said:
        return st.one_of([admitted(option, wrong) for option in said["anyOf"]])
    if "enum" in said:
        return st.sampled_from(said["enum"])
    if "type" not in said:
        return plain
    kind = said["type"]
    if kind == "array" and "prefixItems" in said:
        return st.tuples(*(admitted(item, wrong) for item in said["prefixItems"])).map(list)
    if kind == "array":
        most = min(said.get("maxItems", 3), 3)
        items = admitted(said["items"], wrong)
        return st.lists(items, min_size=said.get("minItems", 0), max_size=most)
    if kind == "string":
        pattern = said.get("pattern")
        return st.from_regex(pattern) if pattern else st.text(min_size=said.get("minLength", 0))
    if kind in ("integer", "number"):
        return _number(said, kind)
    if kind == "object":
        return st.dictionaries(
            _names(said.get("propertyNames")),
            admitted(said.get("additionalProperties", {}), wrong),
            min_size=said.get("minProperties", 0),
            max_size=3,
        )
    return {"boolean": st.booleans(), "null": st.none()}[kind]


def _names(said: dict[str, Any] | None) -> st.SearchStrategy[str]:
    """Keys of a mapping; those of rows where the schema admits any."""
    if said is not None and "enum" in said:
        return st.sampled_from(said["enum"])
    if said is not None and "pattern" in said:
        return st.from_regex(said["pattern"], fullmatch=True)
    return st.sampled_from([row.name for row in ROWS]) | st.text(max_size=5)


def _number(said: dict[str, Any], kind: str) -> st.SearchStrategy[Any]:
    if kind == "integer":
        return st.integers(said.get("minimum"), said.get("maximum"))
    return st.floats(
        said.get("minimum", said.get("exclusiveMinimum")),
        said.get("maximum", said.get("exclusiveMaximum")),
        exclude_min="exclusiveMinimum" in said,
        exclude_max="exclusiveMaximum" in said,
        allow_nan=False, allow_infinity=False,
    )  # fmt: skip


def _struct(said: dict[str, Any], wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = {name: admitted(field, wrong) for name, field in said["properties"].items()}
    needed = {name: fields.pop(name) for name in said.get("required", ())}
    return st.fixed_dictionaries(needed, optional=fields)


def try_build(content: dict[str, Any]) -> str:
    """Why the content is refused; nothing when it is not."""
    said = ""
    try:
        build(content, LineConfig, "line.yaml")
    except ConfigError as error:
        said = str(error)
    assert len(said) < MOST_SAID
    return said


@given(_struct(SCHEMA["LineConfig"], st.nothing()))
@examples(25)
def test_what_the_schema_admits_is_accepted(content: dict[str, Any]) -> None:
    refused = try_build(content)
    assert not refused or any(rule in refused for rule in ACROSS_KEYS)


@given(_struct(SCHEMA["LineConfig"], odd))
@examples(50)
def test_a_wrong_value_is_refused_and_nothing_else_happens(content: dict[str, Any]) -> None:
    try_build(content)


@given(st.sampled_from(YAML_FILES), st.integers(0, 2**32))
@examples(150)
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "line.yaml"
    path.write_bytes(damage(text, seed))
    try:
        content = read_yaml(path)
    except ConfigError:
        return
    try_build(content)


@given(st.sampled_from(YAML_FILES), st.data())
def test_a_line_that_is_there_twice_is_refused_or_is_no_key(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, data: st.DataObject
) -> None:
    """What is read of a file with a line twice is what the file without it says."""
    lines = text.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    path = tmp_path_factory.getbasetemp() / "twice.yaml"
    path.write_bytes(b"".join([*lines[: at + 1], *lines[at:]]))
    try:
        content = read_yaml(path)
    except ConfigError as error:
        assert f"line {at + 2}: key " in str(error) or "not YAML" in str(error)  # noqa: PT017
        return
    path.write_bytes(text)
    once = read_yaml(path)
    items = lines[at].lstrip().startswith(b"- ")  # an entry of a list may be there twice
    assert items or content == once


@pytest.mark.parametrize("key", ["model", "sources", "detect", "unheard_of"])
def test_aliases_that_unfold_to_gigabytes_are_refused(tmp_path: Path, key: str) -> None:
    """Nine lists of nine aliases each, nine deep: 400 million leaves in 300 bytes."""
    path = tmp_path / "line.yaml"
    path.write_text(_nested(key, "abcdefghi"))
    with pytest.raises(ConfigError, match="line 8: expected 1048576 values in 64 levels at most"):
        read_yaml(path)
    path.write_text(_nested(key, "abcdef"))
    assert try_build(read_yaml(path))


def _nested(key: str, anchors: str) -> str:
    rows = ["- &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"- &{n} [{', '.join([f'*{m}'] * 9)}]" for m, n in itertools.pairwise(anchors)]
    return f"{key}:\n" + "\n".join(rows) + "\n"


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: expected at most 1048576 bytes, got more"):
        read_yaml(Path("/dev/zero"))


@given(st.text(min_size=1, max_size=30), st.integers(0, 2**32))
def test_any_address_of_a_source_is_accepted_or_refused(text: str, seed: int) -> None:
    known = [
        "0",
        "/dev/video0",
        "/dev/fd/0",
        "pipe:3",
        "tcp://host:8888",
        "scene://street?seed=7&fps=25",
        "rtsp://u:p@host/x",
        "file:///a",
    ]
    address = damage(random.Random(seed).choice(known).encode(), seed).decode(errors="replace")
    for uri in (text, address or "0"):
        model = str(REPOSITORY / "tests/golden/tiny.onnx")
        try:
            Line(build({"sources": [{"uri": uri}], "model": model}, LineConfig, "line.yaml"))
        except LineError:
            continue
